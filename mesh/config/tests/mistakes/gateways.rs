//! Gateways: their listeners, and the certificates of these.

use hallway_config::{Admission, load};

use crate::{mistakes, rule_files, summary};

#[test]
fn listeners_that_cannot_be_served() {
    let text = "\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: front, namespace: shop }
spec:
  gatewayClassName: istio
  addresses: []
  listeners:
    - { name: one, port: 443, protocol: HTTPS }
    - { name: one, port: 80, protocol: HTTP, tls: { certificateRefs: [{ name: shop-tls }] } }
    - { name: three, port: 80, protocol: HTTP }
    - { name: four, port: 443, protocol: HTTP, hostname: shop.test }
    - { name: five, port: 8443, protocol: HTTPS, hostname: shop.test, tls: { certificateRefs: [{ name: shop-tsl }] } }
    - { name: six, port: 8443, protocol: HTTPS, tls: { certificateRefs: [{ name: shop-tls, namespace: bank }] } }
";
    insta::assert_snapshot!(mistakes(&text.replace("  addresses: []\n", "")), @r"
    error: a gateway of class `istio` would not be served here
      ╭▸ rules.yaml:5:21
      │
    5 │   gatewayClassName: istio
      │                     ━━━━━ another class
      │
      ╰ in Gateway shop/front
    help: write `gatewayClassName: hallway`

    error: the HTTPS listener `one` needs `tls`
      ╭▸ rules.yaml:7:41
      │
    7 │     - { name: one, port: 443, protocol: HTTPS }
      │                                         ━━━━━ has no certificate
      │
      ╰ in Gateway shop/front
    help: add `tls: { certificateRefs: [{ name: … }] }`

    error: there are two listeners named `one`
      ╭▸ rules.yaml:8:15
      │
    7 │     - { name: one, port: 443, protocol: HTTPS }
      │               ─── first given here
    8 │     - { name: one, port: 80, protocol: HTTP, tls: { certificateRefs: [{ name: shop-tls }] } }
      │               ━━━ given again here
      │
      ╰ in Gateway shop/front
    help: remove or change one of them

    error: the HTTP listener `one` cannot have `tls`
      ╭▸ rules.yaml:8:40
      │
    8 │     - { name: one, port: 80, protocol: HTTP, tls: { certificateRefs: [{ name: shop-tls }] } }
      │                                        ━━━━ speaks in the clear
      │
      ╰ in Gateway shop/front
    help: write `protocol: HTTPS`, or remove `tls`

    error: there are two listeners at port `80 (HTTP) for all host names`
      ╭▸ rules.yaml:9:28
      │
    8 │     - { name: one, port: 80, protocol: HTTP, tls: { certificateRefs: [{ name: shop-tls }] } }
      │                          ── first given here
    9 │     - { name: three, port: 80, protocol: HTTP }
      │                            ━━ given again here
      │
      ╰ in Gateway shop/front
    help: remove or change one of them

    error: port 443 cannot speak two protocols
       ╭▸ rules.yaml:10:42
       │
     7 │     - { name: one, port: 443, protocol: HTTPS }
       │                                         ───── the first one at this port
       ┆
    10 │     - { name: four, port: 443, protocol: HTTP, hostname: shop.test }
       │                                          ━━━━ another protocol here
       │
       ╰ in Gateway shop/front
    help: give one of the listeners another port

    error: there is no Secret shop/shop-tsl
       ╭▸ rules.yaml:11:104
       │
    11 │     - { name: five, port: 8443, protocol: HTTPS, hostname: shop.test, tls: { certificateRefs: [{ name: shop-tsl }] } }
       │                                                                                                        ━━━━━━━━ refers to nothing
       │
       ╰ in Gateway shop/front
    help: add a Secret shop/shop-tsl, or remove the reference

    error: Secret bank/shop-tls is in another namespace, and no ReferenceGrant allows the reference
       ╭▸ rules.yaml:12:103
       │
    12 │     - { name: six, port: 8443, protocol: HTTPS, tls: { certificateRefs: [{ name: shop-tls, namespace: bank }] } }
       │                                                                                                       ━━━━ not the gateway's namespace
       │
       ╰ in Gateway shop/front
    help: refer to a Secret of namespace `shop`; ReferenceGrants are not supported
    ");
    insta::assert_snapshot!(summary(text), @r"rules.yaml:6:3: `addresses` is not supported: the proxy's bootstrap says where it listens");
}

#[test]
fn fields_and_values_of_listeners_that_there_are_not() {
    let text = "\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: front, namespace: shop }
spec:
  gatewayClassName: hallway
  infrastructure: {}
  listeners:
    - { name: one, port: 0, protocol: TLS, tls: { mode: Passthrough, certificateRefs: [], options: {} } }
    - { name: two, port: 80, protocol: HTTP, hostname: 'shop.test:80', allowedRoutes: { kinds: [], namespaces: { from: Selector } } }
    - { name: three, port: 81, protocol: HTTP, hostname: '*', alowedRoutes: {} }
    - { name: four, port: 443, protocol: HTTPS, tls: { certificateRefs: [{ kind: ConfigMap, name: a }, { name: b }] } }
";
    insta::assert_snapshot!(summary(text), @r"
    rules.yaml:6:3: `infrastructure` is not supported: the workload that is the gateway is registered with the control plane
    rules.yaml:8:26: `port` must be a whole number from 1 to 65535, not the number `0`
    rules.yaml:8:39: `TLS` is not supported: the mesh carries HTTP only; use `HTTPS`
    rules.yaml:8:57: `Passthrough` is not supported: a gateway that cannot read requests cannot route them
    rules.yaml:8:87: `certificateRefs` must have at least 1 item, not 0
    rules.yaml:8:91: `options` is not supported: there are no options
    rules.yaml:9:56: `hostname` must be a host name such as `shop.test`, or `*.` and then one; without a port, not the text `shop.test:80`
    rules.yaml:9:89: `kinds` is not supported: HTTPRoutes are the only routes
    rules.yaml:9:120: `Selector` is not supported: namespaces have no labels here
    rules.yaml:10:58: `hostname` must be a host name such as `shop.test`, or `*.` and then one; without a port, not the text `*`
    rules.yaml:10:63: unknown field `alowedRoutes` (did you mean `allowedRoutes`?)
    rules.yaml:11:73: `certificateRefs` must have at most 1 item, not 2
    rules.yaml:11:82: unknown value `ConfigMap` for `kind`
    ");
    let address = "\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: front, namespace: shop }
spec: { gatewayClassName: hallway, listeners: [{ name: one, port: 80, protocol: HTTP, hostname: 10.0.0.1 }] }
";
    insta::assert_snapshot!(mistakes(address), @r"
    error: `10.0.0.1` is no host name: expected labels of `a-z`, `0-9` and `-` with dots between them, such as `shop.test`, or `*.` and then such a name; no port, no address
      ╭▸ rules.yaml:4:97
      │
    4 │ spec: { gatewayClassName: hallway, listeners: [{ name: one, port: 80, protocol: HTTP, hostname: 10.0.0.1 }] }
      │                                                                                                 ━━━━━━━━
      │
      ╰ in Gateway shop/front
    ");
}

#[test]
fn a_certificate_that_is_not_there_is_a_warning_where_admission_warns() {
    let text = "\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: front, namespace: shop }
spec:
  gatewayClassName: hallway
  listeners: [{ name: tls, port: 443, protocol: HTTPS, tls: { certificateRefs: [{ name: gone }] } }]
";
    insta::assert_snapshot!(mistakes(text), @r"
    error: there is no Secret shop/gone
      ╭▸ rules.yaml:6:89
      │
    6 │   listeners: [{ name: tls, port: 443, protocol: HTTPS, tls: { certificateRefs: [{ name: gone }] } }]
      │                                                                                         ━━━━ refers to nothing
      │
      ╰ in Gateway shop/front
    help: add a Secret shop/gone, or remove the reference
    ");
    let loaded = load(rule_files(&[("rules.yaml", text)]), Admission::Warn).expect("a warning");
    assert_eq!(loaded.warnings.len(), 1);
}
