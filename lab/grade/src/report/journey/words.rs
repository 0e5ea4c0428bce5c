//! What happened at each step, in words.

use hallway_evidence::ledger::Outcome;
use hallway_evidence::{ClientRecord, LedgerEntry};
use hallway_model::telemetry::{Access, Denial, Judgement, Span};
use hallway_scenario::Scenario;
use hallway_scenario::traffic::{INTRUDER, OUTSIDE};

use crate::evidence::{failure_words, service_of};
use crate::text;

/// How the request began.
pub(super) fn departure(request: &ClientRecord, scenario: &Scenario) -> String {
    let traffic = scenario.traffic.get(&request.traffic);
    let (from, via) = traffic.map_or((None, None), |traffic| {
        (traffic.from.as_deref(), traffic.via.as_deref())
    });
    match (from, via) {
        (_, Some(service)) => format!("asks {service} to make the call"),
        (Some(OUTSIDE), None) => format!("comes from outside to the gateway ({})", request.traffic),
        (Some(INTRUDER), None) => format!("sends as an intruder, past all sidecars ({})", request.traffic),
        (Some(service), None) => format!("sends to the sidecar of {service}"),
        (None, None) => "sends".to_owned(),
    }
}

/// What the client got.
pub(super) fn arrival(request: &ClientRecord) -> String {
    match &request.outcome {
        Ok(response) => match &response.proxy_message {
            Some(message) => format!("{} ({message})", response.status),
            None => response.status.to_string(),
        },
        Err(failure) => format!("{}: {}", failure_words(failure.kind), failure.detail),
    }
}

/// How a proxy routed it.
pub(super) fn route_words(record: &Access) -> String {
    let origin = record
        .origin
        .as_ref()
        .map(|origin| format!(" ({origin})"))
        .unwrap_or_default();
    let cluster = record
        .cluster
        .as_ref()
        .map(|cluster| {
            let endpoints = text::plural(record.endpoints.into(), "endpoint");
            format!(" → cluster {cluster}, {endpoints}")
        })
        .unwrap_or_default();
    match &record.rule {
        Some(rule) => format!("route {rule}{origin}{cluster}"),
        None => format!("no route for {}{}", record.authority, record.path),
    }
}

/// What an inbound sidecar made of it.
pub(super) fn inbound_words(record: &Access) -> String {
    let request = match &record.downstream_peer {
        Some(peer) => format!("a request from {peer}, by mTLS"),
        None => "a request in plaintext".to_owned(),
    };
    match (&record.denial, record.attempts) {
        (Some(Denial::Denied { rule, origin }), _) => {
            format!("refuses {request}: {rule} ({origin}) denies it")
        }
        (Some(Denial::NotAllowed), _) => format!("refuses {request}: no AuthorizationPolicy allows it"),
        (Some(Denial::BadToken { reason }), _) => format!("refuses the token of {request}: {reason}"),
        (None, 0) => {
            let status = record.status.unwrap_or_default();
            let detail = record.detail.as_deref().unwrap_or("it does not say why");
            format!("answers {status} to {request}: {detail}")
        }
        (None, _) => format!("accepts {request}"),
    }
}

/// What the proxy itself made of the request.
pub(super) fn decision_words(record: &Access) -> String {
    let flags: Vec<String> = record.flags.iter().map(|flag| format!("{flag:?}")).collect();
    let status = record
        .status
        .map(|status| format!("answers {status}, "))
        .unwrap_or_default();
    let detail = record
        .detail
        .as_ref()
        .map(|detail| format!(": {detail}"))
        .unwrap_or_default();
    format!("{status}flag {}{detail}", text::list(&flags))
}

/// Whom an attempt went to.
pub(super) fn endpoint_words(span: &Span) -> String {
    let Some(endpoint) = &span.endpoint else {
        return "no endpoint".to_owned();
    };
    let security = match (&span.upstream_peer, span.status) {
        (Some(peer), _) => format!(" · mTLS {peer}"),
        (None, Some(_)) => " · plaintext".to_owned(),
        (None, None) => String::new(),
    };
    let connection = if span.new_connection {
        " · new connection"
    } else {
        ""
    };
    format!("{endpoint}{security}{connection}")
}

/// What the retry policy made of an attempt, when there was something to make of it.
pub(super) fn judgement_words(span: &Span) -> Option<String> {
    let result = match (&span.error, span.status) {
        (Some(error), _) => error.clone(),
        (None, Some(status)) => status.to_string(),
        (None, None) => "no answer".to_owned(),
    };
    match &span.judgement {
        Judgement::Retried {
            reason,
            limit,
            backoff_us,
        } => Some(format!(
            "{reason}; retry {} of {limit} after {}",
            span.attempt,
            text::duration(*backoff_us)
        )),
        Judgement::Returned { reason: Some(reason) } => Some(format!("{result}; {reason}")),
        Judgement::Returned { reason: None } => span.error.is_some().then_some(result),
    }
}

/// What a service did with it: its effects, and how it ended it.
pub(super) fn service_words(entry: &LedgerEntry, scenario: &Scenario) -> String {
    let effects = entry
        .effects
        .iter()
        .map(|effect| format!("effect {}; ", effect.number));
    effects.collect::<String>() + &end_words(entry, scenario)
}

fn end_words(entry: &LedgerEntry, scenario: &Scenario) -> String {
    let Some(finished) = &entry.finished else {
        return "still at work at the end of the run".to_owned();
    };
    match (finished.outcome, finished.status) {
        (Outcome::Answered, Some(status)) => match told(entry, status, scenario) {
            Some(order) => format!("{status} ({order})"),
            None => status.to_string(),
        },
        (Outcome::Answered, None) => "answers".to_owned(),
        (Outcome::Truncated, _) => "sends half of its answer".to_owned(),
        (Outcome::ResetBefore, _) => "resets the connection before the work".to_owned(),
        (Outcome::ResetAfter, _) => "resets the connection after the work".to_owned(),
        (Outcome::Cancelled, _) => "stops: the caller has gone away".to_owned(),
    }
}

/// What the scenario told the service to do that explains its status.
fn told(entry: &LedgerEntry, status: u16, scenario: &Scenario) -> Option<String> {
    let service = scenario
        .topology
        .services
        .get(service_of(&entry.received.instance))?;
    let instance = service.instances.get(&entry.received.instance);
    let behaviour = instance
        .and_then(|instance| instance.behaviour.as_ref())
        .or(service.behaviour.as_ref())?;
    let attempt = entry.received.attempt.unwrap_or(1);
    match &behaviour.fail_first {
        Some(fail) if fail.status == status && attempt <= fail.attempts => {
            Some(format!("told to fail the first {}", fail.attempts))
        }
        _ => (behaviour.status == Some(status)).then(|| format!("told to answer {status}")),
    }
}
