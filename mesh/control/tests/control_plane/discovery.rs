//! Discovery streams: what is sent, when, and to whom.

use std::fs;
use std::time::Duration;

use hallway_control::api::ProxySnapshot;
use hallway_host::Host;
use hallway_identity::Authority;
use hallway_model::bootstrap::{AuthorityMaterial, ControlBootstrap, Token};
use hallway_model::telemetry::ControlRecord;
use hallway_model::{ClusterName, Snapshot, TrustDomain};
use http::{Method, StatusCode};

use crate::support::{PAYMENTS, Plane, accepted, bootstrap};

#[tokio::test]
async fn a_stream_is_whole_first_and_then_says_what_changes() {
    let plane = Plane::start(bootstrap()).await;
    let orders = plane.joined("orders-1", "orders").await;
    plane.register("payments-1", "payments").await;
    let (status, answer) = plane.put_rules("rules.yaml", PAYMENTS).await;
    assert_eq!((status, &answer["generation"]), (StatusCode::OK, &1.into()));

    let mut updates = orders.discover().await.expect("a stream");
    let whole = updates.next().await;
    assert_eq!(whole.base, None);
    assert!(whole.delta.routes.set.contains_key("shop/payments:80"));
    let status = plane.status().await.proxies["orders-1"].clone();
    assert_eq!(
        (
            status.connected,
            status.version_acknowledged,
            status.generation_in_force
        ),
        (true, 0, None)
    );
    assert_eq!(orders.answer(whole.version, None).await, StatusCode::NO_CONTENT);
    assert_eq!(
        orders.answer(whole.version, None).await,
        StatusCode::CONFLICT,
        "it was answered"
    );

    plane.place("payments-1", 4000).await;
    let change = updates.next().await;
    assert_eq!(change.base, Some(whole.version));
    assert!(change.delta.routes.is_empty() && change.delta.clusters.is_empty());
    let endpoints = &change.delta.endpoints.set[&ClusterName("shop/payments:80".to_owned())];
    assert_eq!(endpoints[0].address.port(), 4000);
    assert_eq!(orders.answer(change.version, None).await, StatusCode::NO_CONTENT);

    let status = plane.status().await.proxies["orders-1"].clone();
    assert_eq!(status.version_wanted, change.version);
    assert_eq!(status.version_acknowledged, change.version);
    assert_eq!(status.generation_in_force, Some(1));
    let shown: ProxySnapshot = plane
        .operate(Method::GET, "/v1/proxies/orders-1/snapshot", ())
        .await;
    assert_eq!(
        shown.snapshot,
        Snapshot::default().with(whole.delta).with(change.delta)
    );
    plane.stop().await;
}

#[tokio::test]
async fn changes_wait_for_an_answer_and_a_refused_version_is_not_sent_again() {
    let mut plane = Plane::start(bootstrap()).await;
    let orders = plane.joined("orders-1", "orders").await;
    plane.register("payments-1", "payments").await;
    plane.put_rules("rules.yaml", PAYMENTS).await;
    let mut updates = orders.discover().await.expect("a stream");
    let first = updates.next().await;
    for port in 4000..4005 {
        plane.place("payments-1", port).await;
    }
    orders.answer(first.version, None).await;
    let second = updates.next().await;
    assert_eq!(second.version, first.version + 5, "five changes in one update");

    let reason = "a limit of 0 route rules";
    assert_eq!(
        orders.answer(second.version, Some(reason)).await,
        StatusCode::NO_CONTENT
    );
    let refusal = plane
        .record(|record| match record {
            ControlRecord::Answered {
                refused: Some(reason),
                version,
                ..
            } => Some((version, reason)),
            _ => None,
        })
        .await;
    assert_eq!(refusal, (second.version, reason.to_owned()));
    let status = plane.status().await.proxies["orders-1"].clone();
    let shown = status.last_refusal.expect("the refusal is in the status");
    assert_eq!((shown.version, shown.reason), (second.version, reason.to_owned()));
    assert_eq!(
        status.version_acknowledged, first.version,
        "the last good one is in force"
    );

    plane.place("payments-1", 5000).await;
    let third = updates.next().await;
    assert_eq!(
        third.version,
        second.version + 1,
        "the refused one was not sent again"
    );
    assert_eq!(third.base, Some(first.version));
    plane.stop().await;
}

#[tokio::test]
async fn a_control_plane_that_starts_anew_takes_its_proxies_back_without_a_join() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("rules.yaml"), PAYMENTS).expect("a file");
    let domain = TrustDomain::new("hallway.test").expect("a trust domain");
    let authority = Authority::new(&Host::real_unseeded(), domain);
    let start = || {
        Plane::start(ControlBootstrap {
            rules: Some(directory.path().to_owned()),
            authority: Some(AuthorityMaterial {
                certificate: authority.root_pem().to_owned(),
                key: Token(authority.key_pem()),
            }),
            ..bootstrap()
        })
    };
    let plane = start().await;
    let mut orders = plane.joined("orders-1", "orders").await;
    let mut updates = orders.discover().await.expect("a stream");
    let before = updates.next().await;
    orders.answer(before.version, None).await;
    plane.stop().await;

    let mut plane = start().await;
    assert_eq!(
        plane.record(accepted).await,
        1,
        "the rules are back by themselves"
    );
    orders.control_plane = (plane.discovery, plane.identity.clone());
    assert_eq!(orders.discover().await.err(), Some(StatusCode::NOT_FOUND));
    plane.register("orders-1", "orders").await;
    let mut updates = orders.discover().await.expect("a stream");
    let whole = updates.next().await;
    assert_eq!((whole.base, &whole.delta), (None, &before.delta));
    assert_eq!(orders.answer(whole.version, None).await, StatusCode::NO_CONTENT);
    assert_eq!(orders.renew().await, StatusCode::OK);
    plane.stop().await;
}

#[tokio::test]
async fn a_stream_ends_in_good_order_before_its_certificate_expires() {
    let plane = Plane::start(ControlBootstrap {
        svid_lifetime: Duration::from_secs(3),
        ..bootstrap()
    })
    .await;
    let orders = plane.joined("orders-1", "orders").await;
    let mut updates = orders.discover().await.expect("a stream");
    let first = updates.next().await;
    orders.answer(first.version, None).await;
    assert_eq!(updates.next_or_end().await, None, "it is not cut off");
    plane.stop().await;
}

#[tokio::test]
async fn a_workload_that_is_removed_loses_its_stream() {
    let plane = Plane::start(bootstrap()).await;
    let orders = plane.joined("orders-1", "orders").await;
    let mut updates = orders.discover().await.expect("a stream");
    updates.next().await;
    plane
        .operate::<()>(Method::DELETE, "/v1/workloads/orders-1", ())
        .await;
    assert_eq!(updates.next_or_end().await, None);
    assert!(plane.status().await.proxies.is_empty());
    plane.stop().await;
}

#[tokio::test]
async fn a_later_stream_of_a_proxy_ends_the_earlier_one() {
    let plane = Plane::start(bootstrap()).await;
    let orders = plane.joined("orders-1", "orders").await;
    let mut first = orders.discover().await.expect("a stream");
    first.next().await;
    let mut second = orders.discover().await.expect("a stream");
    assert_eq!(second.next().await.base, None);
    assert_eq!(first.next_or_end().await, None);
    assert!(plane.status().await.proxies["orders-1"].connected);
    plane.stop().await;
}
