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
use tokio::time::timeout;

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
    /// The peer has taken nothing for longer than it is waited for.
    #[error("the peer has taken nothing for too long")]
    Stalled,
}

/// Sends `body` on `stream`, at the pace of the peer's flow control, which may stand still for no longer than `patience`.
///
/// # Errors
/// [`Unsent`]. Being dropped meanwhile resets the stream.
pub(crate) async fn send<B>(
    mut stream: SendStream<Bytes>,
    body: B,
    patience: Option<Duration>,
) -> Result<(), Unsent<B::Error>>
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
                    send_data(&mut stream, data, last, patience).await?;
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
async fn send_data(
    stream: &mut SendStream<Bytes>,
    mut data: Bytes,
    last: bool,
    patience: Option<Duration>,
) -> Result<(), Stopped> {
    loop {
        stream.reserve_capacity(data.len());
        let capacity = match (stream.capacity(), patience) {
            (0, None) if !data.is_empty() => granted(stream).await?,
            (0, Some(patience)) if !data.is_empty() => timeout(patience, granted(stream))
                .await
                .map_err(|_| Stopped::Stalled)??,
            (capacity, _) => capacity,
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
    Stalled,
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
            Stopped::Stalled => Self::Stalled,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::{Request, Response};
    use http_body_util::Full;
    use tokio::time::Instant;

    use super::*;

    /// What comes of sending an answer larger than its window to a client that reads the connection, and `takes` the body or lets the
    /// window stay closed.
    async fn sent(takes: bool) -> Result<(), Unsent<Infallible>> {
        let (near, far) = tokio::io::duplex(1024 * 1024);
        let (client, server) = tokio::join!(h2::client::handshake(near), h2::server::handshake(far));
        let ((mut requests, connection), mut server) = (client.expect("a client"), server.expect("a server"));
        let client = async {
            let (response, _) = requests.send_request(Request::new(()), true).expect("a stream");
            let mut body = response.await.expect("an answer").into_body();
            while let (true, Some(data)) = (takes, body.data().await) {
                let length = data.expect("a piece").len();
                body.flow_control().release_capacity(length).expect("a window");
            }
            std::future::pending::<()>().await;
        };
        let answering = async {
            let (_, mut respond) = server.accept().await.expect("a request").expect("a good one");
            let stream = respond.send_response(Response::new(()), false).expect("a stream");
            let body = Full::new(Bytes::from(vec![0; 256 * 1024]));
            tokio::select! {
                sent = send(stream, body, Some(Duration::from_secs(60))) => sent,
                _ = server.accept() => unreachable!("there is one request"),
            }
        };
        tokio::select! {
            sent = answering => sent,
            _ = connection => unreachable!("the connection stays open"),
            () = client => unreachable!("the client stays"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_that_stays_closed_ends_the_answer() {
        let began = Instant::now();
        assert!(matches!(sent(false).await, Err(Unsent::Stalled)));
        assert_eq!(began.elapsed(), Duration::from_secs(60));
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_that_opens_lets_it_through() {
        sent(true).await.expect("all of it");
    }
}
