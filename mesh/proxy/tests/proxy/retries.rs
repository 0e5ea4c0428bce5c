//! Retries: what is tried again, what never is, and what the records say of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hallway_host::Stream;
use hallway_model::Rule;
use hallway_model::route::RouteMatch;
use hallway_model::telemetry::{Direction, Judgement, ResponseFlag};
use http_body_util::BodyExt;
use tokio::io::AsyncReadExt;

use crate::support::application::{Application, answer, nobody};
use crate::support::client::{Client, request};
use crate::support::meshes::{Alone, host};
use crate::support::snapshots::{retry, rule};

fn retried(attempts: u32) -> Rule {
    Rule {
        retry: Some(retry(attempts)),
        ..rule("shop/payments", "/", "payments")
    }
}

/// The same, for one method by its name.
fn naming(method: &str, rule: Rule) -> Rule {
    let matches = rule.matches.iter().map(|route_match| RouteMatch {
        method: Some(method.to_owned()),
        ..route_match.clone()
    });
    Rule {
        matches: matches.collect(),
        ..rule
    }
}

/// Answers 503 to the first `failures` requests, then 200 with the body of the request. Counts them all.
async fn failing_first(failures: usize) -> (Application, Arc<AtomicUsize>) {
    let handled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&handled);
    let application = Application::start(&host(), move |request| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        async move {
            let body = request.into_body().collect().await.map(|body| body.to_bytes());
            let status = if number < failures { 503 } else { 200 };
            answer(status, body.unwrap_or_default())
        }
    })
    .await;
    (application, handled)
}

/// Reads a request and resets the connection. Counts the connections.
async fn resetting() -> (Application, Arc<AtomicUsize>) {
    let handled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&handled);
    let application = Application::raw(&host(), move |mut stream: Stream| {
        let count = Arc::clone(&count);
        async move {
            let mut bytes = [0; 16];
            let _ = stream.read(&mut bytes).await;
            count.fetch_add(1, Ordering::SeqCst);
            stream.reset_on_close().expect("an open socket");
        }
    })
    .await;
    (application, handled)
}

#[tokio::test]
async fn the_caller_does_not_see_two_failures() {
    let (application, handled) = failing_first(2).await;
    let mesh = Alone::start().await;
    mesh.route(vec![retried(3)], vec![application.in_the_clear("payments-1")])
        .await;
    let answer = mesh.get("/charge").await;
    assert_eq!(answer.status, 200);
    assert_eq!(handled.load(Ordering::SeqCst), 3);

    let access = mesh.orders.records.access(Direction::Outbound, "/charge").await;
    assert_eq!((access.attempts, access.flags.as_slice()), (3, &[][..]));
    let spans = mesh.orders.records.spans(&access.request_id);
    let attempts: Vec<(u32, Option<u16>)> = spans.iter().map(|span| (span.attempt, span.status)).collect();
    assert_eq!(attempts, [(1, Some(503)), (2, Some(503)), (3, Some(200))]);
    let Judgement::Retried { reason, backoff_us } = &spans[1].judgement else {
        panic!("{:?}", spans[1].judgement)
    };
    assert_eq!(reason, "503 is in retry.codes");
    assert!((10_000..12_500).contains(backoff_us), "{backoff_us}");
    let pause = spans[2].start_us - (spans[1].start_us + spans[1].duration_us);
    assert!(
        pause >= *backoff_us,
        "{pause} µs of pause, {backoff_us} µs announced"
    );
}

#[tokio::test]
async fn when_the_attempts_are_used_up_the_last_answer_is_returned() {
    let (application, handled) = failing_first(usize::MAX).await;
    let mesh = Alone::start().await;
    mesh.route(vec![retried(1)], vec![application.in_the_clear("payments-1")])
        .await;
    assert_eq!(mesh.get("/charge").await.status, 503);
    assert_eq!(handled.load(Ordering::SeqCst), 2);
    let access = mesh.orders.records.access(Direction::Outbound, "/charge").await;
    assert_eq!(access.flags, [ResponseFlag::URX]);
    // The rest of the rejected answer was read, so its connection was used again.
    assert_eq!(application.connections(), 1);
}

#[tokio::test]
async fn a_body_is_sent_again_while_it_is_held_whole() {
    let (application, _) = failing_first(1).await;
    let mesh = Alone::start_with(|bootstrap| bootstrap.limits.buffered_body_bytes = 1000).await;
    mesh.route(vec![retried(1)], vec![application.in_the_clear("payments-1")])
        .await;
    let mut client = Client::connect(&mesh.host, mesh.orders.outbound).await;
    let body = "b".repeat(1000);
    let sent = client
        .send(request("PUT", "http://payments/held", &[], body.clone()))
        .await;
    let answer = sent.expect("an answer");
    assert_eq!((answer.status.as_u16(), answer.text()), (200, body));
    let access = mesh.orders.records.access(Direction::Outbound, "/held").await;
    assert_eq!((access.attempts, access.request_bytes), (2, 1000));
}

#[tokio::test]
async fn a_body_that_is_too_long_to_hold_is_sent_once() {
    let (application, handled) = failing_first(1).await;
    let mesh = Alone::start_with(|bootstrap| bootstrap.limits.buffered_body_bytes = 1000).await;
    mesh.route(vec![retried(1)], vec![application.in_the_clear("payments-1")])
        .await;
    let mut client = Client::connect(&mesh.host, mesh.orders.outbound).await;
    let body = "b".repeat(1001);
    let sent = client
        .send(request("PUT", "http://payments/streamed", &[], body.clone()))
        .await;
    let answer = sent.expect("an answer");
    assert_eq!((answer.status.as_u16(), answer.text()), (503, body));
    assert_eq!(handled.load(Ordering::SeqCst), 1);
    let access = mesh.orders.records.access(Direction::Outbound, "/streamed").await;
    let span = &mesh.orders.records.spans(&access.request_id)[0];
    let reason = Some("the request body is no longer held whole".to_owned());
    assert_eq!(span.judgement, Judgement::Returned { reason });
}

#[tokio::test]
async fn a_post_that_may_have_been_executed_is_not_sent_again() {
    let (application, handled) = resetting().await;
    let mesh = Alone::start().await;
    mesh.route(vec![retried(2)], vec![application.in_the_clear("payments-1")])
        .await;
    let mut client = Client::connect(&mesh.host, mesh.orders.outbound).await;
    let post = request("POST", "http://payments/charge", &[], "amount=5");
    let answer = client.send(post).await.expect("an answer");
    assert_eq!(answer.status, 503);
    assert_eq!(handled.load(Ordering::SeqCst), 1);
    let access = mesh.orders.records.access(Direction::Outbound, "/charge").await;
    assert_eq!(access.flags, [ResponseFlag::UC]);
    assert!(
        access
            .detail
            .expect("the proxy answered")
            .starts_with("the connection broke before the answer")
    );
}

#[tokio::test]
async fn a_post_is_sent_again_when_its_rule_names_post() {
    let (application, handled) = resetting().await;
    let mesh = Alone::start().await;
    let rules = vec![naming("POST", retried(2)), retried(2)];
    mesh.route(rules, vec![application.in_the_clear("payments-1")])
        .await;
    let mut client = Client::connect(&mesh.host, mesh.orders.outbound).await;
    let post = request("POST", "http://payments/charge", &[], "amount=5");
    assert_eq!(client.send(post).await.expect("an answer").status, 503);
    assert_eq!(handled.load(Ordering::SeqCst), 3);
    let access = mesh.orders.records.access(Direction::Outbound, "/charge").await;
    assert_eq!(access.flags, [ResponseFlag::UC, ResponseFlag::URX]);
}

#[tokio::test]
async fn another_endpoint_is_tried_when_nobody_listens_at_the_first() {
    let (application, handled) = failing_first(0).await;
    let mesh = Alone::start().await;
    let endpoints = vec![
        nobody(&mesh.host, "payments-0").await,
        application.in_the_clear("payments-1"),
    ];
    mesh.route(vec![retried(1)], endpoints).await;
    let mut client = Client::connect(&mesh.host, mesh.orders.outbound).await;
    // Nothing was sent to the one that refuses, so that even a POST may go to the other.
    for number in 0..4 {
        let post = request("POST", &format!("http://payments/{number}"), &[], "amount=5");
        assert_eq!(client.send(post).await.expect("an answer").status, 200);
    }
    assert_eq!(handled.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn without_a_policy_nothing_is_tried_again() {
    let (application, handled) = failing_first(1).await;
    let mesh = Alone::start().await;
    let rules = vec![rule("shop/payments", "/", "payments")];
    mesh.route(rules, vec![application.in_the_clear("payments-1")])
        .await;
    assert_eq!(mesh.get("/charge").await.status, 503);
    assert_eq!(handled.load(Ordering::SeqCst), 1);
    let access = mesh.orders.records.access(Direction::Outbound, "/charge").await;
    assert_eq!(access.flags, []);
}
