//! Checks whose witness is the ledger: `attempts`, `amplification`, `never_handled`, `identity` and `cancelled`.

use hallway_evidence::Observations;
use hallway_evidence::ledger::Outcome;
use serde_json::{Value, json};

use crate::support::{Call, call, correlation, green, healthy, identity, nothing, red, verdict};

fn attempts(each: u32) -> Value {
    json!({ "attempts": { "traffic": "checkout", "service": "payments", "each": each } })
}

#[test]
fn attempts_hold_when_every_request_has_exactly_so_many() {
    assert_eq!(green(attempts(1), &healthy(4)), "1 attempt × 4");
    let mut observations = nothing();
    for _ in 0..3 {
        let attempts = &[(503, "payments-1"), (503, "payments-2"), (200, "payments-1")];
        call(
            &mut observations,
            &Call {
                attempts,
                ..Call::default()
            },
        );
    }
    assert_eq!(green(attempts(3), &observations), "3 attempts × 3");
    call(&mut observations, &Call::default());
    let verdict = verdict(attempts(3), &observations);
    assert_eq!(
        (verdict.held, verdict.saw.as_str()),
        (false, "1 attempt × 1, 3 attempts × 3")
    );
    assert_eq!(verdict.samples, [correlation(3)]);
}

#[test]
fn attempts_at_other_services_do_not_count() {
    let mut observations = healthy(2);
    observations.ledger[0].received.service = "marketing".to_owned();
    assert_eq!(red(attempts(1), &observations), "0 attempts × 1, 1 attempt × 1");
}

#[test]
fn attempts_of_nothing_are_red() {
    assert_eq!(
        red(attempts(1), &nothing()),
        "no evidence: there was no request of checkout"
    );
}

fn amplification(at_most: f64) -> Value {
    json!({ "amplification": { "traffic": "checkout", "service": "payments", "at_most": at_most } })
}

/// Two requests of checkout, of which the second has three attempts; and one of another traffic with three as well.
fn amplified() -> Observations {
    let mut observations = healthy(1);
    let attempts = &[(503, "payments-1"), (503, "payments-2"), (503, "payments-1")];
    for traffic in ["checkout", "refund"] {
        call(
            &mut observations,
            &Call {
                traffic,
                attempts,
                ..Call::default()
            },
        );
    }
    observations
}

#[test]
fn amplification_is_the_mean_over_the_requests_of_the_traffic() {
    assert_eq!(
        green(amplification(1.0), &healthy(3)),
        "1.00 (3 attempts for 3 requests)"
    );
    let verdict = verdict(amplification(2.0), &amplified());
    assert!(verdict.held, "{verdict:#?}");
    assert_eq!(verdict.saw, "2.00 (4 attempts for 2 requests)");
    assert_eq!(verdict.detail, ["the request with the most had 3 attempts"]);
    assert_eq!(verdict.samples, [correlation(1), correlation(0)]);
    assert_eq!(
        red(amplification(1.9), &amplified()),
        "2.00 (4 attempts for 2 requests)"
    );
}

#[test]
fn amplification_counts_one_service_and_requests_that_never_came_too() {
    let mut observations = amplified();
    observations.ledger[0].received.service = "orders".to_owned();
    assert_eq!(
        green(amplification(1.5), &observations),
        "1.50 (3 attempts for 2 requests)"
    );
}

#[test]
fn amplification_without_attempts_is_red() {
    assert_eq!(
        red(amplification(2.0), &nothing()),
        "no evidence: there was no request of checkout"
    );
    let mut observations = healthy(2);
    observations.ledger.clear();
    assert_eq!(
        red(amplification(2.0), &observations),
        "no evidence: no attempt reached payments"
    );
}

fn never_handled() -> Value {
    json!({ "never_handled": { "traffic": ["in-the-clear", "out-of-date"] } })
}

/// Two requests of each traffic, of which no service knows.
fn refused() -> Observations {
    let mut observations = nothing();
    for traffic in ["in-the-clear", "out-of-date", "in-the-clear", "out-of-date"] {
        call(
            &mut observations,
            &Call {
                traffic,
                ..Call::default()
            },
        );
    }
    observations.ledger.clear();
    observations
}

#[test]
fn never_handled_holds_when_no_ledger_has_them() {
    assert_eq!(green(never_handled(), &refused()), "never handled × 4");
}

#[test]
fn never_handled_names_the_traffic_that_was_handled() {
    let mut observations = refused();
    observations.ledger = healthy(1).ledger;
    let saw = red(never_handled(), &observations);
    assert_eq!(saw, "in-the-clear handled by payments-1 × 1, never handled × 3");
}

#[test]
fn never_handled_needs_requests_of_each_traffic() {
    let mut observations = refused();
    observations
        .client
        .retain(|request| request.traffic == "in-the-clear");
    assert_eq!(
        red(never_handled(), &observations),
        "no evidence: there was no request of out-of-date"
    );
}

fn caller() -> Value {
    json!({ "identity": { "service": "payments", "caller": "orders" } })
}

#[test]
fn identity_holds_when_every_request_names_the_caller() {
    assert_eq!(
        green(caller(), &healthy(3)),
        "spiffe://hallway.test/ns/shop/sa/orders × 3"
    );
}

#[test]
fn identity_fails_without_a_certificate_and_under_another_name() {
    let mut observations = healthy(4);
    observations.ledger[0].received.client_cert = None;
    observations.ledger[1].received.client_cert = Some(format!("By=x;URI={}", identity("marketing")));
    // The nearest peer counts, not what came with the request.
    let forged = format!("URI={},By=x;URI={}", identity("orders"), identity("marketing"));
    observations.ledger[2].received.client_cert = Some(forged);
    assert_eq!(
        red(caller(), &observations),
        "spiffe://hallway.test/ns/shop/sa/marketing × 2, no certificate × 1, \
         spiffe://hallway.test/ns/shop/sa/orders × 1"
    );
    observations.ledger[0].received.client_cert = Some("Hash=00".to_owned());
    assert!(red(caller(), &observations).contains("a certificate without a name (`Hash=00`) × 1"));
}

#[test]
fn identity_without_requests_is_red() {
    assert_eq!(
        red(caller(), &nothing()),
        "no evidence: payments handled no request"
    );
}

fn cancelled() -> Value {
    json!({ "cancelled": { "traffic": "checkout", "service": "payments", "within": "500ms" } })
}

/// Requests that the service saw cancelled so long after the answer, in microseconds.
fn cancelled_after(late_us: &[u64]) -> Observations {
    let mut observations = healthy(late_us.len() as u64);
    for (index, late_us) in late_us.iter().enumerate() {
        let answered_us = observations.client[index].finished_us;
        let finished = observations.ledger[index]
            .finished
            .as_mut()
            .expect("it has finished");
        finished.outcome = Outcome::Cancelled;
        finished.status = None;
        finished.at_us = answered_us + late_us;
    }
    observations
}

#[test]
fn cancelled_holds_in_time() {
    let verdict = verdict(cancelled(), &cancelled_after(&[0, 500_000]));
    assert!(verdict.held);
    assert_eq!(verdict.saw, "cancelled × 2");
    assert_eq!(verdict.detail, ["the last end was 500.0 ms after the answer"]);
    // Before the answer is in time too: an attempt that timed out.
    let mut early = cancelled_after(&[0]);
    early.ledger[0].finished.as_mut().expect("it has finished").at_us -= 1_000;
    green(cancelled(), &early);
}

#[test]
fn cancelled_fails_for_each_other_end() {
    assert_eq!(red(cancelled(), &healthy(2)), "answered × 2");
    assert_eq!(
        red(cancelled(), &cancelled_after(&[0, 500_001])),
        "cancelled too late × 1, cancelled × 1"
    );
    let mut observations = cancelled_after(&[0, 0, 0]);
    observations.ledger[0].finished = None;
    observations.ledger[1]
        .finished
        .as_mut()
        .expect("it has finished")
        .outcome = Outcome::ResetAfter;
    observations.ledger.remove(2);
    assert_eq!(
        red(cancelled(), &observations),
        "never reached payments × 1, reset by the service × 1, still at work at the end of the run × 1"
    );
}

#[test]
fn cancelled_needs_every_attempt() {
    let mut observations = nothing();
    call(
        &mut observations,
        &Call {
            attempts: &[(503, "payments-1"), (200, "payments-1")],
            ..Call::default()
        },
    );
    observations.ledger[0]
        .finished
        .as_mut()
        .expect("it has finished")
        .outcome = Outcome::Cancelled;
    assert_eq!(red(cancelled(), &observations), "answered × 1");
    assert_eq!(
        red(cancelled(), &nothing()),
        "no evidence: there was no request of checkout"
    );
}
