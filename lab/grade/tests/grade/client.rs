//! Checks whose witness is the client: `responses`, `connections` and `latency`.

use hallway_evidence::client::{FailureSeen, GrpcSeen};
use hallway_evidence::{FailureKind, Observations};
use serde_json::{Value, json};

use crate::support::{Call, START, accepted, call, correlation, green, healthy, nothing, red, verdict};

fn responses(more: Value) -> Value {
    let mut check = json!({ "traffic": "checkout", "status": 200 });
    check
        .as_object_mut()
        .expect("an object")
        .extend(more.as_object().expect("an object").clone());
    json!({ "responses": check })
}

/// 30 answers with 200, 10 with 503.
fn mixed() -> Observations {
    let mut observations = healthy(30);
    for _ in 0..10 {
        call(
            &mut observations,
            &Call {
                attempts: &[(503, "payments-1")],
                ..Call::default()
            },
        );
    }
    observations
}

#[test]
fn responses_hold_when_enough_have_the_status() {
    assert_eq!(
        green(responses(json!({ "share": "100%" })), &healthy(40)),
        "40 of 40: 200 × 40"
    );
    assert_eq!(
        green(responses(json!({ "share": ">= 75%" })), &mixed()),
        "30 of 40: 503 × 10, 200 × 30"
    );
    assert_eq!(
        green(responses(json!({ "count": ">= 30" })), &mixed()),
        "30 of 40: 503 × 10, 200 × 30"
    );
    assert_eq!(
        green(
            json!({ "responses": { "traffic": "checkout", "status": 504, "count": "0" } }),
            &mixed()
        ),
        "0 of 40: 200 × 30, 503 × 10"
    );
}

#[test]
fn responses_fail_with_what_was_seen_instead() {
    assert_eq!(
        red(responses(json!({ "share": "100%" })), &mixed()),
        "30 of 40: 503 × 10, 200 × 30"
    );
    assert_eq!(
        red(responses(json!({ "count": "40" })), &mixed()),
        "30 of 40: 503 × 10, 200 × 30"
    );
    let mut failed = healthy(3);
    let detail = "reset by peer".to_owned();
    failed.client[1].outcome = Err(FailureSeen {
        kind: FailureKind::ConnectionClosed,
        detail,
    });
    assert_eq!(
        red(responses(json!({ "share": "100%" })), &failed),
        "2 of 3: connection closed × 1, 200 × 2"
    );
}

#[test]
fn a_grpc_outcome_counts_beside_the_status() {
    let mut observations = healthy(4);
    let outcomes = [(0, 3), (0, 2), (14, 0)];
    for (record, (status, messages)) in observations.client.iter_mut().zip(outcomes) {
        let response = record.outcome.as_mut().expect("a healthy call");
        response.grpc = Some(GrpcSeen {
            status,
            message: None,
            messages,
        });
    }
    let asking = |grpc: Value| responses(json!({ "grpc": grpc, "share": "100%" }));
    assert_eq!(
        red(asking(json!({ "status": 0 })), &observations),
        "2 of 4: 200 × 1, 200 grpc-status 14 × 1, 200 grpc-status 0 × 2",
        "an answer without an outcome is none"
    );
    assert_eq!(
        red(asking(json!({ "status": 0, "messages": 3 })), &observations),
        "1 of 4: 200 × 1, 200 grpc-status 0 after 2 messages × 1, 200 grpc-status 14 after 0 messages × 1, \
         200 grpc-status 0 after 3 messages × 1"
    );
    observations.client.truncate(2);
    green(asking(json!({ "status": 0 })), &observations);
    let verdict = verdict(asking(json!({ "status": 0, "messages": 1 })), &observations);
    assert_eq!(
        verdict.expected,
        "200 with grpc-status 0 and 1 message for 100% of checkout"
    );
}

#[test]
fn connections_are_counted_by_their_addresses() {
    let check = |count: u32| json!({ "connections": { "traffic": "checkout", "count": count } });
    let mut observations = healthy(6);
    for (index, record) in observations.client.iter_mut().enumerate() {
        record.local_address = Some(([127, 0, 0, 1], if index < 4 { 1000 } else { 2000 }).into());
    }
    assert_eq!(green(check(2), &observations), "2 connections for 6 requests");
    assert_eq!(red(check(1), &observations), "2 connections for 6 requests");
    for record in &mut observations.client {
        record.local_address = None;
    }
    assert_eq!(
        red(check(1), &observations),
        "no evidence: no request of checkout had a connection"
    );
    assert_eq!(
        red(check(1), &nothing()),
        "no evidence: there was no request of checkout"
    );
}

#[test]
fn responses_name_the_requests_to_blame() {
    let too_few = verdict(responses(json!({ "share": "100%" })), &mixed());
    assert_eq!(too_few.samples[0], correlation(30));
    assert_eq!(
        too_few.rule.map(|rule| rule.to_string()).as_deref(),
        Some("rules.yaml:9")
    );
    let too_many = verdict(responses(json!({ "share": "<= 10%" })), &mixed());
    assert_eq!(too_many.samples[0], correlation(0));
}

#[test]
fn responses_without_requests_are_red() {
    assert_eq!(
        red(responses(json!({ "count": "0" })), &nothing()),
        "no evidence: there was no request of checkout"
    );
    assert_eq!(
        red(responses(json!({})), &healthy(1)),
        "no evidence: the check asks for neither a share nor a count"
    );
}

#[test]
fn responses_count_only_their_window() {
    let mut observations = mixed();
    // Sent while request 30, the first that fails, was about to start; in force 40 ms later.
    observations
        .pushes
        .push(accepted("rules.v2.yaml", START + 299_000, 2));
    let check = |window: Value| responses(json!({ "share": "100%", "during": window }));
    assert_eq!(
        green(check(json!({ "before": "rules.v2.yaml" })), &observations),
        "30 of 30: 200 × 30"
    );
    assert_eq!(
        red(check(json!({ "after": "rules.v2.yaml" })), &observations),
        "0 of 6: 503 × 6"
    );
}

#[test]
fn windows_end_at_the_next_push_that_was_accepted() {
    let mut observations = healthy(40);
    observations
        .pushes
        .push(accepted("rules.v2.yaml", START + 99_000, 2));
    observations
        .pushes
        .push(accepted("rules.v3.yaml", START + 199_000, 3));
    let check = |window: Value| responses(json!({ "share": "100%", "during": window }));
    assert_eq!(
        green(check(json!({ "after": "rules.v2.yaml" })), &observations),
        "6 of 6: 200 × 6"
    );
    assert_eq!(
        green(check(json!({ "before": "rules.v3.yaml" })), &observations),
        "6 of 6: 200 × 6"
    );
}

#[test]
fn windows_of_a_push_that_never_was_are_red() {
    let check = |window: Value| responses(json!({ "share": "100%", "during": window }));
    let mut observations = healthy(40);
    let never = "no evidence: rules.v2.yaml was never pushed";
    assert_eq!(
        red(check(json!({ "before": "rules.v2.yaml" })), &observations),
        never
    );
    assert_eq!(
        red(check(json!({ "after": "rules.v2.yaml" })), &observations),
        never
    );

    observations
        .pushes
        .push(accepted("rules.v2.yaml", START + 99_000, 2));
    observations.pushes[1].settled_us = None;
    let unsettled = "no evidence: rules.v2.yaml was never in force everywhere";
    assert_eq!(
        red(check(json!({ "after": "rules.v2.yaml" })), &observations),
        unsettled
    );

    observations.pushes[1].outcome = hallway_evidence::PushOutcome::Refused { problems: Vec::new() };
    let refused = "no evidence: rules.v2.yaml was refused by the control plane";
    assert_eq!(
        red(check(json!({ "after": "rules.v2.yaml" })), &observations),
        refused
    );

    observations.pushes[1] = accepted("rules.v2.yaml", START + 10_000_000, 2);
    let empty = "no evidence: there was no request of checkout, after rules.v2.yaml";
    assert_eq!(
        red(check(json!({ "after": "rules.v2.yaml" })), &observations),
        empty
    );
}

fn latency(more: Value) -> Value {
    let mut check = json!({ "traffic": "checkout", "percentile": "p90" });
    check
        .as_object_mut()
        .expect("an object")
        .extend(more.as_object().expect("an object").clone());
    json!({ "latency": check })
}

/// Ten requests that take 10, 20, … 100 ms.
fn ladder() -> Observations {
    let mut observations = healthy(10);
    for (index, request) in observations.client.iter_mut().enumerate() {
        request.finished_us = request.intended_us + (index as u64 + 1) * 10_000;
    }
    observations
}

#[test]
fn latency_takes_the_nearest_rank() {
    for (percentile, saw) in [
        ("p50", "p50 50.0 ms"),
        ("p90", "p90 90.0 ms"),
        ("p99", "p99 100.0 ms"),
        ("max", "maximum 100.0 ms"),
    ] {
        let check = json!({ "percentile": percentile, "at_most": "100ms", "at_least": "50ms" });
        assert_eq!(green(latency(check), &ladder()), saw);
    }
}

#[test]
fn latency_counts_from_the_intended_start() {
    let mut observations = ladder();
    for request in &mut observations.client {
        request.started_us = request.finished_us - 1;
    }
    assert_eq!(
        red(latency(json!({ "at_most": "80ms" })), &observations),
        "p90 90.0 ms"
    );
}

#[test]
fn latency_fails_on_either_side() {
    let long = verdict(latency(json!({ "at_most": "89ms" })), &ladder());
    assert_eq!((long.held, long.saw.as_str()), (false, "p90 90.0 ms"));
    assert_eq!(
        long.samples,
        [correlation(8), correlation(9)],
        "the percentile and what is beyond it"
    );
    let short = verdict(latency(json!({ "at_least": "91ms" })), &ladder());
    assert_eq!((short.held, short.saw.as_str()), (false, "p90 90.0 ms"));
    assert_eq!(short.samples[0], correlation(8));
    let mut slow = ladder();
    slow.client[9].finished_us += 3_000_000;
    assert_eq!(
        red(latency(json!({ "percentile": "max", "at_most": "800ms" })), &slow),
        "maximum 3.10 s"
    );
}

#[test]
fn latency_of_a_status_counts_other_outcomes_against_the_check() {
    let mut observations = ladder();
    for request in observations.client.iter_mut().take(2) {
        request.outcome.as_mut().expect("an answer").status = 503;
    }
    let check = latency(json!({ "status": 200, "at_most": "1h" }));
    assert_eq!(
        red(check, &observations),
        "p90 is beyond the answers with the status"
    );
    let check = latency(json!({ "status": 200, "percentile": "p50", "at_most": "70ms" }));
    assert_eq!(green(check, &observations), "p50 70.0 ms");
    let check = latency(json!({ "status": 200, "percentile": "p50", "at_least": "60ms" }));
    assert_eq!(red(check, &observations), "p50 50.0 ms");
    let verdict = verdict(latency(json!({ "status": 200, "at_most": "1s" })), &observations);
    assert_eq!(verdict.detail, ["2 of 10 had another outcome"]);
}

#[test]
fn latency_without_answers_is_red() {
    assert_eq!(
        red(latency(json!({ "at_least": "0s" })), &nothing()),
        "no evidence: there was no request of checkout"
    );
    assert_eq!(
        red(latency(json!({ "at_least": "0s", "status": 504 })), &ladder()),
        "no evidence: none of 10 requests has the status in question"
    );
}
