//! Checks whose witness is the wire: `encrypted` and `rejected`.

use hallway_evidence::client::{FailureSeen, GrpcSeen};
use hallway_evidence::{FailureKind, Observations, ResponseSeen};
use hallway_model::telemetry::{Denial, Direction, Refusal, RefusalReason, ResponseFlag};
use serde_json::{Value, json};

use crate::support::{Call, call, client_address, green, healthy, nothing, red, verdict};

fn encrypted() -> Value {
    json!({ "encrypted": { "from": "orders", "to": "payments" } })
}

#[test]
fn encrypted_holds_when_all_is_tls() {
    assert_eq!(green(encrypted(), &healthy(2)), "connections: TLS × 2");
}

#[test]
fn encrypted_fails_on_plaintext_and_on_the_marker() {
    let mut observations = healthy(4);
    for (index, (tls, marker_seen)) in [(false, true), (false, false), (true, true)]
        .into_iter()
        .enumerate()
    {
        let wire = &mut observations.wire[index];
        (wire.tls, wire.marker_seen, wire.application_records) = (tls, marker_seen, 0);
    }
    assert_eq!(
        red(encrypted(), &observations),
        "connections: TLS with a readable marker × 1, plaintext × 1, plaintext, the requests readable × 1, TLS × 1"
    );
}

#[test]
fn encrypted_looks_at_its_edge_only() {
    let mut observations = healthy(2);
    observations.wire[0].to = "marketing-1".to_owned();
    observations.wire[0].tls = false;
    assert_eq!(green(encrypted(), &observations), "connections: TLS × 1");
}

#[test]
fn encrypted_without_data_is_red() {
    let nothing_carried = "no evidence: no connection from orders to payments carried a request";
    assert_eq!(red(encrypted(), &nothing()), nothing_carried);
    let mut silent = healthy(1);
    silent.wire[0].application_records = 0;
    assert_eq!(
        red(encrypted(), &silent),
        nothing_carried,
        "a handshake alone is no evidence"
    );
    let mut unasked = healthy(1);
    unasked.ledger.clear();
    unasked.telemetry.access.clear();
    assert_eq!(
        red(encrypted(), &unasked),
        nothing_carried,
        "the end of a handshake looks like data"
    );
    silent.wire[0].bytes_up = 0;
    silent.wire[0].bytes_down = 0;
    silent.wire[0].tls = false;
    assert_eq!(
        red(encrypted(), &silent),
        nothing_carried,
        "nor is a connection without a byte"
    );
}

fn rejected(by: &str, because: &str) -> Value {
    json!({ "rejected": { "traffic": "checkout", "by": by, "because": because } })
}

/// Requests of an intruder that the sidecar of payments refused.
fn refused_inbound(count: u64) -> Observations {
    let mut observations = healthy(count);
    observations.ledger.clear();
    observations.telemetry.access.clear();
    for (index, wire) in observations.wire.iter_mut().enumerate() {
        let request = &mut observations.client[index];
        let detail = "the peer closed the connection".to_owned();
        request.outcome = Err(FailureSeen {
            kind: FailureKind::ConnectionClosed,
            detail,
        });
        wire.from = "intruder".to_owned();
        wire.downstream_address = client_address(index as u64);
        observations.telemetry.refusals.push(Refusal {
            proxy: "payments-1".to_owned(),
            direction: Direction::Inbound,
            at_us: wire.opened_us + 700,
            peer_address: wire.upstream_address.expect("the target was reached"),
            reason: RefusalReason::Expired,
            detail: "certificate expired 1 h ago".to_owned(),
        });
    }
    observations
}

/// Requests that the sidecar of orders answered itself, since the endpoint was somebody else.
fn refused_outbound(count: u64) -> Observations {
    let mut observations = nothing();
    for _ in 0..count {
        call(
            &mut observations,
            &Call {
                attempts: &[(503, "payments-1")],
                ..Call::default()
            },
        );
    }
    observations.ledger.clear();
    observations
        .telemetry
        .access
        .retain(|record| record.direction == Direction::Outbound);
    for record in &mut observations.telemetry.access {
        record.flags = vec![ResponseFlag::UF, ResponseFlag::URX];
        record.detail = Some("unexpected-identity: expected sa/ledger, got sa/marketing".to_owned());
    }
    observations
}

#[test]
fn rejected_joins_client_wire_and_sidecar() {
    let check = || rejected("payments sidecar", "expired");
    assert_eq!(
        green(check(), &refused_inbound(2)),
        "expired, says the payments sidecar × 2"
    );
    // The same address, used before and again: the refusal of the later connection is the one that counts.
    let mut reused = refused_inbound(2);
    let mut earlier = reused.wire[1].clone();
    earlier.opened_us -= 5_000;
    earlier.upstream_address = None;
    reused.wire.insert(0, earlier);
    green(check(), &reused);
}

#[test]
fn rejected_by_an_outbound_sidecar_joins_its_log() {
    let check = rejected("orders sidecar", "unexpected-identity");
    assert_eq!(
        green(check, &refused_outbound(2)),
        "unexpected-identity, says the orders sidecar × 2"
    );
}

/// Requests that the sidecar of payments heard and did not let pass.
fn denied(count: u64, change: impl Fn(&mut ResponseSeen)) -> Observations {
    denied_because(&Denial::NotAllowed, 403, count, change)
}

fn denied_because(
    denial: &Denial,
    status: u16,
    count: u64,
    change: impl Fn(&mut ResponseSeen),
) -> Observations {
    let mut observations = nothing();
    for _ in 0..count {
        call(
            &mut observations,
            &Call {
                attempts: &[(status, "payments-1")],
                ..Call::default()
            },
        );
    }
    observations.ledger.clear();
    for request in &mut observations.client {
        change(request.outcome.as_mut().expect("an answer"));
    }
    for record in &mut observations.telemetry.access {
        if record.direction == Direction::Inbound {
            record.denial = Some(denial.clone());
        }
    }
    observations
}

#[test]
fn rejected_joins_the_client_with_the_log_of_the_sidecar_that_did_not_let_it_pass() {
    let check = || rejected("payments sidecar", "not-authorized");
    let saw = "not-authorized, says the payments sidecar × 2";
    assert_eq!(green(check(), &denied(2, |_| {})), saw);
    let grpc = denied(2, |response| {
        response.status = 200;
        response.grpc = Some(GrpcSeen {
            status: 7,
            message: None,
            messages: 0,
        });
    });
    assert_eq!(green(check(), &grpc), saw);
    assert_eq!(
        red(rejected("payments sidecar", "expired"), &denied(2, |_| {})),
        saw
    );
    assert_eq!(
        red(rejected("orders sidecar", "not-authorized"), &denied(2, |_| {})),
        saw
    );
}

#[test]
fn rejected_tells_a_bad_token_from_a_rule() {
    let reason = "it has expired".to_owned();
    let bad_token = Denial::BadToken { reason };
    let check = || rejected("payments sidecar", "invalid-token");
    let saw = "invalid-token, says the payments sidecar × 1";
    assert_eq!(green(check(), &denied_because(&bad_token, 401, 1, |_| {})), saw);
    let grpc = denied_because(&bad_token, 200, 1, |response| {
        response.grpc = Some(GrpcSeen {
            status: 16,
            message: None,
            messages: 0,
        });
    });
    assert_eq!(green(check(), &grpc), saw);
    let not_authorized = rejected("payments sidecar", "not-authorized");
    assert_eq!(
        red(not_authorized, &denied_because(&bad_token, 401, 1, |_| {})),
        saw
    );
}

#[test]
fn rejected_believes_no_403_without_the_word_of_the_sidecar() {
    let check = || rejected("payments sidecar", "not-authorized");
    let mut observations = denied(1, |_| {});
    observations.telemetry.access[1].denial = None;
    assert_eq!(red(check(), &observations), "no record of a refusal (403) × 1");
    let mut observations = denied(1, |_| {});
    observations.telemetry.access[1].direction = Direction::Outbound;
    assert_eq!(red(check(), &observations), "no record of a refusal (403) × 1");
    let observations = denied(1, |response| response.status = 200);
    assert_eq!(red(check(), &observations), "answered 200, handled by nobody × 1");
    let mut observations = denied(1, |_| {});
    observations.ledger = healthy(1).ledger;
    assert_eq!(red(check(), &observations), "served by payments-1 (403) × 1");
}

#[test]
fn rejected_fails_when_a_request_was_served() {
    let saw = red(rejected("payments sidecar", "expired"), &healthy(2));
    assert_eq!(saw, "served by payments-1 (200) × 2");
    let mut observations = refused_inbound(2);
    observations.client[1].outcome = healthy(1).client[0].outcome.clone();
    let saw = red(rejected("payments sidecar", "expired"), &observations);
    assert_eq!(
        saw,
        "answered 200, handled by nobody × 1, expired, says the payments sidecar × 1"
    );
    // A failure that the client saw does not help when the service has handled it.
    let mut observations = refused_inbound(1);
    observations.ledger = healthy(1).ledger;
    let saw = red(rejected("payments sidecar", "expired"), &observations);
    assert_eq!(saw, "served by payments-1 (connection closed) × 1");
}

#[test]
fn rejected_fails_for_another_reason_or_refuser() {
    let inbound = refused_inbound(1);
    assert_eq!(
        red(rejected("payments sidecar", "plaintext"), &inbound),
        "expired, says the payments sidecar × 1"
    );
    assert_eq!(
        red(rejected("orders sidecar", "expired"), &inbound),
        "expired, says the payments sidecar × 1"
    );
    let outbound = refused_outbound(1);
    let saw = "unexpected-identity, says the orders sidecar × 1";
    assert_eq!(red(rejected("orders sidecar", "expired"), &outbound), saw);
    assert_eq!(
        red(rejected("payments sidecar", "unexpected-identity"), &outbound),
        saw
    );
}

#[test]
fn rejected_without_a_record_of_it_is_red() {
    let check = || rejected("payments sidecar", "expired");
    let saw = "no record of a refusal (connection closed) × 1";
    let mut observations = refused_inbound(1);
    observations.telemetry.refusals[0].peer_address = client_address(99);
    assert_eq!(red(check(), &observations), saw, "of another connection");
    let mut observations = refused_inbound(1);
    observations.wire[0].downstream_address = client_address(99);
    assert_eq!(red(check(), &observations), saw, "by another client");
    let mut observations = refused_inbound(1);
    observations.wire[0].from = "orders-1".to_owned();
    assert_eq!(
        red(check(), &observations),
        saw,
        "by a sidecar that happens to have that address"
    );
    let mut observations = refused_inbound(1);
    observations.client[0].local_address = None;
    assert_eq!(red(check(), &observations), saw, "without a connection");
    let mut observations = refused_inbound(1);
    observations.telemetry.refusals[0].at_us = 0;
    assert_eq!(red(check(), &observations), saw, "before the connection");
    let mut observations = refused_outbound(1);
    observations.telemetry.access[0].flags = vec![ResponseFlag::UC];
    assert_eq!(
        red(rejected("orders sidecar", "unexpected-identity"), &observations),
        "no record of a refusal (503) × 1"
    );
    assert_eq!(
        red(check(), &nothing()),
        "no evidence: there was no request of checkout"
    );
}

#[test]
fn rejected_points_at_a_request() {
    let verdict = verdict(rejected("payments sidecar", "plaintext"), &refused_inbound(3));
    assert_eq!(verdict.samples.len(), 3);
    assert_eq!(verdict.witness, "the client, the wire and the payments sidecar");
}
