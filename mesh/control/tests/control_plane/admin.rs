//! The admin endpoint, and what keeps a control plane from starting.

use std::time::Duration;

use hallway_control::ControlError;
use hallway_control::api::{Failure, KnownWorkload, ProxySnapshot, RegisterWorkload, WorkloadEndpoint};
use hallway_host::Host;
use hallway_identity::Authority;
use hallway_model::TrustDomain;
use hallway_model::bootstrap::{AuthorityMaterial, Token};
use http::{Method, StatusCode};

use crate::support::{PAYMENTS, Plane, bootstrap, failure};

#[tokio::test]
async fn every_path_of_the_admin_endpoint_asks_for_the_token() {
    let plane = Plane::start(bootstrap()).await;
    for (method, path) in [
        (Method::POST, "/v1/workloads"),
        (Method::PUT, "/v1/workloads"),
        (Method::PUT, "/v1/workloads/orders-1/endpoint"),
        (Method::DELETE, "/v1/workloads/orders-1"),
        (Method::GET, "/v1/rules"),
        (Method::PUT, "/v1/rules"),
        (Method::GET, "/v1/status"),
        (Method::GET, "/v1/proxies/orders-1/snapshot"),
        (Method::GET, "/"),
    ] {
        for token in [None, Some("the admin tokem"), Some("")] {
            let (status, answer) = plane.admin(method.clone(), path, token, ()).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path} {token:?}");
            let failure: Failure = serde_json::from_slice(&answer).expect("a failure");
            assert!(failure.error.contains("admin token"));
        }
    }
    plane.stop().await;
}

#[tokio::test]
async fn the_admin_api_explains_what_it_refuses() {
    let plane = Plane::start(bootstrap()).await;
    let (status, _) = plane
        .try_operate(Method::GET, "/v1/proxies/nobody/snapshot", ())
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, error) = plane
        .try_operate(
            Method::POST,
            "/v1/workloads",
            RegisterWorkload {
                name: "Orders 1".to_owned(),
                namespace: "shop".to_owned(),
                service: "orders".to_owned(),
                service_account: "orders".to_owned(),
                gateway: None,
            },
        )
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(error.contains("`Orders 1` is no workload name"), "{error}");
    let (status, error) = plane.try_operate(Method::POST, "/v1/workloads", [1, 2]).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{error}");
    let (status, _) = plane.try_operate(Method::GET, "/v1/nothing", ()).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    plane.stop().await;
}

#[tokio::test]
async fn a_registry_is_restored_as_a_whole_or_not_at_all() {
    let known = |name: &str, service: &str, port: u16| KnownWorkload {
        registration: RegisterWorkload {
            name: name.to_owned(),
            namespace: "shop".to_owned(),
            service: service.to_owned(),
            service_account: service.to_owned(),
            gateway: None,
        },
        endpoint: Some(WorkloadEndpoint {
            inbound: ([127, 0, 0, 1], port).into(),
            application: ([127, 0, 0, 1], port + 1).into(),
            ready: true,
            sidecar: true,
            seen_from: Default::default(),
        }),
    };
    let plane = Plane::start(bootstrap()).await;
    plane.put_rules("rules.yaml", PAYMENTS).await;
    let half_wrong = [
        known("orders-1", "orders", 1000),
        known("Payments 1", "payments", 2000),
    ];
    let (status, _) = plane.try_operate(Method::PUT, "/v1/workloads", half_wrong).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(plane.status().await.proxies.is_empty());

    let all = [
        known("orders-1", "orders", 1000),
        known("payments-1", "payments", 2000),
    ];
    plane.operate::<()>(Method::PUT, "/v1/workloads", all).await;
    let path = "/v1/proxies/orders-1/snapshot";
    let seen: ProxySnapshot = plane.operate(Method::GET, path, ()).await;
    let endpoints: Vec<_> = seen.snapshot.endpoints.into_values().flatten().collect();
    assert_eq!(seen.version, 1, "nobody was told of a part of it");
    assert!(
        endpoints.iter().any(|endpoint| endpoint.address.port() == 2000),
        "{endpoints:?}"
    );
    plane.stop().await;
}

#[tokio::test]
async fn a_bootstrap_that_cannot_work_is_refused_with_its_reason() {
    let base = bootstrap();

    let mut open = base.clone();
    open.admin.listen = ([0, 0, 0, 0], 0).into();
    assert!(matches!(failure(open).await, ControlError::AdminNotOnLoopback(_)));

    let mut hasty = base.clone();
    hasty.svid_lifetime = Duration::from_millis(1999);
    assert!(matches!(failure(hasty).await, ControlError::Lifetime(_)));

    let mut nowhere = base.clone();
    nowhere.rules = Some("/nonexistent/rules".into());
    assert!(matches!(
        failure(nowhere).await,
        ControlError::RulesDirectory { .. }
    ));

    let host = Host::real_unseeded();
    let own = Authority::new(&host, base.trust_domain.clone());
    let mut treacherous = base.clone();
    treacherous.federated_bundles = vec![own.root_pem().to_owned()];
    assert!(matches!(
        failure(treacherous).await,
        ControlError::FederatedOwnDomain(_)
    ));

    let other = Authority::new(&host, TrustDomain::new("evil.test").expect("a trust domain"));
    let mut foreign = base.clone();
    foreign.authority = Some(AuthorityMaterial {
        certificate: other.root_pem().to_owned(),
        key: Token(other.key_pem()),
    });
    assert!(matches!(
        failure(foreign).await,
        ControlError::ForeignAuthority { .. }
    ));

    let taken = Plane::start(base.clone()).await;
    let mut late = base;
    late.discovery = taken.discovery;
    let error = failure(late).await;
    assert!(matches!(error, ControlError::Listen { .. }), "{error}");
    taken.stop().await;
}
