//! Timeouts: the caller hears in time, and the upstream's work is cancelled.

use std::sync::Arc;
use std::time::Duration;

use hallway_model::Rule;
use hallway_model::route::Timeouts;
use hallway_model::telemetry::{Direction, Judgement, ResponseFlag};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::support::application::{AnswerBody, Application};
use crate::support::client::{Client, request};
use crate::support::meshes::{Alone, Pair, host};
use crate::support::snapshots::{retry, rule};
use crate::support::{never, soon};

fn within(request: Option<u64>, backend_request: Option<u64>) -> Rule {
    Rule {
        timeouts: Timeouts {
            request: request.map(Duration::from_millis),
            backend_request: backend_request.map(Duration::from_millis),
        },
        ..rule("shop/payments", "/", "payments")
    }
}

/// Never answers, and tells when its work is cancelled.
async fn hanging() -> (Application, mpsc::UnboundedReceiver<()>) {
    let (never, cancelled) = never();
    (Application::start(&host(), never).await, cancelled)
}

/// Answers at once with a head and one part of a body that never ends.
async fn endless(_: Request<Incoming>) -> Response<AnswerBody> {
    let first = Ok(Frame::data("first".into()));
    let parts = futures_util::stream::iter([first]);
    let never = futures_util::stream::pending();
    let body = StreamBody::new(futures_util::StreamExt::chain(parts, never));
    Response::new(BodyExt::boxed(body))
}

#[tokio::test]
async fn a_slow_callee_is_cancelled_through_two_sidecars() {
    let (application, mut cancelled) = hanging().await;
    let mesh = Pair::start(host(), application).await;
    mesh.route(vec![within(Some(100), None)], mesh.payments.inbound)
        .await;
    let began = Instant::now();
    let answer = mesh.get("/charge").await;
    assert_eq!(answer.status, 504);
    assert!(began.elapsed() >= Duration::from_millis(100));
    assert_eq!(
        soon("the end of the upstream's work", cancelled.recv()).await,
        Some(())
    );

    let sent = mesh.orders.records.access(Direction::Outbound, "/charge").await;
    assert_eq!(sent.flags, [ResponseFlag::UT]);
    assert_eq!(
        sent.detail.as_deref(),
        Some("timeouts.request of 100 ms has passed")
    );
    let received = mesh.payments.records.access(Direction::Inbound, "/charge").await;
    assert_eq!((received.status, received.flags), (None, vec![ResponseFlag::DC]));
}

#[tokio::test]
async fn each_attempt_has_its_own_timeout() {
    let (application, mut cancelled) = hanging().await;
    let mesh = Alone::start().await;
    let rules = vec![Rule {
        retry: Some(retry(1)),
        ..within(None, Some(50))
    }];
    mesh.route(rules, vec![application.in_the_clear("payments-1")])
        .await;
    assert_eq!(mesh.get("/charge").await.status, 504);
    for _ in 0..2 {
        assert_eq!(
            soon("the end of an attempt's work", cancelled.recv()).await,
            Some(())
        );
    }
    let access = mesh.orders.records.access(Direction::Outbound, "/charge").await;
    assert_eq!(
        (access.attempts, access.flags),
        (2, vec![ResponseFlag::UT, ResponseFlag::URX])
    );
    let spans = mesh.orders.records.spans(&access.request_id);
    assert!(
        matches!(&spans[0].judgement, Judgement::Retried { reason, .. } if reason == "timeouts.backendRequest passed")
    );
    assert_eq!(
        spans[1].error.as_deref(),
        Some("timeouts.backendRequest of 50 ms has passed")
    );
}

#[tokio::test]
async fn the_request_timeout_bounds_all_attempts_together() {
    let (application, _cancelled) = hanging().await;
    let mesh = Alone::start().await;
    let rules = vec![Rule {
        retry: Some(retry(100)),
        ..within(Some(200), Some(50))
    }];
    mesh.route(rules, vec![application.in_the_clear("payments-1")])
        .await;
    assert_eq!(mesh.get("/charge").await.status, 504);
    let access = mesh.orders.records.access(Direction::Outbound, "/charge").await;
    assert!((2..=4).contains(&access.attempts), "{} attempts", access.attempts);
    assert!(
        (150_000..1_000_000).contains(&access.duration_us),
        "{} µs",
        access.duration_us
    );
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_broken_off() {
    let application = Application::start(&host(), endless).await;
    let mesh = Alone::start().await;
    let rules = vec![within(Some(100), None)];
    mesh.route(rules, vec![application.in_the_clear("payments-1")])
        .await;
    let mut client = Client::connect(&mesh.host, mesh.orders.outbound).await;
    let get = request("GET", "http://payments/endless", &[], "");
    let mut answer = client.begin(get).await.expect("a head").into_body();
    let first = soon("the first part", answer.frame())
        .await
        .expect("a part")
        .expect("it is whole");
    assert_eq!(first.into_data().expect("data"), "first");
    let end = soon("the end of the answer", answer.frame()).await;
    assert!(
        end.is_some_and(|frame| frame.is_err()),
        "the caller must see that the answer is not whole"
    );
    let access = mesh.orders.records.access(Direction::Outbound, "/endless").await;
    assert_eq!((access.status, access.flags), (Some(200), vec![ResponseFlag::UT]));
}

#[tokio::test]
async fn a_caller_who_leaves_takes_the_upstreams_work_along() {
    let (application, mut cancelled) = hanging().await;
    let connected = Arc::new(application);
    let mesh = Alone::start().await;
    let rules = vec![rule("shop/payments", "/", "payments")];
    mesh.route(rules, vec![connected.in_the_clear("payments-1")])
        .await;
    let mut client = Client::connect(&mesh.host, mesh.orders.outbound).await;
    let calling = mesh.host.spawn(async move {
        let _ = client
            .begin(request("GET", "http://payments/left", &[], ""))
            .await;
    });
    soon("the request at the upstream", async {
        while connected.connections() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    calling.abort();
    assert_eq!(
        soon("the end of the upstream's work", cancelled.recv()).await,
        Some(())
    );
    let access = mesh.orders.records.access(Direction::Outbound, "/left").await;
    assert_eq!((access.status, access.flags), (None, vec![ResponseFlag::DC]));
}

/// Answers with a body that never ends, as fast as it is read.
async fn torrent(_: Request<Incoming>) -> Response<AnswerBody> {
    let part = bytes::Bytes::from(vec![b'x'; 64 * 1024]);
    let parts = futures_util::stream::repeat_with(move || Ok(Frame::data(part.clone())));
    Response::new(BodyExt::boxed(StreamBody::new(parts)))
}

#[tokio::test]
async fn a_timeout_ends_an_answer_that_the_caller_does_not_read() {
    let application = Application::start(&host(), torrent).await;
    let mesh = Alone::start().await;
    let rules = vec![within(Some(300), None)];
    mesh.route(rules, vec![application.in_the_clear("payments-1")])
        .await;
    let mut client = Client::connect(&mesh.host, mesh.orders.outbound).await;
    let unread = client
        .begin(request("GET", "http://payments/unread", &[], ""))
        .await
        .expect("a head");
    let access = mesh.orders.records.access(Direction::Outbound, "/unread").await;
    assert_eq!(access.flags, [ResponseFlag::UT]);
    assert!(
        access.duration_us < 5_000_000,
        "it took {} µs",
        access.duration_us
    );
    drop(unread);
}
