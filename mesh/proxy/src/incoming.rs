//! Bodies as they come in, whatever carries them.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body::{Body, Frame, SizeHint};
use thiserror::Error;
use tokio::time::{Instant, Sleep, sleep};

/// A body that is still to be read.
pub(crate) enum Incoming {
    /// Of an HTTP/1.1 message.
    Http1(hyper::body::Incoming),
    /// Of an HTTP/2 stream.
    Http2(Stream),
    /// In a lane between sidecars.
    Lane(hallway_lanes::Receiving),
    /// Of somebody who is not waited for without end.
    Impatient(Box<Impatient>),
}

/// A body that breaks off when nothing of it comes for too long.
pub(crate) struct Impatient {
    body: Incoming,
    limit: Duration,
    silent: Pin<Box<Sleep>>,
}

/// What comes in on an HTTP/2 stream.
pub(crate) struct Stream {
    stream: RecvStream,
    /// Whether only trailers can follow.
    at_trailers: bool,
    /// How many bytes are still to come, where the head has said it. h2 holds the peer to it.
    announced: Option<u64>,
}

/// Why a body broke off.
#[derive(Debug, Error)]
pub(crate) enum BrokenBody {
    #[error(transparent)]
    Http1(#[from] hyper::Error),
    #[error(transparent)]
    Http2(#[from] h2::Error),
    #[error(transparent)]
    Lane(#[from] hallway_lanes::Error),
    #[error("nothing of it came for {0:?}")]
    Silent(Duration),
}

impl Incoming {
    /// The body of a message with `headers` that comes in on `stream`.
    pub(crate) fn http2(stream: RecvStream, headers: &HeaderMap) -> Self {
        let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        Self::Http2(Stream {
            announced: length.and_then(|length| length.parse().ok()),
            stream,
            at_trailers: false,
        })
    }

    /// The same, which breaks off when nothing of it comes for `limit`.
    pub(crate) fn impatient(self, limit: Duration) -> Self {
        if self.is_end_stream() {
            return self;
        }
        Self::Impatient(Box::new(Impatient {
            body: self,
            limit,
            silent: Box::pin(sleep(limit)),
        }))
    }
}

impl Impatient {
    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if polled.is_ready() {
            self.silent.as_mut().reset(Instant::now() + self.limit);
            return polled;
        }
        self.silent
            .as_mut()
            .poll(context)
            .map(|()| Some(Err(BrokenBody::Silent(self.limit))))
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = BrokenBody;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        match self.get_mut() {
            Self::Http1(body) => Pin::new(body).poll_frame(context).map_err(Into::into),
            Self::Http2(stream) => stream.poll_frame(context).map_err(Into::into),
            Self::Lane(body) => Pin::new(body).poll_frame(context).map_err(Into::into),
            Self::Impatient(body) => body.poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(body) => body.is_end_stream(),
            Self::Http2(stream) => stream.stream.is_end_stream(),
            Self::Lane(body) => body.is_end_stream(),
            Self::Impatient(impatient) => impatient.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http1(body) => body.size_hint(),
            Self::Http2(stream) => stream.size_hint(),
            Self::Lane(body) => body.size_hint(),
            Self::Impatient(impatient) => impatient.body.size_hint(),
        }
    }
}

impl Stream {
    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        if !self.at_trailers {
            match ready!(self.stream.poll_data(context)) {
                Some(Ok(data)) => {
                    // It is asked for only when the next hop can take it: that is when the peer may send more.
                    self.stream.flow_control().release_capacity(data.len())?;
                    let length = data.len() as u64;
                    self.announced = self.announced.map(|announced| announced.saturating_sub(length));
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => self.at_trailers = true,
            }
        }
        let trailers = ready!(self.stream.poll_trailers(context))?;
        Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn size_hint(&self) -> SizeHint {
        match self.announced {
            _ if self.stream.is_end_stream() => SizeHint::with_exact(0),
            Some(announced) => SizeHint::with_exact(announced),
            None => SizeHint::default(),
        }
    }
}
