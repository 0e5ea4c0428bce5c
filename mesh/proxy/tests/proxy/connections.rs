//! Connections: used again, renewed before their certificates expire, and never more than the limits allow.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hallway_host::Stream;
use hallway_model::ClusterName;
use hallway_model::cluster::ClusterLimits;
use hallway_model::telemetry::{Direction, Identity, ProxyRecord, ResponseFlag};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;

use crate::support::application::{Application, answer};
use crate::support::client::{Client, get, request};
use crate::support::meshes::{Alone, Pair, host};
use crate::support::snapshots::{outbound, rule};
use crate::support::soon;

/// Answers one request, and gives the connection back open.
async fn answer_once(mut stream: Stream) -> Stream {
    let read = stream.read(&mut [0; 4096]).await;
    assert!(read.is_ok_and(|bytes| bytes > 0), "a request");
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    stream.write_all(answer).await.expect("the proxy waits for it");
    stream
}

/// Reads the answer of [`answer_once`] to its end.
async fn read_answer(stream: &mut Stream) {
    let mut answer = Vec::new();
    soon("an answer", async {
        while !answer.ends_with(b"\r\n\r\nok") {
            answer.push(stream.read_u8().await.expect("an answer"));
        }
    })
    .await;
    let text = String::from_utf8_lossy(&answer);
    assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
}

#[tokio::test]
async fn a_connection_that_closes_just_as_it_is_used_again_costs_no_request() {
    let (sender, mut answered) = tokio::sync::mpsc::unbounded_channel();
    let application = Application::raw(&host(), move |stream| {
        let sender = sender.clone();
        async move {
            let _ = sender.send(answer_once(stream).await);
        }
    })
    .await;
    let mesh = Alone::start().await;
    let rules = vec![rule("shop/payments", "/", "payments")];
    mesh.route(rules, vec![application.in_the_clear("payments-1")])
        .await;
    let mut caller = mesh.host.connect(mesh.orders.outbound).await.expect("it listens");
    let post = b"POST http://payments/charge HTTP/1.1\r\nhost: payments\r\ncontent-length: 1\r\n\r\n5";
    for _ in 0..20 {
        caller.write_all(post).await.expect("it listens");
        read_answer(&mut caller).await;
        let idle = soon("the idle connection", answered.recv())
            .await
            .expect("it answered");
        // Nothing yields between both, so that the proxy finds the request before it finds the connection closed.
        caller.write_all(post).await.expect("it listens");
        drop(idle);
        read_answer(&mut caller).await;
        drop(soon("the second connection", answered.recv()).await);
    }
}

fn identities(records: &crate::support::records::Records) -> Vec<Identity> {
    records.all(|record| match record {
        ProxyRecord::Identity(identity) => Some(identity.clone()),
        _ => None,
    })
}

#[tokio::test]
async fn no_connection_outlives_a_certificate_and_no_request_is_lost_to_that() {
    let host = host();
    let application = Application::start(&host, |_| async { answer(200, "served") }).await;
    let lifetime = Duration::from_secs(3);
    let mesh = Pair::start_with(host, application, lifetime, |_| {}).await;
    let mut client = Client::connect(&mesh.host, mesh.orders.outbound).await;
    // Whole seconds are lost from a certificate that is written in whole seconds: two renewals show a rotation.
    while identities(&mesh.payments.records).len() < 3 || mesh.orders.records.connections().is_empty() {
        let answer = client
            .send(request("GET", "http://payments/", &[], ""))
            .await
            .expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let serials: BTreeSet<String> = identities(&mesh.payments.records)
        .into_iter()
        .map(|identity| identity.serial)
        .collect();
    assert!(serials.len() >= 3);
    mesh.payments.stop();
    mesh.orders.stop();
    let (sent, received) = (mesh.orders.records.clone(), mesh.payments.records.clone());
    mesh.orders.ended().await.expect("an orderly end");
    mesh.payments.ended().await.expect("an orderly end");
    for connection in [sent.connections(), received.connections()].concat() {
        let expires = connection.certificates_expire_us.expect("it was mutual TLS");
        assert!(connection.closed_us < expires, "{connection:?}");
    }
}

#[tokio::test]
async fn a_request_that_is_still_going_on_at_the_expiry_is_cut_off() {
    let host = host();
    let application = Application::start(&host, |_| std::future::pending()).await;
    let mesh = Pair::start_with(host, application, Duration::from_secs(3), |_| {}).await;
    let answer = mesh.get("/endless").await;
    assert_eq!(answer.status, 503);
    let connection = mesh
        .orders
        .records
        .first("the end of the connection", |record| match record {
            ProxyRecord::Connection(connection) => Some(connection.clone()),
            _ => None,
        });
    let connection = connection.await;
    assert!(
        connection.closed_us < connection.certificates_expire_us.expect("mutual TLS"),
        "{connection:?}"
    );
}

#[tokio::test]
async fn a_cluster_has_no_more_connections_and_waiting_requests_than_its_limits() {
    let (arrived, open) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let (count, gate) = (Arc::clone(&arrived), Arc::clone(&open));
    let application = Application::start(&host(), move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        let gate = Arc::clone(&gate);
        async move {
            gate.notified().await;
            answer(200, "served")
        }
    })
    .await;
    let mesh = Alone::start().await;
    let endpoints = vec![application.in_the_clear("payments-1")];
    let mut snapshot = outbound(
        "payments",
        vec![rule("shop/payments", "/", "payments")],
        endpoints,
    );
    let cluster = snapshot
        .clusters
        .get_mut(&ClusterName("payments".to_owned()))
        .expect("its cluster");
    cluster.limits = ClusterLimits {
        connections: 2,
        pending_requests: 1,
        ..ClusterLimits::default()
    };
    mesh.control.put_in_force("orders-1", snapshot).await;

    let (sender, mut answers) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..5 {
        let (host, proxy, sender) = (mesh.host.clone(), mesh.orders.outbound, sender.clone());
        mesh.host.spawn(async move {
            let answer = get(&host, proxy, "http://payments/", &[]).await;
            let _ = sender.send(answer.status.as_u16());
        });
    }
    for _ in 0..2 {
        assert_eq!(soon("an overflow", answers.recv()).await, Some(503));
    }
    soon("both connections in use", async {
        while arrived.load(Ordering::SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(application.connections(), 2);
    for _ in 0..3 {
        open.notify_one();
        assert_eq!(soon("an answer", answers.recv()).await, Some(200));
    }
    assert_eq!(application.connections(), 2);
    let overflows = mesh.orders.records.all(|record| match record {
        ProxyRecord::Access(access) if access.flags == [ResponseFlag::UO] => access.detail.clone(),
        _ => None,
    });
    assert_eq!(
        overflows,
        ["all 2 connections of the cluster are in use and 1 requests wait for one"; 2]
    );
    assert_eq!(
        mesh.orders
            .records
            .access(Direction::Outbound, "/")
            .await
            .attempts,
        1
    );
}
