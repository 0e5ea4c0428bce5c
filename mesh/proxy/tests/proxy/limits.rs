//! Limits: each has its own answer.

use std::sync::Arc;

use hallway_model::telemetry::{Direction, ResponseFlag};
use tokio::io::AsyncReadExt;
use tokio::sync::Notify;

use crate::support::application::{Application, answer};
use crate::support::client::{Client, get, raw, request};
use crate::support::meshes::{Alone, host};
use crate::support::snapshots::rule;
use crate::support::soon;

async fn served() -> Application {
    Application::start(&host(), |_| async { answer(200, "served") }).await
}

#[tokio::test]
async fn headers_beyond_the_limit_are_answered_with_431() {
    let application = served().await;
    let mesh = Alone::start_with(|bootstrap| bootstrap.limits.header_bytes = 1024).await;
    let rules = vec![rule("shop/payments", "/", "payments")];
    mesh.route(rules, vec![application.in_the_clear("payments-1")])
        .await;
    let with = |bytes: usize| {
        format!(
            "GET http://payments/ HTTP/1.1\r\nx: {}\r\n\r\n",
            "a".repeat(bytes)
        )
    };
    let answer = raw(&mesh.host, mesh.orders.outbound, with(2000).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let fits = with(900).replace("\r\nx:", "\r\nhost: payments\r\nconnection: close\r\nx:");
    let answer = raw(&mesh.host, mesh.orders.outbound, fits.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn requests_beyond_the_limit_are_answered_with_503() {
    let (arrived, open) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tells, waits) = (Arc::clone(&arrived), Arc::clone(&open));
    let application = Application::start(&host(), move |_| {
        let (tells, waits) = (Arc::clone(&tells), Arc::clone(&waits));
        async move {
            tells.notify_one();
            waits.notified().await;
            answer(200, "served")
        }
    })
    .await;
    let mesh = Alone::start_with(|bootstrap| bootstrap.limits.requests = 1).await;
    let rules = vec![rule("shop/payments", "/", "payments")];
    mesh.route(rules, vec![application.in_the_clear("payments-1")])
        .await;
    let first = mesh.get("/first");
    let second = async {
        soon("the first request at the application", arrived.notified()).await;
        let refused = mesh.get("/second").await;
        open.notify_one();
        refused
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (200, 503));
    let access = mesh.orders.records.access(Direction::Outbound, "/second").await;
    assert_eq!(access.flags, [ResponseFlag::UO]);
    open.notify_one();
    assert_eq!(mesh.get("/third").await.status, 200);
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_and_counted() {
    let application = served().await;
    let mesh = Alone::start_with(|bootstrap| bootstrap.limits.connections = 1).await;
    let rules = vec![rule("shop/payments", "/", "payments")];
    mesh.route(rules, vec![application.in_the_clear("payments-1")])
        .await;
    let mut first = Client::connect(&mesh.host, mesh.orders.outbound).await;
    let get_one = || request("GET", "http://payments/", &[], "");
    assert_eq!(first.send(get_one()).await.expect("an answer").status, 200);
    let mut second = mesh
        .host
        .connect(mesh.orders.outbound)
        .await
        .expect("the backlog takes it");
    let read = soon("the close of the second", second.read(&mut [0])).await;
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    assert_eq!(first.send(get_one()).await.expect("an answer").status, 200);
    let metrics = get(
        &mesh.host,
        mesh.orders.admin,
        "/metrics",
        &[("authorization", "Bearer admin")],
    )
    .await;
    let counted = "hallway_downstream_connections_overflowed_total{direction=\"outbound\"} 1";
    assert!(metrics.text().contains(counted), "{}", metrics.text());
}
