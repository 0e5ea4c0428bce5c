//! References to nothing.

use hallway_config::{Admission, load};
use hallway_yaml::{Severity, Style};

use crate::{ROUTE, SERVICES, mistakes, refused_files, rule_files};

#[test]
fn references_to_nothing() {
    let text = format!(
        "{SERVICES}{ROUTE}    - backendRefs: [{{ name: paiments, port: 80 }}, {{ name: payments, port: 8080 }}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{ name: far, namespace: web }}
spec:
  parentRefs: [{{ group: '', kind: Service, name: payments, namespace: shop }}, {{ group: '', kind: Service, name: web }}]
  rules: [{{ backendRefs: [{{ name: payments, namespace: shop, port: 80 }}] }}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{ name: all, namespace: shop }}
spec: {{ host: '*.shop.svc.cluster.local' }}
"
    );
    insta::assert_snapshot!(mistakes(&text), @r"
    error: there is no Service shop/paiments
       ╭▸ rules.yaml:12:29
       │
    12 │     - backendRefs: [{ name: paiments, port: 80 }, { name: payments, port: 8080 }]
       │                             ━━━━━━━━ refers to nothing
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: did you mean `shop/payments`? otherwise add a Service shop/paiments

    error: Service shop/payments has no port 8080
       ╭▸ rules.yaml:12:75
       │
     4 │ spec: { ports: [{ port: 80 }] }
       │         ───── its ports
       ┆
    12 │     - backendRefs: [{ name: paiments, port: 80 }, { name: payments, port: 8080 }]
       │                                                                           ━━━━ no such port
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: its ports are `80`

    error: a route for a Service of another namespace (a consumer route) is not supported
       ╭▸ rules.yaml:18:71
       │
    18 │   parentRefs: [{ group: '', kind: Service, name: payments, namespace: shop }, { group: '', kind: Service, name: web }]
       │                                                                       ━━━━ not the route's namespace
       │
       ╰ in HTTPRoute web/far
    help: move the route to namespace `shop`

    error: there is no Service web/web
       ╭▸ rules.yaml:18:113
       │
    18 │   parentRefs: [{ group: '', kind: Service, name: payments, namespace: shop }, { group: '', kind: Service, name: web }]
       │                                                                                                                 ━━━ refers to nothing
       │
       ╰ in HTTPRoute web/far
    help: add a Service web/web, or remove the reference

    error: Service shop/payments is in another namespace, and no ReferenceGrant allows the reference
       ╭▸ rules.yaml:19:56
       │
    19 │   rules: [{ backendRefs: [{ name: payments, namespace: shop, port: 80 }] }]
       │                                                        ━━━━ not the route's namespace
       │
       ╰ in HTTPRoute web/far, rule 1
    help: refer to a Service of namespace `web`; ReferenceGrants are not supported

    error: `*.shop.svc.cluster.local` is not the host of a Service
       ╭▸ rules.yaml:24:15
       │
    24 │ spec: { host: '*.shop.svc.cluster.local' }
       │               ━━━━━━━━━━━━━━━━━━━━━━━━━━
       │
       ╰ in DestinationRule shop/all
    help: write `NAME`, `NAME.NAMESPACE` or `NAME.NAMESPACE.svc.cluster.local`
    ");
}

#[test]
fn references_to_nothing_are_warnings_where_admission_warns() {
    let text = format!("{SERVICES}{ROUTE}    - backendRefs: [{{ name: paiments, port: 80 }}]\n    - {{}}\n");
    let loaded = load(rule_files(&[("rules.yaml", &text)]), Admission::Warn).expect("no mistakes");
    assert!(
        loaded
            .warnings
            .iter()
            .all(|warning| warning.severity == Severity::Warning)
    );
    assert_eq!(loaded.resources.http_routes.len(), 1);
    insta::assert_snapshot!(loaded.warnings.render(Style::Plain), @r"
    warning: there is no Service shop/paiments
       ╭▸ rules.yaml:12:29
       │
    12 │     - backendRefs: [{ name: paiments, port: 80 }]
       │                             ━━━━━━━━ refers to nothing
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: did you mean `shop/payments`? otherwise add a Service shop/paiments

    warning: the rule has no backend
       ╭▸ rules.yaml:13:7
       │
    13 │     - {}
       │       ━━ every request is answered with 500
       │
       ╰ in HTTPRoute shop/checkout, rule 2
    help: add `backendRefs:`
    ");
}

#[test]
fn references_to_what_could_not_be_read_are_not_called_dangling() {
    let broken = SERVICES.replace("port: 80", "port: many");
    let text = format!("{broken}{ROUTE}    - backendRefs: [{{ name: payments, port: 80 }}]\n");
    insta::assert_snapshot!(mistakes(&text), @r"
    error: `port` must be a whole number from 1 to 65535, not the text `many`
      ╭▸ rules.yaml:4:25
      │
    4 │ spec: { ports: [{ port: many }] }
      │                         ━━━━ expected a whole number from 1 to 65535
      │
      ╰ in Service shop/payments
    ");
    let files = [
        ("a.yaml", "kind: [\n"),
        (
            "b.yaml",
            &text
                .replacen("many", "80", 1)
                .replace("name: payments", "name: other"),
        ),
    ];
    insta::assert_snapshot!(refused_files(&files).render(Style::Plain), @r"
    error: this is not YAML: while parsing a node, did not find expected node content
      ╭▸ a.yaml:1:7
      │
    1 │ kind: [
      │       ━
      ╰╴
    help: check the indentation and the quotes here and on the line before
    ");
}
