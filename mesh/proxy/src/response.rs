//! Response bodies on their way down: counted, bounded by the deadline, and the end of the request's record.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hallway_model::telemetry::ResponseFlag;
use hallway_traffic::headers::{HeaderEdits, remove_hop_by_hop};
use hallway_traffic::timeout::TimeoutKind;
use http::header::DATE;
use http::{Response, Version};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use thiserror::Error;
use tokio::time::{Instant, Sleep};

use crate::access::Exchange;
use crate::attempt::Answer;
use crate::body::Taken;
use crate::cluster::InFlight;
use crate::connection::Checkout;
use crate::incoming::{BrokenBody, Incoming};
use crate::patience::Answering;
use crate::reply::X_HALLWAY_ANSWERED_BY;
use crate::worker::Worker;

/// The body of a response to the caller. When it ends or is dropped, the request is over and its records are left.
pub(crate) struct ResponseBody {
    source: Source,
    exchange: Box<Exchange>,
    /// Held until the end.
    answering: Option<Answering>,
}

enum Source {
    /// An answer of the proxy itself.
    Local(Option<Bytes>),
    /// An answer of the upstream.
    Upstream(Box<Download>),
}

/// A response whose body is still to be read from the upstream.
pub(crate) struct Download {
    incoming: Incoming,
    deadline: Option<Deadline>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// Given back at the end of the body; dropped, and with it the upstream's work cancelled, when there is none.
    checkout: Option<Checkout>,
    /// Whether the request was sent to its end: an upstream may answer before.
    taken: Taken,
    in_flight: Option<InFlight>,
}

/// When an attempt ends, body included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    /// The moment.
    pub(crate) at: Instant,
    /// The timeout that ends it.
    pub(crate) kind: TimeoutKind,
    /// What that timeout is configured to.
    pub(crate) limit: Duration,
}

/// Why a response breaks off. The caller sees its connection close.
#[derive(Debug, Error)]
pub(crate) enum BrokenResponse {
    #[error("{}", .0.passed())]
    Timeout(Deadline),
    #[error("the upstream broke off its answer: {0}")]
    Upstream(#[from] BrokenBody),
}

/// The answer as the caller gets it: its head cleared of what concerns the hop before, with the rule's `edits`.
pub(crate) fn forwarded(worker: &Worker, answer: Answer, edits: &HeaderEdits) -> Response<Box<Download>> {
    let Answer { mut head, download } = answer;
    head.version = Version::HTTP_11;
    remove_hop_by_hop(&mut head.headers);
    if !download.is_from_sidecar() {
        head.headers.remove(X_HALLWAY_ANSWERED_BY);
    }
    // RFC 9110 §6.6.1: whoever forwards a response without a date adds one.
    if !head.headers.contains_key(DATE) {
        head.headers.insert(DATE, worker.date());
    }
    edits.apply(&mut head.headers);
    Response::from_parts(head, download)
}

impl Deadline {
    /// What to say when it has passed.
    pub(crate) fn passed(&self) -> String {
        format!("{} of {} ms has passed", self.kind, self.limit.as_millis())
    }
}

impl Download {
    pub(crate) fn new(
        incoming: Incoming,
        deadline: Option<Deadline>,
        checkout: Checkout,
        taken: Taken,
        in_flight: InFlight,
    ) -> Self {
        Self {
            incoming,
            deadline,
            sleep: None,
            checkout: Some(checkout),
            taken,
            in_flight: Some(in_flight),
        }
    }

    /// Whether a sidecar answered, and not an application.
    pub(crate) fn is_from_sidecar(&self) -> bool {
        self.checkout
            .as_ref()
            .is_some_and(|checkout| checkout.peer().is_some())
    }

    /// Reads the rest and forgets it, so that the connection can serve again.
    pub(crate) async fn discard(mut self) {
        while let Some(Ok(_)) = self.incoming.frame().await {}
        self.finish_at_end();
    }

    fn finish_at_end(&mut self) -> bool {
        let ended = self.incoming.is_end_stream();
        if ended {
            self.finish();
        }
        ended
    }

    fn finish(&mut self) {
        self.in_flight = None;
        if let Some(checkout) = self.checkout.take() {
            checkout.finish(self.taken.is_whole());
        }
    }

    fn cancel(&mut self) {
        self.in_flight = None;
        self.checkout = None;
    }

    /// Whether the deadline has passed. A timer is set only for one who has to `wait`: most bodies are there with their heads.
    fn poll_deadline(&mut self, context: &mut Context<'_>, wait: bool) -> Poll<Deadline> {
        let Some(deadline) = self.deadline else {
            return Poll::Pending;
        };
        if !wait {
            let passed = deadline.at <= Instant::now();
            return if passed {
                Poll::Ready(deadline)
            } else {
                Poll::Pending
            };
        }
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline.at)));
        sleep.as_mut().poll(context).map(|()| deadline)
    }
}

impl ResponseBody {
    /// The body of an answer of the proxy itself.
    pub(crate) fn local(text: Bytes, mut exchange: Box<Exchange>) -> Self {
        exchange.add_response_bytes(text.len());
        exchange.complete();
        Self {
            source: Source::Local((!text.is_empty()).then_some(text)),
            exchange,
            answering: None,
        }
    }

    /// The body of an upstream's answer.
    pub(crate) fn upstream(mut download: Box<Download>, mut exchange: Box<Exchange>) -> Self {
        // The server does not ask for the frames of a body that is empty.
        if download.finish_at_end() {
            exchange.complete();
        }
        Self {
            source: Source::Upstream(download),
            exchange,
            answering: None,
        }
    }

    /// When it must have ended, unless it has.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.source {
            Source::Upstream(download) if !self.exchange.is_complete() => {
                download.deadline.map(|deadline| deadline.at)
            }
            _ => None,
        }
    }

    /// Has the connection's patience see to it that the deadline holds even if nobody asks for the body.
    pub(crate) fn awaited(mut self, answering: Answering) -> Self {
        answering.until(self.deadline());
        self.answering = Some(answering);
        self
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BrokenResponse;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenResponse>>> {
        let Self { source, exchange, .. } = self.get_mut();
        let download = match source {
            Source::Local(text) => return Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Source::Upstream(download) => download,
        };
        let polled = Pin::new(&mut download.incoming).poll_frame(context);
        if let Poll::Ready(deadline) = download.poll_deadline(context, polled.is_pending()) {
            download.cancel();
            exchange.break_off(ResponseFlag::UT, deadline.passed());
            return Poll::Ready(Some(Err(BrokenResponse::Timeout(deadline))));
        }
        match std::task::ready!(polled) {
            Some(Ok(frame)) => {
                exchange.add_response_bytes(frame.data_ref().map_or(0, Bytes::len));
                // The server may not ask again after the last frame.
                if download.finish_at_end() {
                    exchange.complete();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(error)) => {
                download.cancel();
                exchange.break_off(ResponseFlag::UC, format!("the answer broke off: {error}"));
                Poll::Ready(Some(Err(error.into())))
            }
            None => {
                download.finish();
                exchange.complete();
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Local(text) => text.is_none(),
            Source::Upstream(download) => download.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Local(text) => SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64)),
            Source::Upstream(download) => download.incoming.size_hint(),
        }
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        let Source::Upstream(download) = &self.source else {
            return;
        };
        if let Some(deadline) = download.deadline
            && deadline.at <= Instant::now()
            && !self.exchange.is_complete()
        {
            // Its connection was cut off because the caller did not read.
            self.exchange.break_off(ResponseFlag::UT, deadline.passed());
        }
    }
}
