//! What both ends of an HTTP/2 connection share: settings, and bodies on their way out.

use std::error::Error;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::{Reason, SendStream};
use http::HeaderMap;
use http_body::Body;
use http_body_util::BodyExt;
use thiserror::Error;

/// How many streams a connection carries at once. Clients open a further connection beyond it: on one connection, one lost
/// packet holds up all streams.
pub(crate) const STREAMS: u32 = 256;

/// How much of one body may be on its way unread, in bytes.
pub(crate) const STREAM_WINDOW: u32 = 256 * 1024;

/// The same for all bodies of a connection.
pub(crate) const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// How much of one body h2 takes over before the peer can take it, in bytes.
pub(crate) const SEND_BUFFER: usize = 64 * 1024;

/// How long h2 remembers a stream that was reset, by the clock of this machine. It is longer than any simulation takes,
/// so that what is remembered there depends on the order of events alone.
pub(crate) const RESET_MEMORY: Duration = Duration::from_secs(3600);

/// How many of those it remembers.
pub(crate) const RESETS_REMEMBERED: usize = 64;

/// Why a body was not sent to its end.
#[derive(Debug, Error)]
pub(crate) enum Unsent<E: Error> {
    /// It broke off by itself; the peer was told with a reset.
    #[error("{0}")]
    Body(E),
    /// The peer does not want it, or is gone.
    #[error("{0}")]
    Stream(#[from] h2::Error),
    /// The peer has reset the stream.
    #[error("the stream was reset: {0}")]
    Reset(Reason),
}

/// Sends `body` on `stream`, at the pace of the peer's flow control.
///
/// # Errors
/// [`Unsent`]. Being dropped meanwhile resets the stream.
pub(crate) async fn send<B>(mut stream: SendStream<Bytes>, body: B) -> Result<(), Unsent<B::Error>>
where
    B: Body<Data = Bytes>,
    B::Error: Error,
{
    let mut body = pin!(body);
    loop {
        let frame = tokio::select! {
            biased;
            frame = body.frame() => frame,
            reset = reset(&mut stream) => return Err(reset.into()),
        };
        match frame {
            None => return Ok(stream.send_data(Bytes::new(), true)?),
            Some(Err(error)) => {
                stream.send_reset(Reason::INTERNAL_ERROR);
                return Err(Unsent::Body(error));
            }
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => {
                    let last = body.is_end_stream();
                    send_data(&mut stream, data, last).await?;
                    if last {
                        return Ok(());
                    }
                }
                Err(frame) => {
                    let trailers = frame.into_trailers().unwrap_or_else(|_| HeaderMap::new());
                    return Ok(stream.send_trailers(trailers)?);
                }
            },
        }
    }
}

/// Sends one piece, in parts as large as the peer allows.
async fn send_data(stream: &mut SendStream<Bytes>, mut data: Bytes, last: bool) -> Result<(), Stopped> {
    loop {
        stream.reserve_capacity(data.len());
        let capacity = match stream.capacity() {
            0 if !data.is_empty() => granted(stream).await?,
            capacity => capacity,
        };
        let part = data.split_to(capacity.min(data.len()));
        let done = data.is_empty();
        stream.send_data(part, done && last)?;
        if done {
            return Ok(());
        }
    }
}

/// Why sending stopped, when it was not because of the body.
enum Stopped {
    Stream(h2::Error),
    Reset(Reason),
}

/// Waits until the peer allows more bytes, and gives how many.
async fn granted(stream: &mut SendStream<Bytes>) -> Result<usize, Stopped> {
    poll_fn(|context| {
        if let Poll::Ready(reset) = stream.poll_reset(context) {
            return Poll::Ready(Err(reset.map_or_else(Stopped::Stream, Stopped::Reset)));
        }
        match stream.poll_capacity(context) {
            Poll::Ready(Some(capacity)) => Poll::Ready(capacity.map_err(Stopped::Stream)),
            // The stream is closed, which its reset tells.
            Poll::Ready(None) => Poll::Ready(Err(Stopped::Reset(Reason::STREAM_CLOSED))),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Waits until the peer resets the stream.
async fn reset(stream: &mut SendStream<Bytes>) -> Stopped {
    let reset = poll_fn(|context| stream.poll_reset(context)).await;
    reset.map_or_else(Stopped::Stream, Stopped::Reset)
}

impl From<h2::Error> for Stopped {
    fn from(error: h2::Error) -> Self {
        Self::Stream(error)
    }
}

impl<E: Error> From<Stopped> for Unsent<E> {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Stream(error) => Self::Stream(error),
            Stopped::Reset(reason) => Self::Reset(reason),
        }
    }
}
