//! One attempt: a request to an endpoint, until the head of its response or a failure.

use std::pin::pin;
use std::sync::Arc;

use hallway_identity::{HandshakeFailure, Refuser};
use hallway_model::telemetry::{Direction, RefusalReason, ResponseFlag};
use hallway_traffic::retry::Failure;
use http::StatusCode;
use http::response::Parts;
use thiserror::Error;
use tokio::time::sleep_until;

use crate::access::AttemptFacts;
use crate::body::UploadProgress;
use crate::cluster::{Cluster, Endpoint};
use crate::connection::{Checkout, CheckoutError, SendError};
use crate::dial::{DialError, word};
use crate::outgoing::Outgoing;
use crate::pool::Overflow;
use crate::reply::{LocalReply, X_HALLWAY_ANSWERED_BY};
use crate::response::{Deadline, Download};
use crate::worker::Worker;

/// An upstream's answer.
pub(crate) struct Answer {
    /// Its head.
    pub(crate) head: Parts,
    /// Its body, still to come. Boxed early: it goes through many hands.
    pub(crate) download: Box<Download>,
}

impl Answer {
    /// Whether it is the refusal of a proxy inside, and not the answer of a service.
    pub(crate) fn is_of_a_proxy(&self) -> bool {
        let says_so = self.head.headers.contains_key(X_HALLWAY_ANSWERED_BY);
        says_so && self.download.is_from_sidecar() && !self.head.status.is_success()
    }
}

/// Why an attempt has no answer.
#[derive(Debug, Error)]
pub(crate) enum AttemptError {
    /// The cluster has no endpoint.
    #[error("the cluster `{0}` has no endpoint")]
    NoEndpoint(String),
    /// The cluster's limits are reached.
    #[error("all {} connections of the cluster are in use and {} requests wait for one", .0.connections, .0.pending)]
    Overflow(Overflow),
    /// The cluster's limit on requests is reached.
    #[error("the cluster has the {0} requests in flight that its limit allows")]
    TooManyRequests(u32),
    /// No connection could be opened.
    #[error("{0}")]
    Connect(Arc<DialError>),
    /// The peer refused the connection after its opening: in TLS 1.3 a client hears that only with the first answer.
    #[error("refused by the peer: {}: {}", word(.0.reason), .0.detail)]
    Refused(HandshakeFailure),
    /// The connection broke before the answer.
    #[error("the connection broke before the answer: {0}")]
    Reset(String),
    /// A timeout has passed.
    #[error("{}", .0.passed())]
    Timeout(Deadline),
    /// The caller broke off its request body, or broke the protocol in it.
    #[error("the caller broke off its request: {0}")]
    Downstream(String),
}

/// Whom an attempt asks, and on whose behalf.
#[derive(Clone, Copy)]
pub(crate) struct Upstream<'a> {
    pub(crate) worker: &'a Arc<Worker>,
    pub(crate) direction: Direction,
    pub(crate) cluster: &'a Cluster,
    pub(crate) endpoint: &'a Arc<Endpoint>,
    /// What is known of the caller's side of the request body.
    pub(crate) upload: &'a UploadProgress,
}

/// Makes one attempt. When it fails or its deadline passes, its checkout is dropped, which cancels the upstream's work.
pub(crate) async fn attempt(
    upstream: Upstream<'_>,
    request: Outgoing<'_>,
    deadline: Option<Deadline>,
    facts: &mut AttemptFacts,
) -> Result<Answer, AttemptError> {
    let mut trying = pin!(exchange(upstream, request, deadline, facts));
    let Some(deadline) = deadline else {
        return trying.await;
    };
    upstream.worker.horizon.include(deadline.at);
    tokio::select! {
        biased;
        result = trying.as_mut() => result,
        () = sleep_until(deadline.at) => Err(AttemptError::Timeout(deadline)),
    }
}

/// Sends the request. When a connection that was open before turns out to be closed before a byte was sent, a new one is
/// tried, once: the upstream has closed it because it was idle or old, which says nothing about the request.
async fn exchange(
    upstream: Upstream<'_>,
    mut request: Outgoing<'_>,
    deadline: Option<Deadline>,
    facts: &mut AttemptFacts,
) -> Result<Answer, AttemptError> {
    let in_flight = upstream
        .cluster
        .begin(upstream.endpoint)
        .map_err(AttemptError::TooManyRequests)?;
    let mut fresh = false;
    loop {
        let mut checkout = checkout(upstream, fresh, facts).await?;
        facts.sent = true;
        let taken = request.body.taken();
        match checkout.send(upstream.worker, request).await {
            Ok(response) if response.status().is_informational() => {
                return Err(AttemptError::Reset("it switched protocols unasked".to_owned()));
            }
            Ok(response) => {
                let (head, incoming) = response.into_parts();
                let download = Box::new(Download::new(incoming, deadline, checkout, taken, in_flight));
                return Ok(Answer { head, download });
            }
            Err(SendError {
                unsent: Some(unsent), ..
            }) if checkout.reused() && !fresh => {
                facts.sent = false;
                request = *unsent;
                fresh = true;
            }
            Err(failed) => {
                facts.sent = failed.may_be_executed;
                let error = failure(failed, &checkout, upstream.upload);
                facts.sent &= !matches!(error, AttemptError::Refused(_));
                return Err(error);
            }
        }
    }
}

async fn checkout(
    upstream: Upstream<'_>,
    fresh: bool,
    facts: &mut AttemptFacts,
) -> Result<Checkout, AttemptError> {
    let checkout = Checkout::new(upstream, fresh)
        .await
        .map_err(|error| match error {
            CheckoutError::Overflow(overflow) => AttemptError::Overflow(overflow),
            CheckoutError::Failed(error) => AttemptError::Connect(error),
        })?;
    facts.new_connection = !checkout.reused();
    facts.peer = checkout.peer().cloned();
    Ok(checkout)
}

fn failure(failed: SendError<'_>, checkout: &Checkout, upload: &UploadProgress) -> AttemptError {
    if upload.is_broken() {
        return AttemptError::Downstream(failed.cause);
    }
    match failed.refusal {
        Some(refusal) if !checkout.is_accepted() && is_of_certificate(&refusal) => {
            AttemptError::Refused(refusal)
        }
        _ => AttemptError::Reset(failed.cause),
    }
}

/// Whether the peer has refused this proxy's certificate, and so never looked at the request. Any other failure of TLS,
/// such as a record that was spoilt on the wire, may come after the request was executed.
fn is_of_certificate(refusal: &HandshakeFailure) -> bool {
    refusal.refuser == Refuser::Peer && refusal.reason != RefusalReason::HandshakeFailed
}

impl AttemptError {
    /// What the retry policy is told.
    pub(crate) fn failure(&self) -> Failure {
        match self {
            Self::NoEndpoint(_) => Failure::NoEndpoint,
            Self::Overflow(_) | Self::TooManyRequests(_) => Failure::Overflow,
            Self::Connect(_) | Self::Refused(_) => Failure::Connect,
            Self::Reset(_) => Failure::Reset,
            Self::Timeout(deadline) => Failure::Timeout(deadline.kind),
            Self::Downstream(_) => Failure::Downstream,
        }
    }

    /// The answer that the caller gets when there is no further attempt.
    pub(crate) fn reply(&self) -> LocalReply {
        let unavailable = StatusCode::SERVICE_UNAVAILABLE;
        let (status, flag, help) = match self {
            Self::NoEndpoint(_) => (
                unavailable,
                ResponseFlag::UH,
                "Start a workload of that service, and wait until it is ready.",
            ),
            Self::Overflow(_) | Self::TooManyRequests(_) => (
                unavailable,
                ResponseFlag::UO,
                "Send less at once, or raise the cluster's limits.",
            ),
            Self::Connect(_) | Self::Refused(_) => (
                unavailable,
                ResponseFlag::UF,
                "See whether the upstream's sidecar runs, and what its refusals say.",
            ),
            Self::Reset(_) => (
                unavailable,
                ResponseFlag::UC,
                "The upstream may have executed the request; see its log before sending it again.",
            ),
            Self::Timeout(_) => (
                StatusCode::GATEWAY_TIMEOUT,
                ResponseFlag::UT,
                "The upstream was too slow; its work was cancelled, and may be half done.",
            ),
            Self::Downstream(_) => (
                StatusCode::BAD_REQUEST,
                ResponseFlag::DPE,
                "Send the request body as its headers announce it.",
            ),
        };
        LocalReply::new(status, Some(flag), self.to_string(), help)
    }
}
