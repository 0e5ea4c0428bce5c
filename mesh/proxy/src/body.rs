//! Request bodies on their way up: held whole so that they can be sent again, or streamed.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use hallway_traffic::forwarding::is_claim;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;

use crate::incoming::{BrokenBody, Incoming};

/// The body of one request, from which each attempt gets its own.
pub(crate) enum Upload {
    /// Held whole.
    Held {
        data: Bytes,
        trailers: Option<HeaderMap>,
    },
    /// Too long to hold, or not worth it: the first attempt takes it.
    Once(Option<RequestBody>),
}

/// The body of one attempt.
pub(crate) struct RequestBody {
    first: Option<Bytes>,
    rest: Rest,
    taken: Taken,
}

/// Whether the connection has taken a body to its end. There is nothing to take of an empty one.
#[derive(Clone, Debug)]
pub(crate) struct Taken(Option<Arc<AtomicBool>>);

enum Rest {
    Trailers(Option<HeaderMap>),
    Stream {
        incoming: Incoming,
        progress: Arc<UploadProgress>,
    },
}

/// What is known of the caller's side of a body.
#[derive(Debug, Default)]
pub(crate) struct UploadProgress {
    bytes: AtomicU64,
    broken: AtomicBool,
}

impl Taken {
    /// Whether it has: if not, nothing else can be sent on that connection.
    pub(crate) fn is_whole(&self) -> bool {
        self.0.as_ref().is_none_or(|taken| taken.load(Ordering::Relaxed))
    }
}

impl UploadProgress {
    /// How many bytes the caller has sent.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether the caller broke it off, or broke the protocol in it.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    fn add(&self, data: &Bytes) {
        self.bytes.fetch_add(data.len() as u64, Ordering::Relaxed);
    }
}

impl Upload {
    /// Of a request without a body.
    pub(crate) fn none() -> Self {
        Self::Held {
            data: Bytes::new(),
            trailers: None,
        }
    }

    /// Holds `incoming` whole when it ends within `limit` bytes; streams it when it does not, or when `hold` is not set.
    ///
    /// # Errors
    /// When the caller breaks it off.
    pub(crate) async fn new(
        mut incoming: Incoming,
        hold: bool,
        limit: usize,
        progress: &Arc<UploadProgress>,
    ) -> Result<Self, BrokenBody> {
        let mut held = BytesMut::new();
        let mut trailers = None;
        let known_too_long = incoming.size_hint().lower() > limit as u64;
        while !incoming.is_end_stream() {
            if !hold || known_too_long || held.len() > limit {
                let first = held.freeze();
                let progress = Arc::clone(progress);
                let rest = Rest::Stream { incoming, progress };
                return Ok(Self::Once(Some(RequestBody::new(first, rest))));
            }
            let Some(frame) = incoming.frame().await else {
                break;
            };
            match frame?.into_data() {
                Ok(data) => {
                    progress.add(&data);
                    held.extend_from_slice(&data);
                }
                Err(frame) => trailers = frame.into_trailers().ok().map(without_claims),
            }
        }
        Ok(Self::Held {
            data: held.freeze(),
            trailers,
        })
    }

    /// Whether a further attempt could have it.
    pub(crate) fn is_replayable(&self) -> bool {
        matches!(self, Self::Held { .. })
    }

    /// The body for the next attempt.
    ///
    /// # Panics
    /// When it is not replayable and an attempt has already taken it.
    pub(crate) fn next(&mut self) -> RequestBody {
        match self {
            Self::Held { data, trailers } => RequestBody::new(data.clone(), Rest::Trailers(trailers.clone())),
            Self::Once(body) => body.take().expect("a body that is not held is sent once"),
        }
    }
}

/// Trailers must not say what the same header is not allowed to.
fn without_claims(mut trailers: HeaderMap) -> HeaderMap {
    let claims: Vec<_> = trailers.keys().filter(|name| is_claim(name)).cloned().collect();
    for name in claims {
        trailers.remove(name);
    }
    trailers
}

impl RequestBody {
    fn new(first: Bytes, rest: Rest) -> Self {
        let mut body = Self {
            first: (!first.is_empty()).then_some(first),
            rest,
            taken: Taken(None),
        };
        if !body.is_end_stream() {
            body.taken = Taken(Some(Arc::default()));
        }
        body
    }

    /// Tells whether it was taken to its end.
    pub(crate) fn taken(&self) -> Taken {
        self.taken.clone()
    }

    fn note_end(&self, ended: bool) {
        if let Some(taken) = &self.taken.0 {
            taken.fetch_or(ended, Ordering::Relaxed);
        }
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        let (incoming, progress) = match &mut self.rest {
            Rest::Trailers(trailers) => {
                return Poll::Ready(trailers.take().map(|trailers| Ok(Frame::trailers(trailers))));
            }
            Rest::Stream { incoming, progress } => (incoming, progress),
        };
        let polled = Pin::new(incoming).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    progress.add(data);
                }
            }
            Poll::Ready(Some(Err(_))) => progress.broken.store(true, Ordering::Relaxed),
            Poll::Ready(None) | Poll::Pending => {}
        }
        polled.map_ok(|frame| match frame.into_trailers() {
            Ok(trailers) => Frame::trailers(without_claims(trailers)),
            Err(frame) => frame,
        })
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BrokenBody;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        let polled = self.poll_next(context);
        self.note_end(matches!(polled, Poll::Ready(None)) || self.is_end_stream());
        polled
    }

    fn is_end_stream(&self) -> bool {
        let rest = match &self.rest {
            Rest::Trailers(trailers) => trailers.is_none(),
            Rest::Stream { incoming, .. } => incoming.is_end_stream(),
        };
        self.first.is_none() && rest
    }

    fn size_hint(&self) -> SizeHint {
        let first = self.first.as_ref().map_or(0, |first| first.len() as u64);
        let rest = match &self.rest {
            // The framing must leave room for them: only chunks can be followed by trailers.
            Rest::Trailers(Some(_)) => return SizeHint::default(),
            Rest::Trailers(None) => SizeHint::with_exact(0),
            Rest::Stream { incoming, .. } => incoming.size_hint(),
        };
        let mut hint = SizeHint::new();
        hint.set_lower(first + rest.lower());
        if let Some(upper) = rest.upper() {
            hint.set_upper(first + upper);
        }
        hint
    }
}
