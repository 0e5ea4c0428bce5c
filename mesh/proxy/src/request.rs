//! The path of a request, from its head to the answer. The outbound and the inbound side of a sidecar share it, and a gateway.
//!
//! ```text
//! admit (UO) → parse (DPE) → accept? → authenticate (401) → authorize (403) → route (NR) → limit the rate (RL) → redirect, or rewrite →
//!     choose a backend by weight (500, NC) →
//!     loop { choose an endpoint (UH) → attempt within its deadline (UO, UF, UC, UT) → judge: return, or retry (URX, UO) }
//! ```
//! The capitals are Envoy's response flags. Decisions are those of `hallway-traffic`; this does the work between them.
//! Each request is served by the configuration that is in force when it arrives; one that comes before the first is held until that is
//! there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hallway_model::route::Target;
use hallway_model::telemetry::{Direction, ResponseFlag};
use hallway_traffic::retry::{self, Outcome, ReturnReason, Verdict};
use hallway_traffic::timeout::{TimeoutKind, allowance, remaining};
use hallway_traffic::{Selection, split};
use http::{Request, Response};
use http_body::Body;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::access::{AttemptFacts, Exchange};
use crate::attempt::{self, Answer, AttemptError, Upstream};
use crate::authentication::authenticate;
use crate::authorization::authorize;
use crate::body::Upload;
use crate::cluster::{Cluster, Endpoint};
use crate::configuration::Configuration;
use crate::downstream::Downstream;
use crate::front::Fronts;
use crate::head::{self, Head, Hop};
use crate::incoming::Incoming;
use crate::listener::SILENCE_TIMEOUT;
use crate::reply::{self, LocalReply};
use crate::response::{Deadline, Download, ResponseBody, forwarded};
use crate::worker::Worker;

/// Serves one request.
pub(crate) async fn handle(
    worker: &Arc<Worker>,
    downstream: &Arc<Downstream>,
    request: Request<Incoming>,
) -> Response<ResponseBody> {
    let mut exchange = Box::new(Exchange::begin(worker, downstream, &request));
    match serve(worker, downstream, &mut exchange, request).await {
        Ok(answer) => answer.map(|download| ResponseBody::upstream(download, exchange)),
        Err(reply) => reply.respond(worker, downstream.direction, exchange),
    }
}

async fn serve(
    worker: &Arc<Worker>,
    downstream: &Downstream,
    exchange: &mut Exchange,
    request: Request<Incoming>,
) -> Result<Response<Box<Download>>, LocalReply> {
    let proxy = &worker.proxy;
    exchange.admitted(proxy.admit().ok_or_else(reply::too_many_requests)?);
    let configuration = proxy.first_configuration().await;
    let configuration = configuration.ok_or_else(reply::not_configured)?;
    let (parts, body) = request.into_parts();
    let mut head = Head::parse(parts, downstream)?;
    exchange.asks_for(head.authority());
    // Who may call what is decided here: the peer is known, and nothing was done for it yet.
    accept(&configuration, downstream)?;
    let user = authenticate(&configuration, downstream, &mut head, exchange)?;
    authorize(&configuration, downstream, &head, user.as_deref(), exchange)?;

    let selection = route(&configuration, downstream, &head)?;
    exchange.routed(selection.rule);
    limit_rate(&configuration, downstream, &selection)?;
    if let Some(redirect) = &selection.rule.rule.redirect {
        return Err(reply::redirected(
            redirect,
            &head.asked(downstream, selection.matched_prefix),
        ));
    }
    let cluster = choose_cluster(worker, &configuration, downstream, &selection)?;
    exchange.clustered(cluster);
    let hop = Hop {
        downstream,
        request_id: exchange.request_id(),
        trace: exchange.trace(),
    };
    head.rewrite(&selection)?;
    head.prepare(&selection.rule.request_headers, &hop);

    let mut call = Call {
        worker,
        downstream,
        head,
        selection,
        cluster,
    };
    let most = configuration.fronts().and_then(Fronts::body_bytes);
    let mut upload = call.hold(exchange, body, most).await?;
    // ANCHOR: attempts
    let mut tried = BTreeSet::new();
    // ANCHOR: attempts
    loop {
        let mut facts = AttemptFacts::default();
        let chosen = cluster.choose(&tried, &worker.randomness.balance);
        let endpoint = chosen.map(|(_, endpoint)| endpoint);
        let result = call.attempt(exchange, &mut upload, endpoint, &mut facts).await;
        match call.judge(exchange, &upload, &facts, &result) {
            Verdict::Retry { after, .. } => pause(after, result.ok()).await,
            Verdict::Return { .. } => return call.finish(exchange, result),
        }
        tried.extend(chosen.map(|(position, _)| position));
    }
    // ANCHOR_END: attempts
}

/// Refuses plaintext on a connection that was accepted while it was still allowed.
fn accept(configuration: &Configuration, downstream: &Downstream) -> Result<(), LocalReply> {
    if downstream.direction != Direction::Inbound || configuration.accepts(downstream.peer.is_some()) {
        return Ok(());
    }
    Err(reply::no_longer_accepted())
}

/// The rule that the request selects.
fn route<'a>(
    configuration: &'a Configuration,
    downstream: &Downstream,
    head: &Head,
) -> Result<Selection<'a>, LocalReply> {
    if let Some(entrance) = &downstream.entrance {
        let authority = head.authority();
        let fronts = configuration.fronts().ok_or_else(reply::not_configured)?;
        return fronts
            .select(entrance, authority.host(), &head.for_routing())
            .map_err(|why| reply::unrouted(authority.as_str(), why));
    }
    let table = configuration
        .table(downstream.direction, head.authority().as_str())
        .ok_or_else(|| reply::unknown_authority(head.authority().as_str(), configuration.authorities()))?;
    table
        .select(&head.for_routing())
        .ok_or_else(|| reply::no_rule(table.name()))
}

/// Refuses a client of the gateway that has made as many requests as it may.
fn limit_rate(
    configuration: &Configuration,
    downstream: &Downstream,
    selection: &Selection<'_>,
) -> Result<(), LocalReply> {
    let (Some(entrance), Some(fronts)) = (&downstream.entrance, configuration.fronts()) else {
        return Ok(());
    };
    fronts
        .admit(entrance.address, &selection.rule.route)
        .map_err(|refused| reply::rate_limited(&refused))
}

/// The cluster that the request goes to, with all its attempts.
fn choose_cluster<'a>(
    worker: &Worker,
    configuration: &'a Configuration,
    downstream: &Downstream,
    selection: &Selection<'_>,
) -> Result<&'a Arc<Cluster>, LocalReply> {
    let rule = &selection.rule.rule;
    let chosen = worker
        .randomness
        .split
        .with(|random| split::choose(&rule.backends, random));
    match chosen.map(|backend| &backend.target) {
        None => Err(reply::no_backend(&rule.name)),
        Some(Target::Unresolved { reason }) => Err(reply::unresolved(reason)),
        Some(Target::Cluster(name)) => configuration
            .cluster(downstream.direction, name)
            .ok_or_else(|| reply::unknown_cluster(name)),
    }
}

/// What stays the same from attempt to attempt.
struct Call<'a> {
    worker: &'a Arc<Worker>,
    downstream: &'a Downstream,
    head: Head,
    selection: Selection<'a>,
    cluster: &'a Arc<Cluster>,
}

impl Call<'_> {
    /// Holds the body, if the request may have to be sent again, or if no more than `most` bytes are taken.
    async fn hold(
        &self,
        exchange: &Exchange,
        body: Incoming,
        most: Option<u64>,
    ) -> Result<Upload, LocalReply> {
        if body.is_end_stream() {
            return Ok(Upload::none());
        }
        let rule = &self.selection.rule.rule;
        let (hold, limit) = match most {
            Some(most) => (true, usize::try_from(most).unwrap_or(usize::MAX)),
            None => (
                rule.retry.is_some(),
                self.worker.proxy.bootstrap.limits.buffered_body_bytes,
            ),
        };
        let body = match self.downstream.direction {
            Direction::Gateway => body.impatient(SILENCE_TIMEOUT),
            Direction::Outbound | Direction::Inbound => body,
        };
        let holding = Upload::new(body, hold, limit, exchange.upload());
        let held = match rule.timeouts.request {
            None => holding.await,
            Some(limit) => {
                let at = exchange.arrived() + limit;
                let kind = TimeoutKind::Request;
                timeout_at(at, holding)
                    .await
                    .map_err(|_| AttemptError::Timeout(Deadline { at, kind, limit }).reply())?
            }
        };
        let held = held.map_err(|error| AttemptError::Downstream(error.to_string()).reply())?;
        match most {
            Some(most) if !held.is_replayable() => Err(reply::body_too_long(most)),
            _ => Ok(held),
        }
    }

    /// Makes one attempt at `endpoint`.
    async fn attempt(
        &mut self,
        exchange: &mut Exchange,
        upload: &mut Upload,
        endpoint: Option<&Arc<Endpoint>>,
        facts: &mut AttemptFacts,
    ) -> Result<Answer, AttemptError> {
        let began = Instant::now();
        let (attempt, span_id) = exchange.begin_attempt(endpoint, began);
        let endpoint = endpoint.ok_or_else(|| AttemptError::NoEndpoint(self.cluster.name.to_string()))?;
        let attempt = head::Attempt {
            direction: self.downstream.direction,
            number: attempt,
            last: self.selection.rule.rule.retry.is_none() || !upload.is_replayable(),
            trace: exchange.trace(),
            span_id,
        };
        let deadline = self.deadline(exchange, began);
        let request = self.head.for_attempt(upload.next(), &attempt);
        let upstream = Upstream {
            worker: self.worker,
            direction: self.downstream.direction,
            cluster: self.cluster,
            endpoint,
            upload: exchange.upload(),
        };
        attempt::attempt(upstream, request, deadline, facts).await
    }

    /// When an attempt has to end.
    fn deadline(&self, exchange: &Exchange, began: Instant) -> Option<Deadline> {
        let timeouts = &self.selection.rule.rule.timeouts;
        let allowance = allowance(timeouts, began.duration_since(exchange.arrived()))?;
        let limit = match allowance.kind {
            TimeoutKind::Request => timeouts.request,
            TimeoutKind::BackendRequest => timeouts.backend_request,
        };
        Some(Deadline {
            at: began + allowance.time,
            kind: allowance.kind,
            limit: limit.unwrap_or(allowance.time),
        })
    }

    /// Asks the retry policy, and enters what it says into the account.
    fn judge(
        &self,
        exchange: &mut Exchange,
        upload: &Upload,
        facts: &AttemptFacts,
        result: &Result<Answer, AttemptError>,
    ) -> Verdict {
        let rule = &self.selection.rule.rule;
        let attempt = retry::Attempt {
            method: self.head.method(),
            names_method: self.selection.names_method,
            outcome: match result {
                Ok(answer) => Outcome::Status(answer.head.status),
                Err(error) => Outcome::Failure(error.failure()),
            },
            sent: facts.sent,
            number: exchange.attempts(),
            replayable: upload.is_replayable(),
            remaining: remaining(&rule.timeouts, exchange.arrived().elapsed()),
        };
        let judging = |random: &mut _| retry::judge(rule.retry.as_ref(), &attempt, random);
        let budget = || match &self.cluster.retry_budget {
            None => Ok(()),
            Some(budget) => budget.retry(),
        };
        let verdict = self.worker.randomness.retry.with(judging).within(budget);
        let outcome = result.as_ref().map(|answer| answer.head.status);
        exchange.learned(facts, outcome.map_err(ToString::to_string));
        exchange.judged(verdict, rule.retry.as_ref().map_or(0, |policy| policy.attempts));
        if let Verdict::Return { reason: Some(reason) } = verdict {
            // As in Envoy, what its budget refuses is an overflow, and no limit of the request's own.
            match reason {
                ReturnReason::AttemptsUsedUp { attempts: 2.. } => exchange.flag(ResponseFlag::URX),
                ReturnReason::BudgetSpent(_) => exchange.flag(ResponseFlag::UO),
                _ => {}
            }
        }
        verdict
    }

    /// Turns the last attempt's result into the answer.
    fn finish(
        &self,
        exchange: &mut Exchange,
        result: Result<Answer, AttemptError>,
    ) -> Result<Response<Box<Download>>, LocalReply> {
        let answer = result.map_err(|error| error.reply())?;
        exchange.answered(answer.head.status);
        if self.downstream.direction == Direction::Gateway && answer.is_of_a_proxy() {
            return Err(reply::answered_inside(answer.head.status));
        }
        let edits = &self.selection.rule.response_headers;
        Ok(forwarded(self.worker, answer, edits))
    }
}

/// Waits before the next attempt. Meanwhile the rest of a rejected answer is read, so that its connection can serve again.
async fn pause(after: Duration, rejected: Option<Answer>) {
    let end = Instant::now() + after;
    if let Some(answer) = rejected {
        // An answer that takes longer than the pause is cancelled.
        let _ = timeout_at(end, answer.download.discard()).await;
    }
    sleep_until(end).await;
}
