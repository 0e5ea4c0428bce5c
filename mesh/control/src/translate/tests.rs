use std::sync::Arc;
use std::time::Duration;

use hallway_config::{Admission, Resources, RuleFile, load};
use hallway_model::cluster::ClusterLimits;
use hallway_model::route::Target;
use hallway_model::{
    LoadBalancing, MtlsMode, Protocol, RetryConstraint, RetryRate, Security, Snapshot, TrustDomain,
};

use super::{Translation, inbound};
use crate::api::{RegisterWorkload, WorkloadEndpoint};
use crate::registry::{Registry, Workload};

mod authorization;

pub(super) fn resources(text: &str, admission: Admission) -> Resources {
    let file = RuleFile {
        name: "rules.yaml".to_owned(),
        text: text.to_owned(),
    };
    match load(vec![file], admission) {
        Ok(loaded) => loaded.resources,
        Err(diagnostics) => panic!("{:?}", diagnostics.records()),
    }
}

pub(super) fn workload(namespace: &str, app: &str, number: u16, ready: bool) -> Workload {
    let request = RegisterWorkload {
        name: format!("{app}-{number}"),
        namespace: namespace.to_owned(),
        service: app.to_owned(),
        service_account: app.to_owned(),
        gateway: None,
    };
    let trust_domain = TrustDomain::new("hallway.test").expect("a trust domain");
    let mut workload = Workload::parse(request, &trust_domain).expect("a workload");
    workload.endpoint = Some(WorkloadEndpoint {
        inbound: ([127, 0, 0, 1], 1000 + number).into(),
        application: ([127, 0, 0, 1], 2000 + number).into(),
        ready,
        sidecar: number != 3,
        seen_from: [("orders-9".to_owned(), ([127, 0, 0, 1], 3000 + number).into())].into(),
    });
    workload
}

pub(super) fn registry(workloads: impl IntoIterator<Item = Workload>) -> Registry {
    let mut registry = Registry::default();
    for workload in workloads {
        registry.register(workload).expect("room");
    }
    registry
}

/// What the sidecar of `proxy` should have, which is registered beside the workloads of `registry`.
pub(super) fn translate(resources: &Resources, registry: &Registry, proxy: &Workload) -> Snapshot {
    let mut registry = registry.clone();
    registry.register(proxy.clone()).expect("room");
    let mut translation = Translation::default();
    let changes = registry.take_changes();
    translation.follow_registry(resources, &registry, &changes);
    translation.follow_rules(resources, &registry);
    let inbound = inbound(resources, proxy).map(Arc::new);
    translation.view(resources, proxy, inbound).snapshot()
}

/// What `orders-1` of the namespace `shop` should have.
fn for_orders(rules: &str, workloads: impl IntoIterator<Item = Workload>) -> Snapshot {
    let orders = workload("shop", "orders", 1, true);
    translate(
        &resources(rules, Admission::Enforce),
        &registry(workloads),
        &orders,
    )
}

pub(super) fn json(snapshot: &Snapshot) -> String {
    serde_json::to_string_pretty(snapshot).expect("plain data")
}

pub(super) const PAYMENTS: &str = "
apiVersion: v1
kind: Service
metadata: { name: payments, namespace: shop }
spec: { ports: [{ port: 80 }] }
";

#[test]
fn a_service_without_routes_answers_for_itself() {
    let snapshot = for_orders(
        PAYMENTS,
        [
            workload("shop", "payments", 1, true),
            workload("shop", "payments", 2, false),
        ],
    );
    insta::assert_snapshot!(json(&snapshot));
}

#[test]
fn everything_that_a_route_can_say_arrives() {
    let rules = format!(
        "{PAYMENTS}---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{ name: checkout, namespace: shop }}
spec:
  parentRefs: [{{ group: \"\", kind: Service, name: payments, port: 80 }}]
  rules:
    - name: careful
      matches:
        - path: {{ type: Exact, value: /charge }}
          method: POST
          headers: [{{ name: X-Canary, value: \"yes\" }}]
          queryParams: [{{ name: dry, type: RegularExpression, value: \"true|1\" }}]
        - path: {{ type: RegularExpression, value: \"/v[0-9]+/.*\" }}
      filters:
        - type: RequestHeaderModifier
          requestHeaderModifier: {{ set: [{{ name: X-Route, value: careful }}], remove: [X-Secret] }}
        - type: ResponseHeaderModifier
          responseHeaderModifier: {{ add: [{{ name: X-Served-By, value: mesh }}] }}
      backendRefs: [{{ name: payments, port: 80, weight: 9 }}]
      timeouts: {{ request: 1s, backendRequest: 300ms }}
      retry: {{ codes: [503], attempts: 2, backoff: 20ms }}
    - backendRefs: [{{ name: payments, port: 80 }}]
      timeouts: {{ request: 0s }}
"
    );
    let snapshot = for_orders(&rules, []);
    insta::assert_snapshot!(json(&snapshot));
}

#[test]
fn a_dangling_backend_becomes_a_share_without_a_target() {
    let rules = format!(
        "{PAYMENTS}---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{ name: split, namespace: shop }}
spec:
  parentRefs: [{{ group: \"\", kind: Service, name: payments }}]
  rules:
    - backendRefs:
        - {{ name: payments, port: 80, weight: 1 }}
        - {{ name: gone, port: 80, weight: 2 }}
        - {{ name: payments, port: 81, weight: 3 }}
        - {{ name: payments, namespace: other, port: 80, weight: 4 }}
"
    );
    let orders = workload("shop", "orders", 1, true);
    let snapshot = translate(&resources(&rules, Admission::Warn), &registry([]), &orders);
    let backends = &snapshot.routes["shop/payments:80"].rules[0].backends;
    let described: Vec<String> = backends
        .iter()
        .map(|backend| match &backend.target {
            Target::Cluster(name) => format!("{} to {name}", backend.weight),
            Target::Unresolved { reason } => format!("{} to nowhere: {reason}", backend.weight),
        })
        .collect();
    assert_eq!(
        described,
        [
            "1 to shop/payments:80",
            "2 to nowhere: there is no Service shop/gone",
            "3 to nowhere: Service shop/payments has no port 81",
            "4 to nowhere: no ReferenceGrant allows a reference to Service other/payments",
        ]
    );
}

#[test]
fn routes_merge_in_the_order_of_their_names_and_ports_keep_apart() {
    let route = |name: &str, port: &str| {
        format!(
            "---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{ name: {name}, namespace: shop }}
spec:
  parentRefs: [{{ group: \"\", kind: Service, name: payments{port} }}]
  rules: [{{ backendRefs: [{{ name: payments, port: 80 }}] }}]
"
        )
    };
    let rules = PAYMENTS.replace(
        "[{ port: 80 }]",
        "[{ name: a, port: 80 }, { name: b, port: 8080 }]",
    ) + &route("second", "")
        + &route("first", ", port: 80");
    let snapshot = for_orders(&rules, []);
    let names = |table: &str| -> Vec<String> {
        snapshot.routes[table]
            .rules
            .iter()
            .map(|rule| rule.name.clone())
            .collect()
    };
    assert_eq!(names("shop/payments:80"), ["shop/first#1", "shop/second#1"]);
    assert_eq!(names("shop/payments:8080"), ["shop/second#1"]);
    assert_eq!(
        snapshot.routes["shop/payments:8080"].authorities,
        [
            "payments:8080",
            "payments.shop:8080",
            "payments.shop.svc:8080",
            "payments.shop.svc.cluster.local:8080",
        ]
    );
}

#[test]
fn the_short_name_is_for_the_service_s_own_namespace() {
    let bank = workload("bank", "teller", 1, true);
    let snapshot = translate(&resources(PAYMENTS, Admission::Enforce), &registry([]), &bank);
    assert_eq!(
        snapshot.routes["shop/payments:80"].authorities,
        [
            "payments.shop",
            "payments.shop.svc",
            "payments.shop.svc.cluster.local",
            "payments.shop:80",
            "payments.shop.svc:80",
            "payments.shop.svc.cluster.local:80",
        ]
    );
}

#[test]
fn a_selector_chooses_by_label_and_namespace_and_a_caller_sees_its_own_addresses() {
    let rules = PAYMENTS.replace("spec: {", "spec: { selector: { app: billing },");
    let snapshot = for_orders(
        &rules,
        [
            workload("shop", "payments", 1, true),
            workload("shop", "billing", 2, true),
            workload("bank", "billing", 3, true),
        ],
    );
    let endpoints: Vec<String> = snapshot
        .endpoints
        .values()
        .flatten()
        .map(|endpoint| format!("{} {}", endpoint.workload, endpoint.address))
        .collect();
    assert_eq!(endpoints, ["billing-2 127.0.0.1:1002"]);

    let caller = workload("shop", "orders", 9, true);
    let registry = registry([workload("shop", "billing", 2, true)]);
    let snapshot = translate(&resources(&rules, Admission::Enforce), &registry, &caller);
    let address = snapshot
        .endpoints
        .values()
        .flatten()
        .next()
        .expect("an endpoint")
        .address;
    assert_eq!(address.port(), 3002);

    let none = PAYMENTS.replace("spec: {", "spec: { selector: { app: payments, version: v1 },");
    assert!(
        for_orders(&none, [workload("shop", "payments", 1, true)])
            .endpoints
            .is_empty()
    );
}

/// A `PeerAuthentication`, for the whole of its namespace when `app` is empty.
fn policy(name: &str, namespace: &str, app: &str, mode: &str) -> String {
    let selector = match app {
        "" => String::new(),
        app => format!("selector: {{ matchLabels: {{ app: {app} }} }}, "),
    };
    format!(
        "---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{ name: {name}, namespace: {namespace} }}
spec: {{ {selector}mtls: {{ mode: {mode} }} }}
"
    )
}

/// What the workload `payments-1` accepts, and how `orders-1` speaks to it.
fn mode(policies: &[&str]) -> (MtlsMode, bool) {
    let rules = PAYMENTS.to_owned() + &policies.concat();
    let payments = workload("shop", "payments", 1, true);
    let resources = resources(&rules, Admission::Enforce);
    let own = translate(&resources, &registry([]), &payments);
    let orders = for_orders(&rules, [payments]);
    let security = &orders
        .endpoints
        .values()
        .flatten()
        .next()
        .expect("an endpoint")
        .security;
    let inbound = own.inbound.expect("it has an endpoint");
    assert_eq!(
        inbound.origin.is_some(),
        !policies.is_empty() && inbound.origin.is_some()
    );
    (inbound.mtls, *security == Security::Plaintext)
}

#[test]
fn the_most_specific_peer_authentication_with_a_mode_decides() {
    let mesh = policy("default", "hallway-system", "", "DISABLE");
    let from_root = policy("payments", "hallway-system", "payments", "PERMISSIVE");
    let namespace = policy("default", "shop", "", "PERMISSIVE");
    let other = policy("default", "bank", "", "DISABLE");
    let own = policy("payments", "shop", "payments", "DISABLE");
    let unset = policy("payments", "shop", "payments", "UNSET");
    let elsewhere = policy("orders", "shop", "orders", "DISABLE");

    assert_eq!(mode(&[]), (MtlsMode::Strict, false));
    assert_eq!(mode(&[&mesh]), (MtlsMode::Disable, true));
    assert_eq!(mode(&[&mesh, &namespace]), (MtlsMode::Permissive, false));
    assert_eq!(mode(&[&mesh, &from_root]), (MtlsMode::Permissive, false));
    assert_eq!(mode(&[&namespace, &own]), (MtlsMode::Disable, true));
    assert_eq!(mode(&[&from_root, &own]), (MtlsMode::Disable, true));
    assert_eq!(
        mode(&[&namespace, &unset]),
        (MtlsMode::Permissive, false),
        "UNSET inherits"
    );
    assert_eq!(mode(&[&mesh, &unset]), (MtlsMode::Disable, true));
    assert_eq!(mode(&[&other, &elsewhere]), (MtlsMode::Strict, false));
}

#[test]
fn a_mode_says_where_it_was_written() {
    let rules = policy("default", "shop", "", "DISABLE");
    let payments = workload("shop", "payments", 1, true);
    let snapshot = translate(&resources(&rules, Admission::Enforce), &registry([]), &payments);
    let origin = snapshot
        .inbound
        .and_then(|inbound| inbound.origin)
        .expect("it was written");
    assert_eq!(origin.to_string(), "rules.yaml:5");
}

#[test]
fn a_workload_without_an_endpoint_has_no_inbound_side() {
    let mut payments = workload("shop", "payments", 1, true);
    payments.endpoint = None;
    let resources = resources(PAYMENTS, Admission::Enforce);
    let snapshot = translate(&resources, &registry([payments.clone()]), &payments);
    assert_eq!(snapshot.inbound, None);
    assert!(snapshot.endpoints.is_empty());
}

#[test]
fn a_destination_rule_shapes_its_cluster() {
    let rules = format!(
        "{PAYMENTS}---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{ name: payments, namespace: bank }}
spec:
  host: payments.shop.svc.cluster.local
  trafficPolicy:
    loadBalancer: {{ simple: ROUND_ROBIN }}
    connectionPool: {{ tcp: {{ maxConnections: 7 }}, http: {{ http1MaxPendingRequests: 3, http2MaxRequests: 5 }} }}
"
    );
    let snapshot = for_orders(&rules, []);
    let cluster = snapshot.clusters.values().next().expect("a cluster");
    assert_eq!(cluster.load_balancing, LoadBalancing::RoundRobin);
    let expected = ClusterLimits {
        connections: 7,
        pending_requests: 3,
        requests: 5,
    };
    assert_eq!(cluster.limits, expected);
}

#[test]
fn a_policy_constrains_all_ports_of_its_targets_and_no_others() {
    let rules = PAYMENTS.replace(
        "[{ port: 80 }]",
        "[{ name: a, port: 80 }, { name: b, port: 8080 }]",
    ) + &PAYMENTS
        .replace("payments", "ledger")
        .replace("\napiVersion", "---\napiVersion")
        + &PAYMENTS
            .replace("shop", "bank")
            .replace("\napiVersion", "---\napiVersion")
        + "---
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackendTrafficPolicy
metadata: { name: storm, namespace: shop }
spec:
  targetRefs: [{ group: \"\", kind: Service, name: payments }]
  retryConstraint: { budget: { percent: 15, interval: 30s }, minRetryRate: { count: 3, interval: 2s } }
";
    let snapshot = for_orders(&rules, []);
    let constraints: Vec<(&str, bool)> = snapshot
        .clusters
        .iter()
        .map(|(name, cluster)| (name.0.as_str(), cluster.retry_constraint.is_some()))
        .collect();
    let expected = [
        ("bank/payments:80", false),
        ("shop/ledger:80", false),
        ("shop/payments:80", true),
        ("shop/payments:8080", true),
    ];
    assert_eq!(constraints, expected);
    let constraint = snapshot
        .clusters
        .values()
        .find_map(|cluster| cluster.retry_constraint);
    let expected = RetryConstraint {
        percent: 15,
        interval: Duration::from_secs(30),
        least: RetryRate {
            count: 3,
            interval: Duration::from_secs(2),
        },
    };
    assert_eq!(constraint, Some(expected));
}

#[test]
fn what_an_application_speaks_is_told_to_its_callers_and_to_its_own_sidecar() {
    for (word, expected) in [
        ("", Protocol::Http1),
        (", appProtocol: http", Protocol::Http1),
        (", appProtocol: kubernetes.io/h2c", Protocol::Http2),
    ] {
        let rules = PAYMENTS.replace("port: 80", &format!("port: 80{word}"));
        let snapshot = for_orders(&rules, []);
        let cluster = snapshot.clusters.values().next().expect("a cluster");
        assert_eq!(cluster.protocol, expected, "{word}");
        let spoken_by = |app| {
            let workload = workload("shop", app, 1, true);
            let resources = resources(&rules, Admission::Enforce);
            let inbound = translate(&resources, &registry([]), &workload).inbound;
            inbound.expect("it has an endpoint").protocol
        };
        assert_eq!(spoken_by("payments"), expected, "{word}");
        assert_eq!(spoken_by("orders"), Protocol::Http1, "no service selects it");
    }
}
