//! A call through two sidecars: what each of them adds, and what they say of it.

use hallway_model::telemetry::{Direction, Judgement};

use crate::support::application::{Application, answer};
use crate::support::client::get;
use crate::support::meshes::{Pair, host};
use crate::support::snapshots::identity;

/// Answers with the request line and the headers of the request, sorted.
async fn mirror() -> Pair {
    let host = host();
    let application = Application::start(&host, |request| async move {
        let mut lines: Vec<String> = request
            .headers()
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().expect("ASCII")))
            .collect();
        lines.sort();
        lines.insert(0, format!("{} {}", request.method(), request.uri()));
        answer(200, lines.join("\n"))
    })
    .await;
    Pair::start(host, application).await
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[tokio::test]
async fn the_service_sees_the_request_and_who_sent_it() {
    let mesh = mirror().await;
    let headers = [
        ("x-request-id", "checkout-7"),
        ("traceparent", &format!("00-{TRACE}-00f067aa0ba902b7-01")),
        ("tracestate", "vendor=1"),
        ("x-forwarded-for", "10.9.8.7"),
        (
            "x-forwarded-client-cert",
            "URI=spiffe://hallway.test/ns/shop/sa/admin",
        ),
        ("x-envoy-attempt-count", "9"),
        ("x-hallway-request", "7"),
    ];
    let answer = get(
        &mesh.host,
        mesh.orders.outbound,
        "http://Payments/charge?x=1",
        &headers,
    )
    .await;
    let inbound = mesh
        .payments
        .records
        .access(Direction::Inbound, "/charge?x=1")
        .await;
    let handling = &mesh.payments.records.spans("checkout-7")[0];
    let expected = format!(
        "GET /charge?x=1\n\
         host: Payments\n\
         traceparent: 00-{TRACE}-{}-01\n\
         tracestate: vendor=1\n\
         x-envoy-attempt-count: 1\n\
         x-forwarded-client-cert: By=spiffe://hallway.test/ns/shop/sa/payments;URI=spiffe://hallway.test/ns/shop/sa/orders\n\
         x-forwarded-for: 127.0.0.1\n\
         x-forwarded-proto: https\n\
         x-hallway-request: 7\n\
         x-request-id: checkout-7",
        handling.span_id,
    );
    assert_eq!(answer.text(), expected);
    assert_eq!(inbound.headers["x-hallway-request"], "7");
}

#[tokio::test]
async fn both_sides_tell_the_same_story() {
    let mesh = mirror().await;
    let answer = mesh.get("/charge").await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("date").is_some_and(|date| date.ends_with("GMT")));
    let sent = mesh.orders.records.access(Direction::Outbound, "/charge").await;
    let received = mesh.payments.records.access(Direction::Inbound, "/charge").await;

    assert_eq!(sent.upstream_peer, Some(identity("payments")));
    assert_eq!(received.downstream_peer, Some(identity("orders")));
    assert_eq!(sent.rule.as_deref(), Some("shop/payments"));
    assert_eq!(sent.endpoint.as_deref(), Some("payments-1"));
    for access in [&sent, &received] {
        assert_eq!((access.status, access.attempts), (Some(200), 1));
        assert_eq!(access.authority, "payments");
        assert_eq!(access.response_bytes, answer.body.len() as u64);
        assert_eq!((access.flags.len(), &access.detail), (0, &None));
        assert_eq!(access.request_id, sent.request_id);
        assert_eq!(access.trace_id, sent.trace_id);
    }
    let attempt = &mesh.orders.records.spans(&sent.request_id)[0];
    let handling = &mesh.payments.records.spans(&sent.request_id)[0];
    assert_eq!(attempt.parent_span_id, None);
    assert_eq!(handling.parent_span_id.as_ref(), Some(&attempt.span_id));
    assert!(attempt.new_connection);
    assert_eq!(attempt.judgement, Judgement::Returned { reason: None });
}

#[tokio::test]
async fn connections_are_kept_and_used_again() {
    let mesh = mirror().await;
    for number in 0..5 {
        assert_eq!(mesh.get(&format!("/{number}")).await.status, 200);
    }
    let last = mesh.orders.records.access(Direction::Outbound, "/4").await;
    assert!(!mesh.orders.records.spans(&last.request_id)[0].new_connection);
    assert_eq!(mesh.application.connections(), 1);
}

#[tokio::test]
async fn an_id_that_could_forge_a_log_line_is_replaced() {
    let mesh = mirror().await;
    let headers = [("x-request-id", "a b")];
    get(
        &mesh.host,
        mesh.orders.outbound,
        "http://payments/forged",
        &headers,
    )
    .await;
    let sent = mesh.orders.records.access(Direction::Outbound, "/forged").await;
    assert_eq!(sent.request_id.len(), 36, "{}", sent.request_id);
}
