//! What a proxy does not pass on, and what it does not accept.

use hallway_host::Stream;
use hallway_model::telemetry::{Direction, ResponseFlag};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::application::{Application, answer};
use crate::support::client::{get, raw};
use crate::support::meshes::{Alone, host};
use crate::support::snapshots::rule;
use crate::support::soon;

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
async fn an_answer_with_two_framings_reaches_the_caller_whole() {
    let application = Application::raw(&host(), |mut stream: Stream| async move {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n";
        if stream.read(&mut [0; 1024]).await.is_ok() && stream.write_all(answer).await.is_ok() {
            let _ = stream.read(&mut [0]).await;
        }
    })
    .await;
    let mesh = Alone::start().await;
    let rules = vec![rule("shop/payments", "/", "payments")];
    mesh.route(rules, vec![application.in_the_clear("payments-1")])
        .await;
    let answer = mesh.get("/").await;
    assert_eq!(answer.text(), "whole");
    assert_eq!(answer.header("content-length"), None);
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
        (
            vec![
                "POST http://payments/ HTTP/1.1",
                "host: payments",
                "transfer-encoding: gzip, chunked",
            ],
            "501",
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

/// Answers every request on a connection with the bytes that its path asks for.
async fn canned() -> Application {
    Application::raw(&host(), |mut stream: Stream| async move {
        let mut bytes = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut bytes).await {
            let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
            let answer: &[u8] = match text.split(' ').nth(1) {
                Some("/head") => b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n",
                Some("/204") => b"HTTP/1.1 204 No Content\r\n\r\n",
                Some("/304") => b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n",
                Some("/hints") => b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
                Some("/switch") => b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
                _ => b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            };
            if stream.write_all(answer).await.is_err() {
                return;
            }
        }
    })
    .await
}

#[tokio::test]
async fn answers_keep_the_framing_that_their_request_and_status_ask_for() {
    let application = canned().await;
    let mesh = Alone::start().await;
    let rules = vec![rule("shop/payments", "/", "payments")];
    mesh.route(rules, vec![application.in_the_clear("payments-1")])
        .await;
    let text = |method: &'static str, path: &'static str, version: &'static str| {
        let lines = format!("{method} {path} HTTP/{version}\r\nhost: payments\r\nconnection: close\r\n\r\n");
        raw_lower(&mesh, lines)
    };
    let head = text("HEAD", "/head", "1.1").await;
    assert!(
        head.contains("\r\ncontent-length: 5\r\n") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    for path in ["/204", "/304"] {
        let empty = text("GET", path, "1.1").await;
        assert!(
            !empty.contains("transfer-encoding") && empty.ends_with("\r\n\r\n"),
            "{empty}"
        );
    }
    let hints = text("GET", "/hints", "1.1").await;
    assert!(
        hints.starts_with("http/1.1 200 ") && hints.ends_with("\r\n\r\nhello"),
        "{hints}"
    );
    let switch = text("GET", "/switch", "1.1").await;
    assert!(switch.starts_with("http/1.1 503 "), "{switch}");
    let old = text("GET", "/chunked", "1.0").await;
    assert!(
        old.starts_with("http/1.0 200 ") && !old.contains("chunked") && old.ends_with("\r\n\r\nhello"),
        "{old}"
    );
    let wrong = text("HEAD", "/chunked", "1.1").await;
    assert!(wrong.ends_with("\r\n\r\n"), "a body follows: {wrong}");
}

async fn raw_lower(mesh: &Alone, text: String) -> String {
    raw(&mesh.host, mesh.orders.outbound, text.as_bytes())
        .await
        .to_ascii_lowercase()
}

#[tokio::test]
async fn a_caller_who_expects_to_be_asked_for_its_body_is_asked_here() {
    let (mesh, _application) = mirror().await;
    let mut caller = mesh.host.connect(mesh.orders.outbound).await.expect("it listens");
    let head = "POST / HTTP/1.1\r\nhost: payments\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n";
    caller.write_all(head.as_bytes()).await.expect("it listens");
    let mut asked = [0; 25];
    soon("the question", caller.read_exact(&mut asked))
        .await
        .expect("an answer");
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    caller.write_all(b"four").await.expect("it listens");
    let mut answer = String::new();
    soon("the answer", caller.read_to_string(&mut answer))
        .await
        .expect("text");
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\n\nfour"),
        "{answer}"
    );
    assert!(!answer.contains("expect"), "{answer}");
}
