//! Joining, renewing, and whom the control plane does not believe.

use std::time::Duration;

use hallway_host::Host;
use hallway_identity::{Authority, Bundle, SvidStore, Validity};
use hallway_model::bootstrap::ControlBootstrap;
use hallway_model::telemetry::ControlRecord;
use hallway_model::{SpiffeId, TrustDomain};
use http::{Method, StatusCode};

use crate::support::{Plane, bootstrap};

#[tokio::test]
async fn a_workload_joins_once_and_gets_its_registered_identity() {
    let mut plane = Plane::start(bootstrap()).await;
    let registered = plane.register("orders-1", "orders").await;
    let proxy = plane.proxy("orders-1");
    assert_eq!(proxy.join(&registered.join_token.0).await, StatusCode::OK);
    assert_eq!(
        proxy.svid().identity().to_string(),
        "spiffe://hallway.test/ns/shop/sa/orders"
    );
    let (workload, expires_us) = plane
        .record(|record| match record {
            ControlRecord::Issued {
                workload, expires_us, ..
            } => Some((workload, expires_us)),
            _ => None,
        })
        .await;
    assert_eq!(workload, "orders-1");
    let status = plane.status().await;
    assert_eq!(
        status.proxies["orders-1"].certificate_expires_us,
        Some(expires_us)
    );

    let again = plane.proxy("orders-1");
    assert_eq!(
        again.join(&registered.join_token.0).await,
        StatusCode::UNAUTHORIZED
    );
    let reason = plane.denial().await;
    assert!(reason.contains("join token is unknown, used"), "{reason}");
    assert!(
        !reason.contains(&registered.join_token.0),
        "a secret is never on record"
    );
    plane.stop().await;
}

#[tokio::test]
async fn registering_again_voids_the_earlier_token_and_takes_the_endpoint_away() {
    let plane = Plane::start(bootstrap()).await;
    let first = plane.register("orders-1", "orders").await;
    plane.place("orders-1", 4000).await;
    assert!(plane.status().await.proxies["orders-1"].ready);
    let second = plane.register("orders-1", "orders").await;
    assert!(!plane.status().await.proxies["orders-1"].ready);
    let proxy = plane.proxy("orders-1");
    assert_eq!(proxy.join(&first.join_token.0).await, StatusCode::UNAUTHORIZED);
    assert_eq!(proxy.join(&second.join_token.0).await, StatusCode::OK);
    plane.stop().await;
}

#[tokio::test]
async fn nobody_acts_for_somebody_else() {
    let mut plane = Plane::start(bootstrap()).await;
    let orders = plane.joined("orders-1", "orders").await;
    plane.register("payments-1", "payments").await;

    let mut posing = plane.proxy("payments-1");
    assert_eq!(posing.discover().await.err(), Some(StatusCode::UNAUTHORIZED));
    assert_eq!(posing.renew().await, StatusCode::UNAUTHORIZED);
    assert_eq!(posing.answer(1, None).await, StatusCode::UNAUTHORIZED);

    posing.store = orders.store.clone();
    assert_eq!(posing.discover().await.err(), Some(StatusCode::FORBIDDEN));
    assert_eq!(posing.answer(1, None).await, StatusCode::FORBIDDEN);
    let mut unknown = plane.proxy("nobody-1");
    unknown.store = orders.store.clone();
    assert_eq!(unknown.discover().await.err(), Some(StatusCode::NOT_FOUND));

    let mut last = String::new();
    while !last.contains("may not act") {
        last = plane.denial().await;
    }
    assert_eq!(
        last,
        "`spiffe://hallway.test/ns/shop/sa/orders` may not act for `payments-1`, which is registered as \
         `spiffe://hallway.test/ns/shop/sa/payments`"
    );
    plane.stop().await;
}

#[tokio::test]
async fn a_certificate_is_renewed_under_the_same_identity_and_not_for_who_is_gone() {
    let plane = Plane::start(bootstrap()).await;
    let orders = plane.joined("orders-1", "orders").await;
    let first = orders.svid();
    assert_eq!(orders.renew().await, StatusCode::OK);
    assert_eq!(orders.svid().identity(), first.identity());
    assert_ne!(orders.svid().serial(), first.serial());

    plane
        .operate::<()>(Method::DELETE, "/v1/workloads/orders-1", ())
        .await;
    assert_eq!(orders.renew().await, StatusCode::FORBIDDEN);
    plane.stop().await;
}

#[tokio::test]
async fn a_certificate_of_another_root_opens_nothing() {
    let mut plane = Plane::start(bootstrap()).await;
    let orders = plane.joined("orders-1", "orders").await;
    let foreign = Authority::new(
        &plane.host,
        TrustDomain::new("hallway.test").expect("a trust domain"),
    );
    let identity: SpiffeId = orders.svid().identity().clone();
    let validity = Validity::starting(plane.host.wall_clock(), Duration::from_secs(60));
    let svid = foreign.mint(&identity, validity).expect("an SVID");
    let bundle = Bundle::from_pem(&plane.bundle).expect("a root");
    let mut posing = plane.proxy("orders-1");
    posing.store = SvidStore::new(svid, &bundle);
    assert!(posing.try_discover().await.is_err());
    let reason = plane.denial().await;
    assert!(reason.contains("UnknownIssuer"), "{reason}");
    plane.stop().await;
}

#[tokio::test]
async fn a_federated_root_is_handed_to_proxies() {
    let host = Host::real_unseeded();
    let partner = Authority::new(&host, TrustDomain::new("partner.test").expect("a trust domain"));
    let plane = Plane::start(ControlBootstrap {
        federated_bundles: vec![partner.root_pem().to_owned()],
        ..bootstrap()
    })
    .await;
    let registered = plane.register("orders-1", "orders").await;
    let issued = plane.proxy("orders-1").join_raw(&registered.join_token.0).await;
    let trusted = Bundle::from_pem(&issued.bundle).expect("roots");
    let domains: Vec<&str> = trusted.trust_domains().map(TrustDomain::as_str).collect();
    assert_eq!(domains, ["hallway.test", "partner.test"]);
    plane.stop().await;
}
