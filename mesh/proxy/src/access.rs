//! The account of one request: its access record, the spans of its attempts, its metrics.
//!
//! An [`Exchange`] lives from the arrival of a request until the end of its response and leaves its records when it is
//! dropped, whatever ended it: an answer, a failure, or a caller who went away and with whom the request's task was dropped.

use std::sync::Arc;

use hallway_model::SpiffeId;
use hallway_model::route::Rule;
use hallway_model::telemetry::{Access, Direction, Judgement, ProxyRecord, ResponseFlag, Span};
use hallway_traffic::request_id::{self, X_REQUEST_ID};
use hallway_traffic::trace_context::{TRACEPARENT, TraceContext, mint_span};
use http::{HeaderMap, Request, StatusCode};
use tokio::time::Instant;

use crate::body::UploadProgress;
use crate::cluster::{Cluster, Endpoint};
use crate::downstream::Downstream;
use crate::proxy::{Admitted, Proxy};
use crate::time::{epoch_micros, micros};

/// One request and what became of it.
pub(crate) struct Exchange {
    proxy: Arc<Proxy>,
    arrived: Instant,
    access: Access,
    span: Option<OpenSpan>,
    trace: TraceContext,
    upload: Arc<UploadProgress>,
    complete: bool,
    admitted: Option<Admitted>,
}

struct OpenSpan {
    began: Instant,
    span: Span,
}

/// What an attempt found out about its connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct AttemptFacts {
    /// Whether a connection was opened for it.
    pub(crate) new_connection: bool,
    /// Whether a byte of the request may have left.
    pub(crate) sent: bool,
    /// Who was there, as authenticated.
    pub(crate) peer: Option<SpiffeId>,
}

impl Exchange {
    /// The account of a request that has just arrived.
    pub(crate) fn begin<B>(proxy: &Arc<Proxy>, downstream: &Downstream, request: &Request<B>) -> Self {
        let headers = request.headers();
        let trusted = downstream.direction == Direction::Outbound || downstream.peer.is_some();
        let request_id = headers
            .get(X_REQUEST_ID)
            .filter(|_| trusted)
            .and_then(request_id::well_formed)
            .map_or_else(|| proxy.randomness.ids.with(request_id::mint), str::to_owned);
        let trace = headers
            .get(TRACEPARENT)
            .and_then(TraceContext::parse)
            .unwrap_or_else(|| proxy.randomness.ids.with(TraceContext::start));
        let access = Access {
            proxy: proxy.workload().to_owned(),
            direction: downstream.direction,
            start_us: epoch_micros(proxy.host.wall_clock()),
            duration_us: 0,
            request_id,
            trace_id: trace.trace_id().to_owned(),
            method: request.method().to_string(),
            authority: String::new(),
            path: request
                .uri()
                .path_and_query()
                .map_or_else(String::new, ToString::to_string),
            rule: None,
            origin: None,
            cluster: None,
            endpoint: None,
            downstream_peer: downstream.peer.clone(),
            upstream_peer: None,
            status: None,
            flags: Vec::new(),
            detail: None,
            attempts: 0,
            request_bytes: 0,
            response_bytes: 0,
            headers: logged_headers(&proxy.bootstrap.access_log_headers, headers),
        };
        Self {
            proxy: Arc::clone(proxy),
            arrived: Instant::now(),
            access,
            span: None,
            trace,
            upload: Arc::default(),
            complete: false,
            admitted: None,
        }
    }

    /// When the request arrived.
    pub(crate) fn arrived(&self) -> Instant {
        self.arrived
    }

    /// Its `x-request-id`.
    pub(crate) fn request_id(&self) -> &str {
        &self.access.request_id
    }

    /// How many attempts were made.
    pub(crate) fn attempts(&self) -> u32 {
        self.access.attempts
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
    pub(crate) fn asks_for(&mut self, authority: &str) {
        authority.clone_into(&mut self.access.authority);
    }

    /// Which rule routed it.
    pub(crate) fn routed(&mut self, rule: &Rule) {
        self.access.rule = Some(rule.name.clone());
        self.access.origin.clone_from(&rule.origin);
    }

    /// Which cluster was chosen.
    pub(crate) fn clustered(&mut self, cluster: &Cluster) {
        self.access.cluster = Some(cluster.name.clone());
    }

    /// Begins the span of the next attempt, and gives its number and its id.
    pub(crate) fn begin_attempt(&mut self, endpoint: Option<&Endpoint>) -> (u32, String) {
        self.access.attempts += u32::from(endpoint.is_some());
        self.access.endpoint = endpoint.map(|endpoint| endpoint.model.workload.clone());
        let span_id = self.proxy.randomness.ids.with(mint_span);
        let span = Span {
            proxy: self.access.proxy.clone(),
            direction: self.access.direction,
            trace_id: self.access.trace_id.clone(),
            span_id: span_id.clone(),
            parent_span_id: self.trace.parent().map(str::to_owned),
            request_id: self.access.request_id.clone(),
            attempt: self.access.attempts.max(1),
            start_us: epoch_micros(self.proxy.host.wall_clock()),
            duration_us: 0,
            cluster: self.access.cluster.clone(),
            endpoint: self.access.endpoint.clone(),
            upstream_peer: None,
            new_connection: false,
            status: None,
            error: None,
            judgement: Judgement::Returned { reason: None },
        };
        let number = span.attempt;
        self.span = Some(OpenSpan {
            began: Instant::now(),
            span,
        });
        (number, span_id)
    }

    /// What an attempt found out, as soon as it is known.
    pub(crate) fn learned(&mut self, facts: &AttemptFacts, outcome: Result<StatusCode, String>) {
        self.access.upstream_peer.clone_from(&facts.peer);
        if let Some(OpenSpan { span, .. }) = &mut self.span {
            span.new_connection = facts.new_connection;
            span.upstream_peer.clone_from(&facts.peer);
            match outcome {
                Ok(status) => span.status = Some(status.as_u16()),
                Err(error) => span.error = Some(error),
            }
        }
    }

    /// What became of the attempt. The span of one that is tried again ends here; the other ends with the response.
    pub(crate) fn judged(&mut self, judgement: Judgement) {
        let again = matches!(judgement, Judgement::Retried { .. });
        if let Some(OpenSpan { span, .. }) = &mut self.span {
            span.judgement = judgement;
        }
        if again {
            self.proxy.metrics.retried(&self.access);
            self.end_span();
        }
    }

    /// The status of the answer.
    pub(crate) fn answered(&mut self, status: StatusCode) {
        self.access.status = Some(status.as_u16());
    }

    /// Adds a response flag.
    pub(crate) fn flag(&mut self, flag: ResponseFlag) {
        if !self.access.flags.contains(&flag) {
            self.access.flags.push(flag);
            self.access.flags.sort_unstable();
        }
    }

    /// Says what exactly happened.
    pub(crate) fn explain(&mut self, detail: String) {
        self.access.detail = Some(detail);
    }

    /// Counts bytes of the response.
    pub(crate) fn add_response_bytes(&mut self, bytes: usize) {
        self.access.response_bytes += bytes as u64;
    }

    /// The response was handed over to its end.
    pub(crate) fn complete(&mut self) {
        self.complete = true;
    }

    /// The response broke off, by this proxy or its upstream.
    pub(crate) fn break_off(&mut self, flag: ResponseFlag, detail: String) {
        if let Some(OpenSpan { span, .. }) = &mut self.span {
            span.error = Some(detail.clone());
        }
        self.flag(flag);
        self.explain(detail);
        self.complete = true;
    }

    fn end_span(&mut self) {
        if let Some(OpenSpan { began, mut span }) = self.span.take() {
            span.duration_us = micros(began.elapsed());
            self.proxy.metrics.attempted(&span);
            self.proxy.record(ProxyRecord::Span(Box::new(span)));
        }
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
        self.access.request_bytes = self.upload.bytes();
        self.access.duration_us = micros(self.arrived.elapsed());
        self.proxy
            .metrics
            .requested(&self.access, &self.proxy.bootstrap.identity);
        self.proxy
            .record(ProxyRecord::Access(Box::new(self.access.clone())));
    }
}

fn logged_headers(names: &[String], headers: &HeaderMap) -> std::collections::BTreeMap<String, String> {
    let value = |name: &String| {
        let value = headers.get(name.as_str())?;
        Some((
            name.clone(),
            String::from_utf8_lossy(value.as_bytes()).into_owned(),
        ))
    };
    names.iter().filter_map(value).collect()
}
