//! What is asked about faults: windows between two times, and `recovers`.

use hallway_evidence::Observations;
use serde_json::{Value, json};

use crate::support::{Call, call, correlation, green, healthy, nothing, red, verdict};

/// Ten good requests, twenty bad ones and ten good ones, 10 ms apart. The bad ones are answered after half a second.
fn outage() -> Observations {
    let mut observations = healthy(10);
    let timed_out = Call {
        attempts: &[(504, "payments-1")],
        took_us: 500_000,
        ..Call::default()
    };
    for _ in 0..20 {
        call(&mut observations, &timed_out);
    }
    for _ in 0..10 {
        call(&mut observations, &Call::default());
    }
    observations
}

fn during(status: u16, window: Value) -> Value {
    json!({ "responses": { "traffic": "checkout", "status": status, "share": "100%", "during": window } })
}

fn recovers(after: &str, within: &str) -> Value {
    json!({ "recovers": { "traffic": "checkout", "after": after, "within": within } })
}

#[test]
fn requests_belong_to_a_time_by_their_intended_start() {
    let outage = outage();
    assert_eq!(
        green(during(504, json!({ "from": "100ms", "until": "300ms" })), &outage),
        "20 of 20: 504 × 20",
        "they belong, though they end long after"
    );
    assert_eq!(
        green(during(200, json!({ "until": "100ms" })), &outage),
        "10 of 10: 200 × 10"
    );
    assert_eq!(
        green(during(200, json!({ "from": "300ms" })), &outage),
        "10 of 10: 200 × 10"
    );
    assert_eq!(
        red(during(200, json!({ "from": "290ms" })), &outage),
        "10 of 11: 504 × 1, 200 × 10"
    );
    let verdict = verdict(during(200, json!({ "from": "1h", "until": "2h" })), &outage);
    assert_eq!(
        verdict.saw,
        "no evidence: there was no request of checkout, from 1h until 2h"
    );
    assert_eq!(verdict.expected, "200 for 100% of checkout, from 1h until 2h");
}

#[test]
fn latency_is_taken_in_its_window() {
    let maximum = |window: Value| json!({ "latency": { "traffic": "checkout", "percentile": "max", "at_most": "10ms", "during": window } });
    assert_eq!(
        green(maximum(json!({ "from": "300ms" })), &outage()),
        "maximum 2.5 ms"
    );
    assert_eq!(
        red(maximum(json!({ "from": "200ms" })), &outage()),
        "maximum 500.5 ms"
    );
}

#[test]
fn recovers_holds_when_all_is_good_in_time() {
    assert_eq!(
        green(recovers("300ms", "0s"), &outage()),
        "good again after 0.0 ms"
    );
    assert_eq!(
        green(recovers("250ms", "50ms"), &outage()),
        "good again after 50.0 ms"
    );
}

#[test]
fn recovers_fails_when_it_takes_too_long_or_never_happens() {
    let late = verdict(recovers("200ms", "99ms"), &outage());
    assert!(!late.held);
    assert_eq!(late.saw, "good again after 100.0 ms");
    assert_eq!(late.samples[0], correlation(20), "the first that was still bad");

    let mut relapse = outage();
    let response = relapse.client[39].outcome.as_mut().expect("an answer");
    response.status = 503;
    assert_eq!(
        red(recovers("300ms", "1s"), &relapse),
        "never good again: 200 × 9, 503 × 1"
    );
    assert_eq!(
        red(recovers("1h", "1s"), &outage()),
        "no request of checkout came after it"
    );
}

#[test]
fn recovers_proves_nothing_when_nothing_was_wrong() {
    assert_eq!(
        red(recovers("100ms", "1s"), &healthy(40)),
        "no evidence: nothing was wrong with checkout before"
    );
    assert_eq!(
        red(recovers("100ms", "1s"), &nothing()),
        "no evidence: there was no request of checkout"
    );
}
