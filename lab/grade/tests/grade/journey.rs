//! The journeys of requests that were answered, retried, refused and lost.

use hallway_evidence::client::FailureSeen;
use hallway_evidence::ledger::Outcome;
use hallway_evidence::{FailureKind, Observations};
use hallway_grade::judge;
use hallway_grade::report::Styles;
use hallway_grade::report::journey::{ExplainError, Pick, explain};
use hallway_model::Origin;
use hallway_model::telemetry::{Access, Denial, Direction, Refusal, RefusalReason, ResponseFlag, Span};
use serde_json::json;

use crate::support::{Call, call, client_address, correlation, healthy, nothing, scenario};

fn journey(observations: &Observations, pick: &Pick) -> String {
    let checks = json!({
        "answered": { "responses": { "traffic": "checkout", "status": 200, "share": "100%" } },
        "sealed": { "encrypted": { "from": "orders", "to": "payments" } },
    });
    let scenario = scenario(checks, json!({}));
    let verdicts = judge(&scenario, observations);
    match explain(&scenario, observations, &verdicts, pick) {
        Ok(journey) => journey.text(&Styles::plain()),
        Err(error) => format!("error: {error}"),
    }
}

/// A request that was answered at its third attempt.
fn retried() -> Observations {
    let mut observations = nothing();
    let attempts = &[(503, "payments-1"), (503, "payments-1"), (200, "payments-1")];
    call(
        &mut observations,
        &Call {
            attempts,
            took_us: 20_000,
            ..Call::default()
        },
    );
    observations
}

#[test]
fn a_retried_request() {
    insta::assert_snapshot!(journey(&retried(), &Pick::First), @r#"
    request 7f3a0000… GET http://payments/charge    answer 200 after 60.5 ms, 3 attempts

        0.0 ms  client            sends to the sidecar of orders
        0.1 ms  orders-1 sidecar  route shop/checkout#1 (rules.yaml:9) → cluster shop/payments:80, 1 endpoint
        0.2 ms  ├ attempt 1       payments-1 · mTLS spiffe://hallway.test/ns/shop/sa/payments · new connection
       19.6 ms  │   payments-1    503 (told to fail the first 2)
       19.9 ms  │   judged        503 is in retry.codes; retry 1 of 3 after 0.3 ms
       20.2 ms  ├ attempt 2       payments-1 · mTLS spiffe://hallway.test/ns/shop/sa/payments
       39.6 ms  │   payments-1    503 (told to fail the first 2)
       39.9 ms  │   judged        503 is in retry.codes; retry 2 of 3 after 0.3 ms
       40.2 ms  ├ attempt 3       payments-1 · mTLS spiffe://hallway.test/ns/shop/sa/payments
       59.6 ms  │   payments-1    200
       60.5 ms  client            200
    "#);
}

/// A request that came to payments, which called the ledger for it.
#[test]
fn a_request_that_goes_on_to_another_service() {
    let mut observations = healthy(1);
    let telemetry = &mut observations.telemetry;
    let (outbound, inbound) = (telemetry.spans[0].clone(), telemetry.spans[1].clone());
    let next = |span: &Span, id: &str, parent: &str, proxy: &str| Span {
        proxy: proxy.to_owned(),
        span_id: id.to_owned(),
        parent_span_id: Some(parent.to_owned()),
        start_us: span.start_us + 300,
        duration_us: 300,
        endpoint: Some("ledger-1".to_owned()),
        upstream_peer: None,
        new_connection: true,
        ..span.clone()
    };
    telemetry.spans.push(next(
        &outbound,
        "00000000000000aa",
        &inbound.span_id,
        "payments-1",
    ));
    telemetry
        .spans
        .push(next(&inbound, "00000000000000ab", "00000000000000aa", "ledger-1"));
    let (first, second) = (telemetry.access[0].clone(), telemetry.access[1].clone());
    telemetry.access.push(Access {
        proxy: "payments-1".to_owned(),
        start_us: first.start_us + 400,
        ..first
    });
    telemetry.access.push(Access {
        proxy: "ledger-1".to_owned(),
        start_us: second.start_us + 400,
        ..second
    });
    let mut entry = observations.ledger[0].clone();
    entry.received.instance = "ledger-1".to_owned();
    entry.received.service = "ledger".to_owned();
    entry.received.traceparent = Some(format!("00-{}-00000000000000ab-01", outbound.trace_id));
    observations.ledger.push(entry);
    insta::assert_snapshot!(journey(&observations, &Pick::First), @r#"
    request 7f3a0000… GET http://payments/charge    answer 200 after 2.5 ms, 1 attempt

        0.0 ms  client                  sends to the sidecar of orders
        0.1 ms  orders-1 sidecar        route shop/checkout#1 (rules.yaml:9) → cluster shop/payments:80, 1 endpoint
        0.2 ms  ├ attempt 1             payments-1 · mTLS spiffe://hallway.test/ns/shop/sa/payments · new connection
        0.5 ms  │   payments-1 sidecar  route shop/checkout#1 (rules.yaml:9) → cluster shop/payments:80, 1 endpoint
        0.5 ms  │   ├ attempt 1         ledger-1 · plaintext · new connection
        1.6 ms  │   │   ledger-1        200
        1.6 ms  │   payments-1          200
        2.5 ms  client                  200
    "#);
}

/// The service hears of it after the caller has its answer.
#[test]
fn a_request_whose_work_was_cancelled() {
    let mut observations = nothing();
    call(
        &mut observations,
        &Call {
            attempts: &[(504, "payments-1")],
            ..Call::default()
        },
    );
    let answered_us = observations.client[0].finished_us;
    let finished = observations.ledger[0].finished.as_mut().expect("it has finished");
    (finished.outcome, finished.status, finished.at_us) = (Outcome::Cancelled, None, answered_us + 400);
    let telemetry = &mut observations.telemetry;
    telemetry.access[0].flags = vec![ResponseFlag::UT];
    telemetry.access[0].detail = Some("timeouts.request of 300 ms has passed".to_owned());
    (telemetry.spans[0].status, telemetry.spans[0].upstream_peer) = (None, None);
    telemetry.spans[0].error = Some("timeouts.request of 300 ms has passed".to_owned());
    insta::assert_snapshot!(journey(&observations, &Pick::First), @r#"
    request 7f3a0000… GET http://payments/charge    answer 504 after 2.5 ms, 1 attempt

        0.0 ms  client            sends to the sidecar of orders
        0.1 ms  orders-1 sidecar  route shop/checkout#1 (rules.yaml:9) → cluster shop/payments:80, 1 endpoint
        0.2 ms  ├ attempt 1       payments-1 · new connection
        1.9 ms  │   judged        timeouts.request of 300 ms has passed
        2.4 ms  orders-1 sidecar  answers 504, flag UT: timeouts.request of 300 ms has passed
        2.5 ms  client            504
        2.9 ms  │   payments-1    stops: the caller has gone away
    "#);
}

#[test]
fn a_request_that_an_inbound_sidecar_refused() {
    let mut observations = healthy(1);
    observations.ledger.clear();
    observations.telemetry.access.clear();
    observations.telemetry.spans.clear();
    observations.wire[0].downstream_address = client_address(0);
    observations.wire[0].from = "intruder".to_owned();
    let request = &mut observations.client[0];
    let detail = "received fatal alert: CertificateExpired".to_owned();
    request.outcome = Err(FailureSeen {
        kind: FailureKind::Handshake,
        detail,
    });
    observations.telemetry.refusals.push(Refusal {
        proxy: "payments-1".to_owned(),
        direction: Direction::Inbound,
        at_us: request.finished_us + 100,
        peer_address: observations.wire[0]
            .upstream_address
            .expect("the target was reached"),
        reason: RefusalReason::Expired,
        detail: "the certificate expired 1 h ago".to_owned(),
    });
    insta::assert_snapshot!(journey(&observations, &Pick::First), @r#"
    request 7f3a0000… GET http://payments/charge    handshake failed after 2.5 ms

        0.0 ms  client              sends to the sidecar of orders
        2.6 ms  payments-1 sidecar  refuses the connection: expired (the certificate expired 1 h ago)
        2.5 ms  client              handshake failed: received fatal alert: CertificateExpired
    "#);
}

#[test]
fn a_request_that_the_callees_sidecar_did_not_let_pass() {
    let mut observations = nothing();
    call(
        &mut observations,
        &Call {
            attempts: &[(403, "payments-1")],
            ..Call::default()
        },
    );
    observations.ledger.clear();
    let answer = observations.client[0].outcome.as_mut().expect("an answer");
    answer.proxy_message = Some("RBAC: access denied".to_owned());
    let telemetry = &mut observations.telemetry;
    telemetry.spans.truncate(1);
    telemetry.access[1].attempts = 0;
    telemetry.access[1].detail = Some("it has an empty segment".to_owned());
    let ambiguous = journey(&observations, &Pick::First);
    assert!(ambiguous.contains("answers 403 to a request from spiffe://hallway.test/ns/shop/sa/orders, by mTLS: it has an empty segment"), "{ambiguous}");
    observations.telemetry.access[1].denial = Some(Denial::NotAllowed);
    let not_allowed = journey(&observations, &Pick::First);
    assert!(
        not_allowed.contains("by mTLS: no AuthorizationPolicy allows it"),
        "{not_allowed}"
    );
    observations.telemetry.access[1].denial = Some(Denial::Denied {
        rule: "shop/no-admin#1".to_owned(),
        origin: Origin {
            file: "rules.yaml".to_owned(),
            line: 30,
        },
    });
    insta::assert_snapshot!(journey(&observations, &Pick::First), @r#"
    request 7f3a0000… GET http://payments/charge    answer 403 after 2.5 ms, 1 attempt

        0.0 ms  client                  sends to the sidecar of orders
        0.1 ms  orders-1 sidecar        route shop/checkout#1 (rules.yaml:9) → cluster shop/payments:80, 1 endpoint
        0.2 ms  ├ attempt 1             payments-1 · mTLS spiffe://hallway.test/ns/shop/sa/payments · new connection
        0.4 ms  │   payments-1 sidecar  refuses a request from spiffe://hallway.test/ns/shop/sa/orders, by mTLS: shop/no-admin#1 (rules.yaml:30) denies it
        2.5 ms  client                  403 (RBAC: access denied)
    "#);
}

#[test]
fn a_request_that_an_outbound_sidecar_answered() {
    let mut observations = nothing();
    call(
        &mut observations,
        &Call {
            attempts: &[(503, "payments-1")],
            ..Call::default()
        },
    );
    observations.ledger.clear();
    let answer = observations.client[0].outcome.as_mut().expect("an answer");
    answer.proxy_message = Some("the endpoint proved to be somebody else".to_owned());
    let telemetry = &mut observations.telemetry;
    telemetry.access.truncate(1);
    telemetry.access[0].flags = vec![ResponseFlag::UF];
    telemetry.access[0].detail = Some("unexpected-identity: expected sa/ledger, got sa/marketing".to_owned());
    telemetry.spans.truncate(1);
    telemetry.spans[0].error = Some("unexpected-identity: expected sa/ledger, got sa/marketing".to_owned());
    (telemetry.spans[0].status, telemetry.spans[0].upstream_peer) = (None, None);
    insta::assert_snapshot!(journey(&observations, &Pick::First), @r#"
    request 7f3a0000… GET http://payments/charge    answer 503 after 2.5 ms, 1 attempt

        0.0 ms  client            sends to the sidecar of orders
        0.1 ms  orders-1 sidecar  route shop/checkout#1 (rules.yaml:9) → cluster shop/payments:80, 1 endpoint
        0.2 ms  ├ attempt 1       payments-1 · new connection
        1.9 ms  │   judged        unexpected-identity: expected sa/ledger, got sa/marketing
        2.4 ms  orders-1 sidecar  answers 503, flag UF: unexpected-identity: expected sa/ledger, got sa/marketing
        2.5 ms  client            503 (the endpoint proved to be somebody else)
    "#);
}

#[test]
fn a_request_that_came_past_the_outbound_sidecars() {
    let mut observations = healthy(1);
    observations.telemetry.access.remove(0);
    observations.telemetry.spans.remove(0);
    observations.telemetry.access[0].downstream_peer = None;
    insta::assert_snapshot!(journey(&observations, &Pick::First), @r#"
    request 7f3a0000… GET http://payments/charge    answer 200 after 2.5 ms, 1 attempt

        0.0 ms  client              sends to the sidecar of orders
        0.4 ms  payments-1 sidecar  accepts a request in plaintext
        1.6 ms  │   payments-1      200
        2.5 ms  client              200
    "#);
}

#[test]
fn a_request_whose_telemetry_is_lost() {
    let mut observations = healthy(1);
    observations.telemetry.access.clear();
    observations.telemetry.spans.clear();
    insta::assert_snapshot!(journey(&observations, &Pick::First), @r#"
    request 7f3a0000… GET http://payments/charge    answer 200 after 2.5 ms

        0.0 ms  client      sends to the sidecar of orders
        1.6 ms  payments-1  200
        2.5 ms  client      200
    "#);
}

#[test]
fn the_first_red_request_of_a_check_is_picked() {
    let mut observations = healthy(2);
    call(
        &mut observations,
        &Call {
            attempts: &[(500, "payments-1")],
            ..Call::default()
        },
    );
    let text = journey(&observations, &Pick::Check("answered".to_owned()));
    assert!(
        text.starts_with("request 7f3a0002… GET http://payments/charge    answer 500"),
        "{text}"
    );
}

#[test]
fn requests_are_found_by_either_id() {
    let observations = healthy(12);
    let by_correlation = journey(&observations, &Pick::Request(correlation(3)));
    assert!(
        by_correlation.starts_with("request 7f3a0003…"),
        "{by_correlation}"
    );
    let by_request_id = journey(&observations, &Pick::Request("request-id-5".to_owned()));
    assert!(by_request_id.starts_with("request 7f3a0005…"), "{by_request_id}");
}

#[test]
fn words_are_a_check_or_a_request() {
    let checks = json!({ "sealed": { "encrypted": { "from": "orders", "to": "payments" } } });
    let scenario = scenario(checks, json!({}));
    assert_eq!(Pick::parse(None, &scenario), Pick::First);
    assert_eq!(
        Pick::parse(Some("sealed"), &scenario),
        Pick::Check("sealed".to_owned())
    );
    assert_eq!(
        Pick::parse(Some("7f3a0003…"), &scenario),
        Pick::Request("7f3a0003".to_owned())
    );
}

#[test]
fn what_cannot_be_told_is_said() {
    let none = journey(&nothing(), &Pick::First);
    assert_eq!(none, format!("error: {}", ExplainError::NoRequest));
    let unknown = journey(&healthy(1), &Pick::Request("beef".to_owned()));
    assert_eq!(
        unknown,
        "error: `beef` is neither a check of this scenario nor the beginning of a request's id"
    );
    let wire = journey(&healthy(1), &Pick::Check("sealed".to_owned()));
    assert_eq!(
        wire,
        "error: no single request shows what sealed is about; try `--explain` alone, or with another check"
    );
}
