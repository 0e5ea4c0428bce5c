//! One attempt: a request to an endpoint, until the head of its response or a failure.

use std::error::Error;
use std::io;
use std::sync::Arc;

use hallway_identity::HandshakeFailure;
use hallway_model::telemetry::{Direction, ResponseFlag};
use hallway_traffic::retry::Failure;
use http::response::Parts;
use http::{Request, StatusCode};
use thiserror::Error;

use crate::access::AttemptFacts;
use crate::body::{RequestBody, UploadProgress};
use crate::cluster::{Cluster, Endpoint};
use crate::connection::{Checkout, CheckoutError};
use crate::dial::{DialError, word};
use crate::pool::Overflow;
use crate::proxy::Proxy;
use crate::reply::LocalReply;
use crate::response::{Deadline, Download};

/// An upstream's answer.
pub(crate) struct Answer {
    /// Its head.
    pub(crate) head: Parts,
    /// Its body, still to come.
    pub(crate) download: Download,
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
    /// No connection could be opened.
    #[error(transparent)]
    Connect(DialError),
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
    pub(crate) proxy: &'a Arc<Proxy>,
    pub(crate) direction: Direction,
    pub(crate) cluster: &'a Cluster,
    pub(crate) endpoint: &'a Arc<Endpoint>,
    /// What is known of the caller's side of the request body.
    pub(crate) upload: &'a UploadProgress,
}

/// Makes one attempt. When it fails or its deadline passes, its connection is closed, which cancels the upstream's work.
pub(crate) async fn attempt(
    upstream: Upstream<'_>,
    request: Request<RequestBody>,
    deadline: Option<Deadline>,
    facts: &mut AttemptFacts,
) -> Result<Answer, AttemptError> {
    let trying = exchange(upstream, request, deadline, facts);
    match deadline {
        None => trying.await,
        Some(deadline) => tokio::time::timeout_at(deadline.at, trying)
            .await
            .unwrap_or(Err(AttemptError::Timeout(deadline))),
    }
}

/// Sends the request. When an idle connection turns out to be closed before a byte was sent, a new one is tried, once:
/// the upstream has closed it because it was idle, which says nothing about the request.
async fn exchange(
    upstream: Upstream<'_>,
    mut request: Request<RequestBody>,
    deadline: Option<Deadline>,
    facts: &mut AttemptFacts,
) -> Result<Answer, AttemptError> {
    let in_flight = upstream.endpoint.begin();
    let mut fresh = false;
    loop {
        let mut checkout = checkout(upstream, fresh, facts).await?;
        facts.sent = true;
        let taken = request.body().taken();
        match checkout.send(request).await {
            Ok(response) if response.status().is_informational() => {
                return Err(AttemptError::Reset("it switched protocols unasked".to_owned()));
            }
            Ok(response) => {
                let (head, incoming) = response.into_parts();
                let download = Download::new(incoming, deadline, checkout, taken, in_flight);
                return Ok(Answer { head, download });
            }
            Err(mut failed) => match failed.take_message() {
                Some(unsent) if checkout.reused() && !fresh => {
                    facts.sent = false;
                    request = unsent;
                    fresh = true;
                }
                unsent => {
                    let error = failure(&failed.into_error(), &checkout, upstream.upload);
                    facts.sent = unsent.is_none() && !matches!(error, AttemptError::Refused(_));
                    return Err(error);
                }
            },
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
            CheckoutError::Dial(error) => AttemptError::Connect(error),
        })?;
    facts.new_connection = !checkout.reused();
    facts.peer = checkout.peer().cloned();
    Ok(checkout)
}

fn failure(error: &hyper::Error, checkout: &Checkout, upload: &UploadProgress) -> AttemptError {
    if upload.is_broken() {
        return AttemptError::Downstream(described(error));
    }
    let refusal = causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .find_map(HandshakeFailure::from_io);
    match refusal {
        Some(refusal) if checkout.is_first_request() => AttemptError::Refused(refusal),
        _ => AttemptError::Reset(described(error)),
    }
}

fn causes<'a>(error: &'a hyper::Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause: &&'a (dyn Error + 'static)| {
        (*cause).source()
    })
}

/// An error with its causes: hyper's own words name only the outermost.
fn described(error: &hyper::Error) -> String {
    causes(error).fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

impl AttemptError {
    /// What the retry policy is told.
    pub(crate) fn failure(&self) -> Failure {
        match self {
            Self::NoEndpoint(_) => Failure::NoEndpoint,
            Self::Overflow(_) => Failure::Overflow,
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
            Self::Overflow(_) => (
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
