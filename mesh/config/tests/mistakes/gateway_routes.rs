//! Routes that are attached to gateways, and their redirects and rewrites.

use hallway_config::{Admission, load};
use hallway_yaml::Style;

use crate::{SERVICES, mistakes, rule_files, summary};

/// A gateway with an open listener, and one for the shop alone.
const GATEWAY: &str = "\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: front, namespace: shop }
spec:
  gatewayClassName: hallway
  listeners:
    - { name: open, port: 80, protocol: HTTP, hostname: '*.open.test', allowedRoutes: { namespaces: { from: All } } }
    - { name: own, port: 8080, protocol: HTTP }
---
";

/// A route `checkout` in the namespace `shop` with these lines in its spec.
fn route(spec: &str) -> String {
    format!(
        "{SERVICES}{GATEWAY}apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{ name: checkout, namespace: shop }}
spec:{spec}"
    )
}

const BACKENDS: &str = "  rules: [{ backendRefs: [{ name: payments, port: 80 }] }]\n";

#[test]
fn parents_that_there_are_not() {
    let parents = "
  parentRefs:
    - { name: fronnt }
    - { name: front, sectionName: opened }
    - { name: front, sectionName: open, port: 81 }
    - { name: front, port: 443 }
    - { kind: Service, name: payments }
    - { group: '', name: payments }
    - { group: '', kind: Service, name: payments, sectionName: http }
    - { name: front }
    - { name: front, namespace: shop }
";
    insta::assert_snapshot!(mistakes(&route(&(parents.to_owned() + BACKENDS))), @r#"
    error: there is no Gateway shop/fronnt
       ╭▸ rules.yaml:20:15
       │
    20 │     - { name: fronnt }
       │               ━━━━━━ refers to nothing
       │
       ╰ in HTTPRoute shop/checkout
    help: did you mean `shop/front`? otherwise add a Gateway shop/fronnt

    error: Gateway shop/front has no listener `opened`
       ╭▸ rules.yaml:21:35
       │
    11 │   listeners:
       │   ───────── its listeners
       ┆
    21 │     - { name: front, sectionName: opened }
       │                                   ━━━━━━ no such listener
       │
       ╰ in HTTPRoute shop/checkout
    help: its listeners are `open:80` and `own:8080`

    error: Gateway shop/front has no listener `open` at port 81
       ╭▸ rules.yaml:22:47
       │
    11 │   listeners:
       │   ───────── its listeners
       ┆
    22 │     - { name: front, sectionName: open, port: 81 }
       │                                               ━━ no such listener
       │
       ╰ in HTTPRoute shop/checkout
    help: its listeners are `open:80` and `own:8080`

    error: Gateway shop/front has no listener at port 443
       ╭▸ rules.yaml:23:28
       │
    11 │   listeners:
       │   ───────── its listeners
       ┆
    23 │     - { name: front, port: 443 }
       │                            ━━━ no such listener
       │
       ╰ in HTTPRoute shop/checkout
    help: its listeners are `open:80` and `own:8080`

    error: a Service is not of this API group
       ╭▸ rules.yaml:24:15
       │
    24 │     - { kind: Service, name: payments }
       │               ━━━━━━━ a Service has `group: ""`
       │
       ╰ in HTTPRoute shop/checkout
    help: write `group: ""`

    error: a Gateway is not of this API group
       ╭▸ rules.yaml:25:16
       │
    25 │     - { group: '', name: payments }
       │                ━━ a Gateway has `group: gateway.networking.k8s.io`
       │
       ╰ in HTTPRoute shop/checkout
    help: write `group: gateway.networking.k8s.io`

    error: `sectionName` is not supported with a Service as parent
       ╭▸ rules.yaml:26:64
       │
    26 │     - { group: '', kind: Service, name: payments, sectionName: http }
       │                                                                ━━━━ names a listener
       │
       ╰ in HTTPRoute shop/checkout
    help: name a port with `port`

    error: there are two parents `Gateway front`
       ╭▸ rules.yaml:28:15
       │
    27 │     - { name: front }
       │               ───── first given here
    28 │     - { name: front, namespace: shop }
       │               ━━━━━ given again here
       │
       ╰ in HTTPRoute shop/checkout
    help: remove or change one of them
    "#);
}

#[test]
fn hostnames_are_for_gateways_that_know_them() {
    let both = "
  parentRefs: [{ name: front }, { group: '', kind: Service, name: payments }]
  hostnames: [a.open.test, a.open.test]
";
    insta::assert_snapshot!(mistakes(&route(&(both.to_owned() + BACKENDS))), @r"
    error: `hostnames` is not supported with a Service as parent
       ╭▸ rules.yaml:20:3
       │
    19 │   parentRefs: [{ name: front }, { group: '', kind: Service, name: payments }]
       │                                                                   ──────── a mesh route is chosen by the service that is called
    20 │   hostnames: [a.open.test, a.open.test]
       │   ━━━━━━━━━ would be ignored
       │
       ╰ in HTTPRoute shop/checkout
    help: remove it, or give the Service a route of its own

    error: there are two host names `a.open.test`
       ╭▸ rules.yaml:20:28
       │
    20 │   hostnames: [a.open.test, a.open.test]
       │               ┬──────────  ━━━━━━━━━━━ given again here
       │               │
       │               first given here
       │
       ╰ in HTTPRoute shop/checkout
    help: remove or change one of them
    ");
    let nowhere = "\n  parentRefs: [{ name: front, sectionName: open }]\n  hostnames: [open.test]\n"
        .to_owned()
        + BACKENDS;
    let loaded = load(
        rule_files(&[("rules.yaml", &route(&nowhere))]),
        Admission::Enforce,
    );
    let warnings = loaded.expect("a warning is no error").warnings;
    insta::assert_snapshot!(warnings.render(Style::Plain), @r"
    warning: no listener of Gateway shop/front is for any of these host names
       ╭▸ rules.yaml:20:3
       │
    11 │   listeners:
       │   ───────── its listeners are for other names
       ┆
    20 │   hostnames: [open.test]
       │   ━━━━━━━━━ the route gets no requests from there
       │
       ╰ in HTTPRoute shop/checkout
    help: change the host names of the route or of a listener
    ");
}

#[test]
fn a_listener_takes_routes_of_its_own_namespace_unless_it_says_all() {
    let foreign = |section: &str| {
        format!(
            "{GATEWAY}apiVersion: v1
kind: Service
metadata: {{ name: teller, namespace: bank }}
spec: {{ ports: [{{ port: 80 }}] }}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{ name: teller, namespace: bank }}
spec:
  parentRefs: [{{ name: front, namespace: shop, sectionName: {section} }}]
  rules: [{{ backendRefs: [{{ name: teller, port: 80 }}] }}]
"
        )
    };
    load(
        rule_files(&[("rules.yaml", &foreign("open"))]),
        Admission::Enforce,
    )
    .expect("it is open");
    insta::assert_snapshot!(mistakes(&foreign("own")), @r"
    error: Gateway shop/front takes no routes of namespace `bank`
       ╭▸ rules.yaml:19:42
       │
     6 │   listeners:
       │   ───────── they take routes of their own namespace only
       ┆
    19 │   parentRefs: [{ name: front, namespace: shop, sectionName: own }]
       │                                          ━━━━ another namespace than the route's
       │
       ╰ in HTTPRoute bank/teller
    help: write `allowedRoutes: { namespaces: { from: All } }` in a listener, or move the route
    ");
}

#[test]
fn redirects_and_rewrites_that_cannot_be() {
    let rules = "
  parentRefs: [{ name: front }]
  rules:
    - filters:
        - { type: RequestRedirect, requestRedirect: { scheme: https } }
        - { type: URLRewrite, urlRewrite: { hostname: inner.test } }
        - { type: URLRewrite, urlRewrite: { path: { type: ReplaceFullPath, replaceFullPath: /x?y } } }
      backendRefs: [{ name: payments, port: 80 }]
    - matches: [{ path: { value: /a } }, { path: { type: Exact, value: /b } }]
      filters:
        - { type: RequestRedirect, requestRedirect: { path: { type: ReplacePrefixMatch, replacePrefixMatch: b } } }
    - filters:
        - { type: RequestRedirect, requestRedirect: { path: { type: ReplacePrefixMatch, replacePrefixMatch: '' } } }
";
    insta::assert_snapshot!(mistakes(&route(rules)), @r"
    error: a rule with `RequestRedirect` cannot have `URLRewrite`
       ╭▸ rules.yaml:23:13
       │
    22 │         - { type: RequestRedirect, requestRedirect: { scheme: https } }
       │                   ─────────────── the caller is sent elsewhere
    23 │         - { type: URLRewrite, urlRewrite: { hostname: inner.test } }
       │             ━━━━ never used
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: keep one of the two

    error: there are two filters of type `URLRewrite`
       ╭▸ rules.yaml:24:19
       │
    23 │         - { type: URLRewrite, urlRewrite: { hostname: inner.test } }
       │                   ────────── first given here
    24 │         - { type: URLRewrite, urlRewrite: { path: { type: ReplaceFullPath, replaceFullPath: /x?y } } }
       │                   ━━━━━━━━━━ given again here
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: remove or change one of them

    error: the path `/x?y` has a character that a path cannot have
       ╭▸ rules.yaml:24:93
       │
    24 │         - { type: URLRewrite, urlRewrite: { path: { type: ReplaceFullPath, replaceFullPath: /x?y } } }
       │                                                                                             ━━━━ has a character that a path cannot have
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: write a path without its query, such as `/orders`, percent-encoded where needed

    error: a rule with `RequestRedirect` cannot have `backendRefs`
       ╭▸ rules.yaml:25:7
       │
    22 │         - { type: RequestRedirect, requestRedirect: { scheme: https } }
       │                   ─────────────── the caller is sent elsewhere
       ┆
    25 │       backendRefs: [{ name: payments, port: 80 }]
       │       ━━━━━━━━━━━ never used
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: keep one of the two

    error: `ReplacePrefixMatch` needs matches by prefix only
       ╭▸ rules.yaml:28:69
       │
    26 │     - matches: [{ path: { value: /a } }, { path: { type: Exact, value: /b } }]
       │                                                          ───── matches no prefix
    27 │       filters:
    28 │         - { type: RequestRedirect, requestRedirect: { path: { type: ReplacePrefixMatch, replacePrefixMatch: b } } }
       │                                                                     ━━━━━━━━━━━━━━━━━━ which prefix?
       │
       ╰ in HTTPRoute shop/checkout, rule 2
    help: match by `PathPrefix`, or use `ReplaceFullPath`

    error: the path `b` must begin with `/`
       ╭▸ rules.yaml:28:109
       │
    28 │         - { type: RequestRedirect, requestRedirect: { path: { type: ReplacePrefixMatch, replacePrefixMatch: b } } }
       │                                                                                                             ━ must begin with `/`
       │
       ╰ in HTTPRoute shop/checkout, rule 2
    help: write a path without its query, such as `/orders`, percent-encoded where needed
    ");
    let values = "
  parentRefs: [{ name: front }]
  rules:
    - filters:
        - type: RequestRedirect
          requestRedirect: { scheme: ftp, hostname: '*.test', port: 0, statusCode: 304, path: { type: Replace } }
    - filters:
        - { type: URLRewrite, urlRewrite: { path: { type: ReplaceFullPath, replacePrefixMatch: / }, port: 80 } }
      backendRefs: [{ name: payments, port: 80 }]
";
    insta::assert_snapshot!(summary(&route(values)), @r"
    rules.yaml:23:38: unknown value `ftp` for `scheme`
    rules.yaml:23:53: `hostname` must be a host name such as `shop.test`, without a port, not the text `*.test`
    rules.yaml:23:69: `port` must be a whole number from 1 to 65535, not the number `0`
    rules.yaml:23:84: unknown value `304` for `statusCode`
    rules.yaml:23:103: unknown value `Replace` for `type` (did you mean `ReplaceFullPath`?)
    rules.yaml:25:76: unknown field `replacePrefixMatch` (did you mean `replaceFullPath`?)
    rules.yaml:25:101: unknown field `port`
    ");
}
