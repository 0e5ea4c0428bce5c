//! What a proxy does not pass on, and what it does not accept.

use hallway_model::telemetry::{Direction, ResponseFlag};
use http_body_util::BodyExt;

use crate::support::application::{Application, answer};
use crate::support::client::{get, raw};
use crate::support::meshes::{Alone, host};
use crate::support::snapshots::rule;

/// Answers with the headers and the body of the request, and with headers that should not pass.
async fn mirror() -> (Alone, Application) {
    let application = Application::start(&host(), |request| async move {
        let (head, body) = request.into_parts();
        let mut lines: Vec<String> = head
            .headers
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "traceparent" | "x-request-id"))
            .map(|(name, value)| format!("{name}: {}", value.to_str().expect("ASCII")))
            .collect();
        lines.sort();
        let body = body
            .collect()
            .await
            .map(|body| body.to_bytes())
            .unwrap_or_default();
        let text = format!(
            "{} {}\n{}\n\n{}",
            head.method,
            head.uri,
            lines.join("\n"),
            String::from_utf8_lossy(&body)
        );
        let mut answer = answer(200, text);
        for (name, value) in [
            ("connection", "x-secret"),
            ("x-secret", "1"),
            ("x-hallway-answered-by", "nobody"),
        ] {
            answer.headers_mut().append(name, value.parse().expect("a value"));
        }
        answer
    })
    .await;
    let mesh = Alone::start().await;
    let rules = vec![rule("shop/payments", "/", "payments")];
    mesh.route(rules, vec![application.in_the_clear("payments-1")])
        .await;
    (mesh, application)
}

/// Sends one request as it is written, and gives the status line and the body of the answer.
async fn exchange(mesh: &Alone, lines: &[&str], body: &str) -> (String, String) {
    let text = format!("{}\r\nconnection: close\r\n\r\n{body}", lines.join("\r\n"));
    let answer = raw(&mesh.host, mesh.orders.outbound, text.as_bytes()).await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    (
        head.lines().next().expect("a status line").to_owned(),
        body.to_owned(),
    )
}

#[tokio::test]
async fn what_concerns_one_connection_is_not_passed_on() {
    let (mesh, _application) = mirror().await;
    let lines = [
        "GET http://payments/ HTTP/1.1",
        "host: elsewhere",
        "connection: x-hop",
        "x-hop: 1",
        "keep-alive: timeout=5",
        "proxy-authorization: Basic c2VjcmV0",
        "te: trailers",
        "x-end: 2",
    ];
    let (status, body) = exchange(&mesh, &lines, "").await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert_eq!(
        body,
        "GET /\nhost: payments\nx-end: 2\nx-envoy-attempt-count: 1\nx-forwarded-proto: http\n\n"
    );
    let answer = get(&mesh.host, mesh.orders.outbound, "http://payments/", &[]).await;
    for name in ["connection", "x-secret", "x-hallway-answered-by", "server"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
}

#[tokio::test]
async fn an_origin_form_request_goes_by_its_host() {
    let (mesh, _application) = mirror().await;
    let (status, body) = exchange(&mesh, &["GET /charge HTTP/1.1", "host: PAYMENTS:80"], "").await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(body.starts_with("GET /charge\nhost: PAYMENTS:80\n"), "{body}");
}

#[tokio::test]
async fn a_request_with_two_framings_reaches_the_upstream_with_one() {
    let (mesh, application) = mirror().await;
    // Read by its length, the body ends early and a second request follows; read by its chunks, it is one request.
    let smuggled = "4\r\nfour\r\n0\r\n\r\n";
    for framing in [
        ["content-length: 4", "transfer-encoding: chunked"],
        ["transfer-encoding: chunked", "content-length: 4"],
    ] {
        let lines = [
            "POST http://payments/ HTTP/1.1",
            "host: payments",
            framing[0],
            framing[1],
        ];
        let (status, body) = exchange(&mesh, &lines, smuggled).await;
        assert_eq!(status, "HTTP/1.1 200 OK");
        assert!(
            body.contains("transfer-encoding: chunked") && !body.contains("content-length"),
            "{body}"
        );
        assert!(body.ends_with("\n\nfour") || body.contains("\n\nfour"), "{body}");
    }
    assert_eq!(
        application.connections(),
        1,
        "the upstream's connection is in step"
    );
}

#[tokio::test]
async fn what_is_ambiguous_or_unsupported_is_refused() {
    let (mesh, application) = mirror().await;
    let refused = [
        (vec!["GET / HTTP/1.1", "host: payments", "host: ledger"], "400"),
        (vec!["GET / HTTP/1.1"], "400"),
        (
            vec!["GET http://user@payments/ HTTP/1.1", "host: payments"],
            "400",
        ),
        (vec!["GET https://payments/ HTTP/1.1", "host: payments"], "400"),
        (
            vec![
                "POST http://payments/ HTTP/1.1",
                "host: payments",
                "content-length: 1",
                "content-length: 2",
            ],
            "400",
        ),
        (
            vec![
                "POST http://payments/ HTTP/1.1",
                "host: payments",
                "transfer-encoding: gzip",
            ],
            "400",
        ),
        (vec!["CONNECT payments:443 HTTP/1.1", "host: payments:443"], "501"),
    ];
    for (lines, expected) in refused {
        let (status, _) = exchange(&mesh, &lines, "").await;
        assert!(
            status.starts_with(&format!("HTTP/1.1 {expected} ")),
            "{lines:?}: {status}"
        );
    }
    assert_eq!(application.connections(), 0);
    let access = mesh.orders.records.access(Direction::Outbound, "/").await;
    assert_eq!(access.flags, [ResponseFlag::DPE]);
}
