//! The account of one request: its access record, the spans of its attempts, its metrics.
//!
//! An [`Exchange`] lives from the arrival of a request until the end of its response and leaves its records when it is
//! dropped, whatever ended it: an answer, a failure, or a caller who went away and with whom the request's task was dropped.
//! Until then it only holds on to what it was told: the words of a record are written when there is to be one.

mod record;

use std::sync::Arc;
use std::time::SystemTime;

use hallway_model::telemetry::{Denial, Direction, ResponseFlag};
use hallway_traffic::CompiledRule;
use hallway_traffic::request_id::{self, X_REQUEST_ID};
use hallway_traffic::retry::{ReturnReason, Verdict};
use hallway_traffic::trace_context::{SpanId, TRACEPARENT, TraceContext, mint_span};
use http::header::CONTENT_TYPE;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use tokio::time::Instant;

use crate::body::UploadProgress;
use crate::cluster::{Cluster, Endpoint};
use crate::downstream::Downstream;
use crate::metrics::{AttemptKey, DenialKey, RequestKey, RouteKey, UNKNOWN};
use crate::peer::Peer;
use crate::proxy::Admitted;
use crate::reply::{self, LocalReply};
use crate::retry_budget::{Ongoing, RetryBudget};
use crate::worker::Worker;

/// One request and what became of it.
pub(crate) struct Exchange {
    worker: Arc<Worker>,
    downstream: Arc<Downstream>,
    arrived: Instant,
    /// The time of day at which it arrived; none when nobody will ask.
    arrived_at: Option<SystemTime>,
    request_id: HeaderValue,
    trace: TraceContext,
    method: Method,
    /// Whether it is a gRPC call.
    is_grpc: bool,
    path: Option<PathAndQuery>,
    authority: Option<Authority>,
    /// The headers that the access log repeats.
    logged: Vec<(String, HeaderValue)>,
    rule: Option<Arc<CompiledRule>>,
    cluster: Option<Arc<Cluster>>,
    /// Keeps the request counted in the retry budget of that cluster.
    ongoing: Option<Ongoing>,
    endpoint: Option<Arc<Endpoint>>,
    upstream_peer: Option<Arc<Peer>>,
    status: Option<StatusCode>,
    flags: Vec<ResponseFlag>,
    detail: Option<String>,
    denial: Option<Denial>,
    attempts: u32,
    response_bytes: u64,
    span: Option<Span>,
    upload: Arc<UploadProgress>,
    complete: bool,
    admitted: Option<Admitted>,
}

/// The attempt that is under way.
struct Span {
    began: Instant,
    id: SpanId,
    new_connection: bool,
    peer: Option<Arc<Peer>>,
    status: Option<StatusCode>,
    error: Option<String>,
    verdict: Option<(Verdict, u32)>,
}

/// What an attempt found out about its connection.
#[derive(Clone, Default)]
pub(crate) struct AttemptFacts {
    /// Whether a connection was opened for it.
    pub(crate) new_connection: bool,
    /// Whether a byte of the request may have left.
    pub(crate) sent: bool,
    /// Who was there, as authenticated.
    pub(crate) peer: Option<Arc<Peer>>,
}

impl Exchange {
    /// The account of a request that has just arrived.
    pub(crate) fn begin<B>(worker: &Arc<Worker>, downstream: &Arc<Downstream>, request: &Request<B>) -> Self {
        let bootstrap = &worker.proxy.bootstrap;
        let headers = request.headers();
        let ids = &worker.randomness.ids;
        // ANCHOR: identifiers
        let trusted = downstream.direction == Direction::Outbound || downstream.peer.is_some();
        let request_id = headers
            .get(X_REQUEST_ID)
            .filter(|id| trusted && request_id::well_formed(id).is_some())
            .cloned()
            .unwrap_or_else(|| minted(&ids.with(request_id::mint)));
        let request_id = unremembered(request_id);
        let trace = headers
            .get(TRACEPARENT)
            .and_then(TraceContext::parse)
            .unwrap_or_else(|| ids.with(TraceContext::start));
        // ANCHOR_END: identifiers
        let logs = bootstrap.access_log;
        Self {
            arrived: Instant::now(),
            arrived_at: logs.then(|| worker.proxy.host.wall_clock()),
            request_id,
            trace,
            method: request.method().clone(),
            is_grpc: is_grpc(headers),
            path: request.uri().path_and_query().cloned(),
            authority: None,
            logged: match logs {
                true => logged_headers(&bootstrap.access_log_headers, headers),
                false => Vec::new(),
            },
            rule: None,
            cluster: None,
            ongoing: None,
            endpoint: None,
            upstream_peer: None,
            status: None,
            flags: Vec::new(),
            detail: None,
            denial: None,
            attempts: 0,
            response_bytes: 0,
            span: None,
            upload: Arc::default(),
            complete: false,
            admitted: None,
            worker: Arc::clone(worker),
            downstream: Arc::clone(downstream),
        }
    }

    /// When the request arrived.
    pub(crate) fn arrived(&self) -> Instant {
        self.arrived
    }

    /// What time of day it is.
    pub(crate) fn wall_clock(&self) -> SystemTime {
        self.worker.proxy.host.wall_clock()
    }

    /// Its `x-request-id`.
    pub(crate) fn request_id(&self) -> &HeaderValue {
        &self.request_id
    }

    /// Whether it is a gRPC call.
    pub(crate) fn is_grpc(&self) -> bool {
        self.is_grpc
    }

    /// How many attempts were made.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The trace that it belongs to.
    pub(crate) fn trace(&self) -> &TraceContext {
        &self.trace
    }

    /// What is known of the caller's side of the request body.
    pub(crate) fn upload(&self) -> &Arc<UploadProgress> {
        &self.upload
    }

    /// Keeps the request counted as in flight until its end.
    pub(crate) fn admitted(&mut self, admitted: Admitted) {
        self.admitted = Some(admitted);
    }

    /// What it asked for.
    pub(crate) fn asks_for(&mut self, authority: &Authority) {
        self.authority = Some(authority.clone());
    }

    /// Which rule routed it.
    pub(crate) fn routed(&mut self, rule: &Arc<CompiledRule>) {
        self.rule = Some(Arc::clone(rule));
    }

    /// Which cluster was chosen.
    pub(crate) fn clustered(&mut self, cluster: &Arc<Cluster>) {
        self.cluster = Some(Arc::clone(cluster));
        self.ongoing = cluster.retry_budget.as_ref().map(RetryBudget::begin);
    }

    /// Begins the span of the next attempt, and gives its number and its id.
    pub(crate) fn begin_attempt(
        &mut self,
        endpoint: Option<&Arc<Endpoint>>,
        began: Instant,
    ) -> (u32, SpanId) {
        self.attempts += u32::from(endpoint.is_some());
        self.endpoint = endpoint.cloned();
        let id = self.worker.randomness.ids.with(mint_span);
        self.span = Some(Span {
            began,
            id,
            new_connection: false,
            peer: None,
            status: None,
            error: None,
            verdict: None,
        });
        (self.attempts.max(1), id)
    }

    /// What an attempt found out, as soon as it is known.
    pub(crate) fn learned(&mut self, facts: &AttemptFacts, outcome: Result<StatusCode, String>) {
        self.upstream_peer.clone_from(&facts.peer);
        if let Some(span) = &mut self.span {
            span.new_connection = facts.new_connection;
            span.peer.clone_from(&facts.peer);
            match outcome {
                Ok(status) => span.status = Some(status),
                Err(error) => span.error = Some(error),
            }
        }
    }

    /// What became of the attempt, by a policy that allows so many retries. The span of one that is tried again ends here; the other
    /// ends with the response.
    pub(crate) fn judged(&mut self, verdict: Verdict, retries: u32) {
        if let Some(span) = &mut self.span {
            span.verdict = Some((verdict, retries));
        }
        match verdict {
            Verdict::Retry { .. } => {
                self.worker.series.retried(&self.route_key());
                self.end_span();
            }
            Verdict::Return {
                reason: Some(ReturnReason::BudgetSpent(_)),
            } => self.worker.series.overflowed(&self.route_key()),
            Verdict::Return { .. } => {}
        }
    }

    /// The status of the answer.
    pub(crate) fn answered(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    /// Adds a response flag.
    pub(crate) fn flag(&mut self, flag: ResponseFlag) {
        if !self.flags.contains(&flag) {
            self.flags.push(flag);
            self.flags.sort_unstable();
        }
    }

    /// Says what exactly happened.
    pub(crate) fn explain(&mut self, detail: String) {
        self.detail = Some(detail);
    }

    /// The rules of this workload refuse it: the answer to that.
    pub(crate) fn deny(&mut self, denial: Denial) -> LocalReply {
        self.worker.series.denied(&DenialKey {
            direction: self.downstream.direction,
            because: denial.because(),
            rule: denial.rule(),
        });
        let reply = reply::denied(&denial);
        self.denial = Some(denial);
        reply
    }

    /// Counts bytes of the response.
    pub(crate) fn add_response_bytes(&mut self, bytes: usize) {
        self.response_bytes += bytes as u64;
    }

    /// The response was handed over to its end.
    pub(crate) fn complete(&mut self) {
        self.complete = true;
    }

    /// Whether the response has ended, or was broken off.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete
    }

    /// The response broke off, by this proxy or its upstream.
    pub(crate) fn break_off(&mut self, flag: ResponseFlag, detail: String) {
        if let Some(span) = &mut self.span {
            span.error = Some(detail.clone());
        }
        self.flag(flag);
        self.explain(detail);
        self.complete = true;
    }

    fn end_span(&mut self) {
        let Some(span) = self.span.take() else { return };
        self.worker.series.attempted(&AttemptKey {
            direction: self.downstream.direction,
            cluster: self.cluster_name(),
            response_code: code(span.status),
        });
        if self.arrived_at.is_some() {
            self.worker.record(&self.span_record(span));
        }
    }

    fn route_key(&self) -> RouteKey<'_> {
        RouteKey {
            direction: self.downstream.direction,
            route: self.rule.as_ref().map_or(UNKNOWN, |rule| &rule.rule.name),
            cluster: self.cluster_name(),
        }
    }

    fn request_key(&self) -> RequestKey<'_> {
        let own = self.worker.proxy.principal.as_str();
        let RouteKey {
            direction,
            route,
            cluster,
        } = self.route_key();
        let (source, destination) = match direction {
            Direction::Outbound => (own, principal(self.upstream_peer.as_ref())),
            Direction::Inbound => (principal(self.downstream.peer.as_ref()), own),
            Direction::Gateway => (UNKNOWN, principal(self.upstream_peer.as_ref())),
        };
        RequestKey {
            direction,
            route,
            cluster,
            source,
            destination,
            response_code: code(self.status),
            flags: &self.flags,
        }
    }

    fn cluster_name(&self) -> &str {
        self.cluster.as_ref().map_or(UNKNOWN, |cluster| &cluster.name.0)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.complete {
            self.break_off(
                ResponseFlag::DC,
                "the caller left before its answer was complete".to_owned(),
            );
        }
        self.end_span();
        let duration = self.arrived.elapsed();
        let (request, route) = (self.request_key(), self.route_key());
        self.worker.series.requested(&request, &route, duration);
        if let Some(arrived_at) = self.arrived_at {
            self.worker.record(&self.access_record(arrived_at, duration));
        }
    }
}

fn principal(peer: Option<&Arc<Peer>>) -> &str {
    peer.map_or(UNKNOWN, |peer| &peer.principal)
}

fn code(status: Option<StatusCode>) -> u16 {
    status.map_or(0, |status| status.as_u16())
}

/// Source: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>, "Content-Type".
fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let rest = kind.and_then(|kind| kind.strip_prefix(b"application/grpc"));
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

/// A header that HPACK is told not to remember, since no two are alike.
fn unremembered(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}

fn minted(id: &str) -> HeaderValue {
    HeaderValue::from_str(id).expect("a minted id is plain ASCII")
}

fn logged_headers(names: &[String], headers: &HeaderMap) -> Vec<(String, HeaderValue)> {
    let value = |name: &String| Some((name.clone(), headers.get(name.as_str())?.clone()));
    names.iter().filter_map(value).collect()
}
