//! HTTP/2 on every leg: many requests on one connection, trailers, streams both ways, resets, and what gRPC needs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use hallway_model::route::Timeouts;
use hallway_model::telemetry::{Direction, ProxyRecord, ResponseFlag};
use hallway_model::{ClusterName, MtlsMode, Protocol, Rule};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use tokio::sync::mpsc;

use crate::support::application::{AnswerBody, Application, answer};
use crate::support::client::{Client as Http1Client, request};
use crate::support::http2::{Client, application, pair};
use crate::support::meshes::{Alone, Pair, host};
use crate::support::snapshots::{outbound, rule};
use crate::support::{never, soon};

/// A body whose frames come from elsewhere.
fn fed() -> (mpsc::Sender<Frame<Bytes>>, AnswerBody) {
    let (feed, mut frames) = mpsc::channel(1);
    let frames =
        futures_util::stream::poll_fn(move |context| frames.poll_recv(context).map(|frame| frame.map(Ok)));
    (feed, BodyExt::boxed(StreamBody::new(frames)))
}

/// Answers like a gRPC server, and says in the trailers whether it was told that trailers are taken.
async fn grpc(request: Request<Incoming>) -> Response<AnswerBody> {
    let told = request.headers().get("te").cloned();
    let authority = request.uri().authority().map(ToString::to_string);
    let body = request
        .into_body()
        .collect()
        .await
        .expect("a whole body")
        .to_bytes();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    trailers.insert("told", told.unwrap_or(HeaderValue::from_static("nothing")));
    let frames = [Ok(Frame::data(body)), Ok(Frame::trailers(trailers))];
    let mut response = Response::new(BodyExt::boxed(StreamBody::new(futures_util::stream::iter(
        frames,
    ))));
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/grpc"));
    let authority = HeaderValue::try_from(authority.unwrap_or_default());
    headers.insert("authority", authority.expect("plain ASCII"));
    response
}

/// Never answers, and tells when its work is cancelled.
async fn hanging() -> (Application, mpsc::UnboundedReceiver<()>) {
    let (never, cancelled) = never();
    (application(&host(), never).await, cancelled)
}

fn call(body: impl Into<Bytes>) -> Request<AnswerBody> {
    let headers = [("content-type", "application/grpc"), ("te", "trailers")];
    request("POST", "http://payments/shop.Payments/Charge", &headers, body)
}

fn within(milliseconds: u64) -> Rule {
    Rule {
        timeouts: Timeouts {
            request: Some(Duration::from_millis(milliseconds)),
            backend_request: None,
        },
        ..rule("shop/payments", "/", "payments")
    }
}

#[tokio::test]
async fn sidecars_share_one_connection_for_many_requests() {
    let host = host();
    let application = Application::start(&host, |_| async { answer(200, "paid") }).await;
    let mesh = Pair::start(host, application).await;
    let answers = join_all((0..64).map(|_| mesh.get("/many"))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    let opened = || {
        mesh.orders.records.all(|record| match record {
            ProxyRecord::Span(span) => Some(span.new_connection),
            _ => None,
        })
    };
    soon("all spans", async {
        while opened().len() < 64 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(opened().into_iter().filter(|opened| *opened).count(), 1);
}

#[tokio::test]
async fn a_grpc_call_passes_with_its_trailers() {
    let host = host();
    let application = application(&host, grpc).await;
    let mesh = pair(host, application).await;
    let mut client = Client::connect(&mesh.host, mesh.orders.outbound).await;
    let (answer, trailers) = client.send(call("one message")).await.expect("an answer");
    assert_eq!(
        (answer.status.as_u16(), answer.text().as_str()),
        (200, "one message")
    );
    assert_eq!(answer.header("authority"), Some("payments"));
    assert_eq!(trailers["grpc-status"], "0");
    assert_eq!(trailers["told"], "trailers");
}

#[tokio::test]
async fn both_directions_of_a_stream_go_on_at_once() {
    let host = host();
    // Sends back each frame when it comes.
    let application = application(&host, |request: Request<Incoming>| async {
        Response::new(request.into_body().map_err(std::io::Error::other).boxed())
    })
    .await;
    let mesh = pair(host, application).await;
    let mut client = Client::connect(&mesh.host, mesh.orders.outbound).await;
    let (feed, body) = fed();
    let chat = Request::post("http://payments/chat")
        .body(body)
        .expect("well-formed");
    let mut answer = client.begin(chat).await.expect("an answer").into_body();
    for message in ["one", "two", "three"] {
        feed.send(Frame::data(message.into())).await.expect("it is read");
        let back = soon("the echo", answer.frame())
            .await
            .expect("a frame")
            .expect("data");
        assert_eq!(back.into_data().ok(), Some(Bytes::from(message)));
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("x-checksum", HeaderValue::from_static("3"));
    trailers.insert("x-forwarded-for", HeaderValue::from_static("forged"));
    feed.send(Frame::trailers(trailers.clone()))
        .await
        .expect("it is read");
    let back = soon("the trailers", answer.frame())
        .await
        .expect("a frame")
        .expect("trailers");
    trailers.remove("x-forwarded-for");
    assert_eq!(back.into_trailers().ok(), Some(trailers));
}

#[tokio::test]
async fn large_bodies_pass_whole_over_streams() {
    let host = host();
    let application = application(&host, |request: Request<Incoming>| async {
        Response::new(request.into_body().map_err(std::io::Error::other).boxed())
    })
    .await;
    let mesh = pair(host, application).await;
    let client = Client::connect(&mesh.host, mesh.orders.outbound).await;
    let body: Bytes = (0..3_000_000).map(|position| (position % 251) as u8).collect();
    let echoes = (0..4).map(|_| {
        let (mut client, body) = (client.clone(), body.clone());
        async move {
            client
                .send(request("POST", "http://payments/echo", &[], body))
                .await
        }
    });
    for echo in join_all(echoes).await {
        assert!(echo.expect("an answer").0.body == body, "an echo differs");
    }
}

#[tokio::test]
async fn a_caller_that_takes_its_request_back_cancels_the_work() {
    let (application, mut cancelled) = hanging().await;
    let host = host();
    let mesh = pair(host, application).await;
    let mut client = Client::connect(&mesh.host, mesh.orders.outbound).await;
    let waiting = tokio::time::timeout(
        Duration::from_millis(300),
        client.begin(request("GET", "http://payments/slow", &[], "")),
    );
    assert!(waiting.await.is_err(), "it hangs");
    let access = mesh.orders.records.access(Direction::Outbound, "/slow").await;
    assert_eq!(access.flags, [ResponseFlag::DC]);
    let access = mesh.payments.records.access(Direction::Inbound, "/slow").await;
    assert_eq!(access.flags, [ResponseFlag::DC]);
    soon("the end of the work", cancelled.recv())
        .await
        .expect("the application lives");
    // The connection itself goes on.
    let refused = client
        .send(request("GET", "http://nobody/", &[], ""))
        .await
        .expect("an answer");
    assert_eq!(refused.0.status, 404);
}

#[tokio::test]
async fn a_deadline_holds_against_a_caller_who_does_not_read() {
    let host = host();
    let application = application(&host, |_| async {
        let zeros = Bytes::from_static(&[0; 16 * 1024]);
        let endless = futures_util::stream::repeat_with(move || Ok(Frame::data(zeros.clone())));
        Response::new(BodyExt::boxed(StreamBody::new(endless)))
    })
    .await;
    let mesh = pair(host, application).await;
    mesh.route(vec![within(400)], mesh.payments.inbound).await;
    let mut client = Client::connect(&mesh.host, mesh.orders.outbound).await;
    let _unread = client
        .begin(request("GET", "http://payments/endless", &[], ""))
        .await
        .expect("a head");
    let access = mesh.orders.records.access(Direction::Outbound, "/endless").await;
    assert_eq!(access.flags, [ResponseFlag::UT]);
}

#[tokio::test]
async fn what_the_proxy_says_itself_is_said_in_the_words_of_grpc() {
    let mesh = Alone::start().await;
    mesh.route(vec![rule("shop/payments", "/", "payments")], Vec::new())
        .await;
    let mut client = Client::connect(&mesh.host, mesh.orders.outbound).await;
    let (answer, _) = client.send(call("")).await.expect("an answer");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("grpc-status"), Some("14"));
    let message = answer.header("grpc-message").expect("a message");
    assert!(
        message.contains("the cluster `payments` has no endpoint"),
        "{message}"
    );
    let access = mesh
        .orders
        .records
        .access(Direction::Outbound, "/shop.Payments/Charge")
        .await;
    assert_eq!((access.status, access.flags), (Some(200), vec![ResponseFlag::UH]));
}

#[tokio::test]
async fn an_upstream_in_the_clear_is_spoken_to_as_its_cluster_says() {
    let host = host();
    let application = application(&host, grpc).await;
    let mesh = Alone::start().await;
    let endpoints = vec![application.in_the_clear("payments-1")];
    let mut snapshot = outbound(
        "payments",
        vec![rule("shop/payments", "/", "payments")],
        endpoints,
    );
    mesh.control.put_in_force("orders-1", snapshot.clone()).await;
    let http1 = mesh.get("/").await;
    assert_eq!(http1.status, 503, "HTTP/1.1 is nothing that it understands");
    let cluster = snapshot.clusters.get_mut(&ClusterName("payments".to_owned()));
    cluster.expect("its cluster").protocol = Protocol::Http2;
    mesh.control.put_in_force("orders-1", snapshot).await;
    assert_eq!(mesh.get("/").await.status, 200);
}

#[tokio::test]
async fn the_requests_of_a_cluster_are_limited_exactly() {
    let (release, held) = tokio::sync::watch::channel(false);
    let host = host();
    let application = Application::start(&host, move |_| {
        let mut held = held.clone();
        async move {
            held.wait_for(|released| *released).await.expect("the test lives");
            answer(200, "")
        }
    })
    .await;
    let mesh = Pair::start(host, application).await;
    let endpoints = vec![crate::support::application::behind(
        "payments-1",
        mesh.payments.inbound,
        "payments",
    )];
    let mut snapshot = outbound(
        "payments",
        vec![rule("shop/payments", "/", "payments")],
        endpoints,
    );
    let cluster = snapshot.clusters.get_mut(&ClusterName("payments".to_owned()));
    cluster.expect("its cluster").limits.requests = 3;
    mesh.control.put_in_force("orders-1", snapshot).await;
    let refused = Arc::new(AtomicUsize::new(0));
    let all = (0..8).map(|_| {
        let (mesh, refused, release) = (&mesh, Arc::clone(&refused), release.clone());
        async move {
            let answer = mesh.get("/held").await;
            if answer.status == 503 && refused.fetch_add(1, Ordering::SeqCst) + 1 == 5 {
                release.send_replace(true);
            }
            answer.status.as_u16()
        }
    });
    let mut statuses = soon("all answers", join_all(all)).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 503, 503, 503, 503, 503]);
}

#[tokio::test]
async fn a_connection_that_is_silent_is_not_used_again() {
    let host = host();
    let silent = Application::raw(&host, |stream| async move {
        let _open = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let mesh = Alone::start().await;
    let endpoints = vec![silent.in_the_clear("payments-1")];
    let mut snapshot = outbound("payments", vec![within(200)], endpoints);
    let cluster = snapshot.clusters.get_mut(&ClusterName("payments".to_owned()));
    cluster.expect("its cluster").protocol = Protocol::Http2;
    mesh.control.put_in_force("orders-1", snapshot).await;
    assert_eq!(mesh.get("/").await.status, 504);
    assert_eq!(mesh.get("/").await.status, 504);
    assert_eq!(silent.connections(), 2);
}

#[tokio::test]
async fn peers_may_speak_either_version_in_the_clear_where_that_is_permitted() {
    let host = host();
    let application = Application::start(&host, |_| async { answer(200, "paid") }).await;
    let mesh = Pair::start(host, application).await;
    mesh.accept(MtlsMode::Permissive).await;
    let mut http2 = Client::connect(&mesh.host, mesh.payments.inbound).await;
    let mut http1 = Http1Client::connect(&mesh.host, mesh.payments.inbound).await;
    let get = || request("GET", "http://payments/", &[], "");
    assert_eq!(http2.send(get()).await.expect("an answer").0.status, 200);
    assert_eq!(http1.send(get()).await.expect("an answer").status, 200);
}
