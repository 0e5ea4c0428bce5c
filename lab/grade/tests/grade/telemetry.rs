//! Checks of the mesh's telemetry: `hops`, `trace_complete`, `response_flag` and `telemetry_agrees`.

use hallway_evidence::Observations;
use hallway_evidence::ledger::Outcome;
use hallway_model::telemetry::{Direction, ResponseFlag};
use serde_json::{Value, json};

use crate::support::{Call, call, green, healthy, nothing, red, verdict};

/// Two requests; the second one took three attempts.
fn retried() -> Observations {
    let mut observations = healthy(1);
    let attempts = &[(503, "payments-1"), (503, "payments-1"), (200, "payments-1")];
    call(
        &mut observations,
        &Call {
            attempts,
            ..Call::default()
        },
    );
    observations
}

fn hops() -> Value {
    json!({ "hops": { "traffic": "checkout", "proxies": ["orders outbound", "payments inbound"] } })
}

#[test]
fn hops_hold_through_retries() {
    assert_eq!(
        green(hops(), &retried()),
        "orders outbound → payments inbound × 2"
    );
}

#[test]
fn hops_fail_on_another_path() {
    let mut observations = healthy(3);
    // Records: outbound and inbound of each request in turn.
    observations.telemetry.access[5].start_us -= 10_000;
    observations.telemetry.access.remove(3);
    assert_eq!(
        red(hops(), &observations),
        "orders outbound × 1, payments inbound → orders outbound × 1, orders outbound → payments inbound × 1"
    );
    let mut observations = healthy(2);
    observations.telemetry.access.truncate(2);
    assert_eq!(
        red(hops(), &observations),
        "no access record × 1, orders outbound → payments inbound × 1"
    );
}

#[test]
fn hops_fail_under_two_request_ids() {
    let mut observations = healthy(2);
    observations.telemetry.access[0].request_id = "another".to_owned();
    observations.ledger[1].received.request_id = None;
    assert_eq!(red(hops(), &observations), "2 request ids for one request × 2");
}

#[test]
fn hops_fail_without_the_ledger_and_without_a_log() {
    let mut observations = healthy(2);
    observations.ledger.remove(0);
    let saw = "not in any ledger × 1, orders outbound → payments inbound × 1";
    assert_eq!(red(hops(), &observations), saw);
    observations.telemetry.access.clear();
    assert_eq!(
        red(hops(), &observations),
        "no evidence: no access log has a request of checkout"
    );
    assert_eq!(
        red(hops(), &nothing()),
        "no evidence: there was no request of checkout"
    );
}

fn trace_complete() -> Value {
    json!({ "trace_complete": { "traffic": "checkout" } })
}

#[test]
fn a_trace_is_complete_through_retries() {
    assert_eq!(green(trace_complete(), &retried()), "one trace × 2");
    // The client's own trace may go on in ours.
    let mut continued = healthy(1);
    continued.telemetry.spans[0].parent_span_id = Some("00000000000000ff".to_owned());
    green(trace_complete(), &continued);
}

#[test]
fn a_trace_has_a_gap_where_a_span_is_lost() {
    // Spans: outbound and inbound of each attempt in turn.
    let mut observations = healthy(2);
    observations.telemetry.spans.remove(1);
    assert_eq!(
        red(trace_complete(), &observations),
        "no inbound span for payments-1 × 1, one trace × 1"
    );
    let mut observations = healthy(2);
    observations.telemetry.spans.remove(0);
    assert_eq!(
        red(trace_complete(), &observations),
        "no outbound span above payments-1 × 1, one trace × 1"
    );
    let mut observations = retried();
    observations.ledger.remove(1);
    observations.telemetry.spans.remove(2);
    assert_eq!(
        red(trace_complete(), &observations),
        "2 spans for 3 attempts × 1, one trace × 1"
    );
}

#[test]
fn a_trace_has_a_gap_in_the_middle_of_a_chain() {
    let mut observations = healthy(1);
    // A request came to orders in this trace, and orders called on under a span that nobody knows.
    let mut inbound = observations.telemetry.spans[1].clone();
    inbound.proxy = "orders-1".to_owned();
    inbound.span_id = "00000000000000aa".to_owned();
    observations.telemetry.spans.push(inbound);
    observations.telemetry.spans[0].parent_span_id = Some("00000000000000bb".to_owned());
    assert_eq!(
        red(trace_complete(), &observations),
        "no inbound span above orders-1 outbound × 1"
    );
    observations.telemetry.spans[0].parent_span_id = Some("00000000000000aa".to_owned());
    assert_eq!(green(trace_complete(), &observations), "one trace × 1");
}

#[test]
fn a_trace_fails_without_propagation_or_arrival() {
    let mut observations = healthy(3);
    observations.ledger[0].received.traceparent = None;
    observations.telemetry.access[2].trace_id = "f".repeat(32);
    observations.ledger.remove(2);
    assert_eq!(
        red(trace_complete(), &observations),
        "2 traces for one request × 1, no traceparent at payments-1 × 1, reached no service × 1"
    );
}

#[test]
fn who_does_not_pass_the_trace_on_is_named() {
    let mut observations = healthy(1);
    let mut came = observations.telemetry.access[1].clone();
    (came.proxy, came.trace_id) = ("orders-1".to_owned(), "f".repeat(32));
    observations.telemetry.access.push(came);
    assert_eq!(
        red(trace_complete(), &observations),
        "2 traces for one request: orders-1 did not pass traceparent on × 1"
    );
}

#[test]
fn a_trace_without_spans_is_red() {
    let mut observations = healthy(1);
    observations.telemetry.spans.clear();
    assert_eq!(
        red(trace_complete(), &observations),
        "no evidence: no span was recorded"
    );
    assert_eq!(
        red(trace_complete(), &nothing()),
        "no evidence: there was no request of checkout"
    );
}

fn flag(share: &str) -> Value {
    json!({ "response_flag": { "traffic": "checkout", "proxy": "orders", "flag": "UT", "share": share } })
}

/// Four requests, the first two with the flag.
fn flagged() -> Observations {
    let mut observations = healthy(4);
    observations.telemetry.access[0].flags = vec![ResponseFlag::UT];
    observations.telemetry.access[2].flags = vec![ResponseFlag::UT, ResponseFlag::URX];
    observations
}

#[test]
fn a_response_flag_holds_on_its_share() {
    assert_eq!(
        green(flag("50%"), &flagged()),
        "2 of 4: no flag × 2, UT × 1, UT+URX × 1"
    );
}

#[test]
fn a_response_flag_fails_with_what_was_logged() {
    let verdict = verdict(flag("100%"), &healthy(2));
    assert_eq!(
        (verdict.held, verdict.saw.as_str()),
        (false, "0 of 2: no flag × 2")
    );
    assert_eq!(verdict.samples.len(), 2);
    let mut observations = flagged();
    observations.telemetry.access.remove(0);
    assert_eq!(
        red(flag("50%"), &observations),
        "1 of 4: no flag × 2, no access record × 1, UT+URX × 1"
    );
    let mut observations = healthy(1);
    observations.telemetry.access[1].flags = vec![ResponseFlag::UT];
    assert_eq!(
        red(flag("100%"), &observations),
        "0 of 1: no flag × 1",
        "the inbound side does not count"
    );
}

#[test]
fn a_response_flag_without_a_log_is_red() {
    let mut observations = healthy(1);
    observations
        .telemetry
        .access
        .retain(|record| record.direction == Direction::Inbound);
    assert_eq!(
        red(flag("0%"), &observations),
        "no evidence: the log of orders has no request of checkout"
    );
    assert_eq!(
        red(flag("0%"), &nothing()),
        "no evidence: there was no request of checkout"
    );
}

fn agrees() -> Value {
    json!({ "telemetry_agrees": { "service": "payments" } })
}

#[test]
fn telemetry_agrees_through_retries_and_cancellation() {
    let mut observations = retried();
    assert_eq!(green(agrees(), &observations), "4 each");
    // The last attempt is cancelled: its caller has no status, its sidecar says DC, the service has it in its ledger.
    let last = observations
        .ledger
        .last_mut()
        .expect("an attempt")
        .finished
        .as_mut()
        .expect("it has finished");
    last.outcome = Outcome::Cancelled;
    let [.., outbound, inbound] = observations.telemetry.spans.as_mut_slice() else {
        panic!("two spans")
    };
    (outbound.status, inbound.status) = (None, None);
    let inbound = observations.telemetry.access.last_mut().expect("a record");
    (inbound.status, inbound.flags) = (None, vec![ResponseFlag::DC]);
    assert_eq!(green(agrees(), &observations), "4 each");
}

#[test]
fn telemetry_agrees_on_what_a_sidecar_answers_itself() {
    let mut observations = healthy(3);
    observations.ledger.remove(0);
    observations.telemetry.access[1].flags = vec![ResponseFlag::UO];
    assert_eq!(green(agrees(), &observations), "2 each");
}

#[test]
fn telemetry_agrees_on_what_came_past_the_callers() {
    let mut observations = healthy(3);
    observations.telemetry.spans.remove(0);
    observations.telemetry.spans[0].parent_span_id = None;
    assert_eq!(green(agrees(), &observations), "3 each");
    // The sidecar answers an intruder itself: that is no attempt of a caller.
    let mut answer = observations.telemetry.access[1].clone();
    (answer.attempts, answer.trace_id) = (0, "f".repeat(32));
    observations.telemetry.access.push(answer);
    observations
        .telemetry
        .metrics
        .get_mut("payments-1")
        .expect("a scrape")[0]
        .value += 1.0;
    assert_eq!(green(agrees(), &observations), "3 each");
}

#[test]
fn telemetry_agrees_on_attempts_in_plaintext() {
    let mut observations = healthy(3);
    for entry in &mut observations.ledger {
        // A sidecar believes neither from a peer that it did not authenticate.
        (entry.received.attempt, entry.received.client_cert) = (None, None);
    }
    assert_eq!(green(agrees(), &observations), "3 each");
}

#[test]
fn telemetry_that_differs_is_named() {
    let mut observations = healthy(3);
    observations.ledger.remove(0);
    let verdict = verdict(agrees(), &observations);
    assert_eq!(
        (verdict.held, verdict.saw.as_str()),
        (false, "2 instead of 3 in the ledger")
    );
    assert_eq!(verdict.samples, [crate::support::correlation(0)]);

    let mut observations = healthy(3);
    observations.telemetry.access.remove(1);
    assert_eq!(red(agrees(), &observations), "2 instead of 3 in the access log");

    let mut observations = healthy(3);
    observations.telemetry.metrics.clear();
    assert_eq!(red(agrees(), &observations), "0 instead of 3 in the metrics");

    let mut observations = healthy(3);
    observations.telemetry.spans.remove(0);
    assert_eq!(red(agrees(), &observations), "2 instead of 3 in the spans");
}

#[test]
fn telemetry_without_a_majority_names_everybody() {
    let mut observations = healthy(3);
    observations.ledger.remove(0);
    observations.telemetry.access.remove(1);
    let saw = "no agreement: ledger and access log 2; metrics and spans 3";
    assert_eq!(red(agrees(), &observations), saw);
}

#[test]
fn telemetry_of_nothing_is_red() {
    assert_eq!(
        red(agrees(), &nothing()),
        "no evidence: payments handled no request"
    );
}
