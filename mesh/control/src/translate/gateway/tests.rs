use std::time::Duration;

use hallway_config::{Admission, NamespacedName};
use hallway_model::route::{PathChange, Redirect, Rewrite};
use hallway_model::{Gateway, Snapshot};

use crate::registry::Workload;
use crate::translate::tests::{PAYMENTS, json, registry, resources, translate, workload};

/// A gateway with a listener in the clear, for the shop's host names, and one with a certificate.
const GATEWAY: &str = "---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: front, namespace: shop }
spec:
  gatewayClassName: hallway
  listeners:
    - { name: http, port: 80, protocol: HTTP, hostname: '*.shop.test' }
    - name: https
      port: 443
      protocol: HTTPS
      tls: { certificateRefs: [{ name: shop-tls }] }
";

fn route(name: &str, hostnames: &str) -> String {
    format!(
        "---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{ name: {name}, namespace: shop }}
spec:
  parentRefs: [{{ name: front, sectionName: http }}]
  hostnames: [{hostnames}]
  rules: [{{ backendRefs: [{{ name: payments, port: 80 }}] }}]
"
    )
}

fn secret(chain: &str, key: &str) -> String {
    let indented = |pem: &str| -> String { pem.lines().map(|line| format!("    {line}\n")).collect() };
    format!(
        "---
apiVersion: v1
kind: Secret
metadata: {{ name: shop-tls, namespace: shop }}
type: kubernetes.io/tls
stringData:
  tls.crt: |
{}  tls.key: |
{}",
        indented(chain),
        indented(key)
    )
}

/// The proxy that is the gateway `front`.
fn front() -> Workload {
    let mut front = workload("shop", "front", 1, true);
    front.endpoint = None;
    front.gateway = Some(NamespacedName::new("shop", "front"));
    front
}

fn for_front(rules: &str) -> Snapshot {
    let payments = workload("shop", "payments", 1, true);
    translate(
        &resources(rules, Admission::Warn),
        &registry([payments]),
        &front(),
    )
}

fn served(rules: &str) -> Gateway {
    for_front(rules).gateway.expect("it is a gateway")
}

#[test]
fn a_gateway_has_listeners_and_what_is_behind_them_and_no_mesh_routes() {
    let certified = rcgen::generate_simple_self_signed(["shop.test".to_owned()]).expect("a certificate");
    let (chain, key) = (certified.cert.pem(), certified.signing_key.serialize_pem());
    let rules = format!(
        "{PAYMENTS}{GATEWAY}{}{}",
        route("checkout", "eu.shop.test"),
        secret(&chain, &key)
    );
    let mut snapshot = for_front(&rules);
    let certificate = &mut snapshot.gateway.as_mut().expect("a gateway").listeners[1].certificate;
    let certificate = certificate.as_mut().expect("a certificate");
    assert_eq!((&certificate.chain, &certificate.key.0), (&chain, &key));
    certificate.chain = "(the chain)".to_owned();
    insta::assert_snapshot!(json(&snapshot.without_keys()));
}

#[test]
fn a_listener_without_its_certificate_is_left_out() {
    let listeners = served(&format!("{PAYMENTS}{GATEWAY}")).listeners;
    let names: Vec<&str> = listeners.iter().map(|listener| listener.name.as_str()).collect();
    assert_eq!(names, ["http"]);
}

#[test]
fn routes_share_a_table_where_their_names_are_the_same_and_the_narrowest_comes_first() {
    let rules = format!(
        "{PAYMENTS}{GATEWAY}{}{}{}{}",
        route("z-any", ""),
        route("b-wide", "'*.test', 'eu.shop.test', '*.eu.shop.test'"),
        route("a-own", "'*.shop.test', 'us.shop.test'"),
        route("elsewhere", "shop.test, eu.other.test"),
    );
    let listener = served(&rules).listeners.remove(0);
    let tables: Vec<String> = listener
        .hosts
        .iter()
        .map(|host| {
            let rules: Vec<&str> = host.table.rules.iter().map(|rule| rule.name.as_str()).collect();
            format!("{}: {}", host.table.name, rules.join(", "))
        })
        .collect();
    assert_eq!(
        tables,
        [
            "shop/front/http/eu.shop.test: shop/b-wide#1",
            "shop/front/http/us.shop.test: shop/a-own#1",
            "shop/front/http/*.eu.shop.test: shop/b-wide#1",
            "shop/front/http/*.shop.test: shop/a-own#1, shop/b-wide#1, shop/z-any#1",
        ]
    );
}

#[test]
fn a_listener_for_all_names_has_a_table_for_all_names_last() {
    let gateway = GATEWAY.replace(", hostname: '*.shop.test'", "");
    let rules = format!(
        "{PAYMENTS}{gateway}{}{}",
        route("any", ""),
        route("own", "shop.test")
    );
    let listener = served(&rules).listeners.remove(0);
    let names: Vec<&str> = listener
        .hosts
        .iter()
        .map(|host| host.table.name.as_str())
        .collect();
    assert_eq!(names, ["shop/front/http/shop.test", "shop/front/http"]);
    assert_eq!(listener.hosts[1].hostname, None);
}

#[test]
fn redirects_and_rewrites_arrive_at_gateways_and_in_the_mesh() {
    let rules = format!(
        "{PAYMENTS}{GATEWAY}---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{ name: moved, namespace: shop }}
spec:
  parentRefs: [{{ name: front, port: 80 }}, {{ group: '', kind: Service, name: payments }}]
  rules:
    - filters:
        - type: RequestRedirect
          requestRedirect:
            scheme: https
            hostname: new.test
            port: 8443
            statusCode: 308
            path: {{ type: ReplaceFullPath, replaceFullPath: /moved }}
    - filters:
        - type: URLRewrite
          urlRewrite: {{ hostname: inner.test, path: {{ type: ReplacePrefixMatch, replacePrefixMatch: /v2 }} }}
      backendRefs: [{{ name: payments, port: 80 }}]
    - filters: [{{ type: RequestRedirect, requestRedirect: {{}} }}]
"
    );
    let host = served(&rules).listeners.remove(0).hosts.remove(0);
    let redirect = Redirect {
        scheme: Some("https".to_owned()),
        hostname: Some("new.test".parse().expect("a host name")),
        path: Some(PathChange::ReplaceFullPath("/moved".to_owned())),
        port: Some(8443),
        status: 308,
    };
    let rewrite = Rewrite {
        hostname: Some("inner.test".parse().expect("a host name")),
        path: Some(PathChange::ReplacePrefixMatch("/v2".to_owned())),
    };
    let unchanged = Redirect {
        scheme: None,
        hostname: None,
        path: None,
        port: None,
        status: 302,
    };
    let found = &host.table.rules;
    assert_eq!(found[0].redirect.as_ref(), Some(&redirect));
    assert!(found[0].backends.is_empty());
    assert_eq!((&found[1].redirect, &found[1].rewrite), (&None, &rewrite));
    assert_eq!(found[2].redirect.as_ref(), Some(&unchanged));

    let orders = workload("shop", "orders", 1, true);
    let mesh = translate(&resources(&rules, Admission::Warn), &registry([]), &orders);
    assert_eq!(mesh.gateway, None);
    assert_eq!(mesh.routes["shop/payments:80"].rules, *found);
}

#[test]
fn the_policy_for_a_gateway_limits_its_clients() {
    let policy = |name: &str, target: &str, requests: u32| {
        format!(
            "---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {{ name: {name}, namespace: shop }}
spec:
  targetRefs: [{{ group: gateway.networking.k8s.io, kind: Gateway, name: {target} }}]
  requestBuffer: {{ limit: 64Ki }}
  rateLimit:
    type: Local
    local:
      rules:
        - clientSelectors: [{{ sourceCIDR: {{ type: Distinct, value: 10.0.0.0/8 }} }}]
          limit: {{ requests: {requests}, unit: Minute }}
"
        )
    };
    let rules = format!(
        "{PAYMENTS}{GATEWAY}{}{}",
        policy("a-other", "other", 1),
        policy("own", "front", 20)
    );
    let limits = served(&rules).limits;
    assert_eq!(limits.body_bytes, Some(65_536));
    let [rate] = &limits.rates[..] else {
        panic!("one limit: {:?}", limits.rates)
    };
    assert_eq!(
        (rate.requests.get(), rate.interval),
        (20, Duration::from_secs(60))
    );
    assert_eq!(rate.clients.to_string(), "10.0.0.0/8");
    assert_eq!(rate.origin.as_ref().map(|origin| origin.line), Some(42));
    assert!(served(&format!("{PAYMENTS}{GATEWAY}")).limits.is_nothing());
}

#[test]
fn a_gateway_that_nobody_wrote_serves_nothing() {
    let snapshot = for_front(PAYMENTS);
    assert_eq!((snapshot.gateway, snapshot.inbound), (None, None));
    assert!(snapshot.routes.is_empty());
}
