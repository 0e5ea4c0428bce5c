//! One snapshot for each kind of mistake: the place, and the next step.

use hallway_config::{Admission, RuleFile, load};
use hallway_yaml::{Diagnostics, Severity, Style};
use proptest::prelude::*;

fn refused(text: &str) -> Diagnostics {
    refused_files(&[("rules.yaml", text)])
}

fn refused_files(files: &[(&str, &str)]) -> Diagnostics {
    load(rule_files(files), Admission::Enforce).expect_err("mistakes")
}

fn rule_files(files: &[(&str, &str)]) -> Vec<RuleFile> {
    let file = |(name, text): &(&str, &str)| RuleFile {
        name: (*name).to_owned(),
        text: (*text).to_owned(),
    };
    files.iter().map(file).collect()
}

/// What is said about `text`, in plain text.
fn mistakes(text: &str) -> String {
    refused(text).render(Style::Plain)
}

/// What is said about a route whose only rule is `rule` (with six blanks of indentation), beside sound services.
fn mistakes_in_rule(rule: &str) -> String {
    mistakes(&format!(
        "{SERVICES}{ROUTE}    - backendRefs: [{{ name: payments, port: 80 }}]\n{rule}"
    ))
}

const SERVICES: &str = "\
apiVersion: v1
kind: Service
metadata: { name: payments, namespace: shop }
spec: { ports: [{ port: 80 }] }
---
";

const ROUTE: &str = "\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: checkout, namespace: shop }
spec:
  parentRefs: [{ group: '', kind: Service, name: payments }]
  rules:
";

#[test]
fn an_unknown_field() {
    let rule = "      retry:\n        codes: [503]\n        attemps: 3\n";
    insta::assert_snapshot!(mistakes_in_rule(rule), @r"
    error: unknown field `attemps`
       ╭▸ rules.yaml:15:9
       │
    15 │         attemps: 3
       │         ━━━━━━━ `retry` has `codes`, `attempts` and `backoff`
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: did you mean `attempts`?
    ");
}

#[test]
fn unknown_kinds_and_versions() {
    let text = "
apiVersion: gateway.networking.k8s.io/v1
kind: HttpRoutes
---
apiVersion: gateway.networking.k8s.io/v1beta1
kind: HTTPRoute
---
apiVersion: v1
---
kind: 3
---
- a list
";
    insta::assert_snapshot!(mistakes(text), @r"
    error: unknown kind `HttpRoutes`
      ╭▸ rules.yaml:3:7
      │
    3 │ kind: HttpRoutes
      │       ━━━━━━━━━━
      ╰╴
    help: did you mean `HTTPRoute`?

    error: unknown apiVersion `gateway.networking.k8s.io/v1beta1` for kind `HTTPRoute`
      ╭▸ rules.yaml:5:13
      │
    5 │ apiVersion: gateway.networking.k8s.io/v1beta1
      │             ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
      ╰╴
    help: write `apiVersion: gateway.networking.k8s.io/v1`

    error: missing field `kind`
      ╭▸ rules.yaml:8:1
      │
    8 │ apiVersion: v1
      │ ━━━━━━━━━━ in this document
      ╰╴
    help: the supported kinds are `v1 Service`, `gateway.networking.k8s.io/v1 HTTPRoute`, `security.istio.io/v1 PeerAuthentication`, `networking.istio.io/v1 DestinationRule` and `gateway.networking.x-k8s.io/v1alpha1 XBackendTrafficPolicy`

    error: `kind` must be text
       ╭▸ rules.yaml:10:7
       │
    10 │ kind: 3
       │       ━
       ╰╴
    help: the supported kinds are `v1 Service`, `gateway.networking.k8s.io/v1 HTTPRoute`, `security.istio.io/v1 PeerAuthentication`, `networking.istio.io/v1 DestinationRule` and `gateway.networking.x-k8s.io/v1alpha1 XBackendTrafficPolicy`

    error: this document is not a resource
       ╭▸ rules.yaml:12:1
       │
    12 │ - a list
       │ ━━━━━━━━ not a mapping of fields
       ╰╴
    help: write `apiVersion:`, `kind:`, `metadata:` and `spec:`
    ");
}

#[test]
fn values_that_are_not_supported() {
    let text = "
apiVersion: v1
kind: Service
metadata: { name: payments }
spec:
  type: NodePort
  clusterIP: None
  ports:
    - { name: a, port: 80, appProtocol: kubernetes.io/ws, protocol: UDP }
    - { name: b, port: 81, appProtocol: htpp }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: checkout }
spec:
  hostnames: [shop.test]
  parentRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: front }]
  rules:
    - filters: [{ type: RequestMirror, requestMirror: {} }]
      backendRefs: [{ name: payments, port: 80, filters: [] }]
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: strict }
spec: { mtls: { mode: strict }, portLevelMtls: { 80: { mode: STRICT } } }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: payments }
spec:
  host: payments
  subsets: []
  trafficPolicy: { loadBalancer: { simple: LEAST_CONN, consistentHash: {} }, outlierDetection: {} }
";
    insta::assert_snapshot!(mistakes(text), @r#"
    error: `NodePort` is not supported: services are reached through the mesh only
      ╭▸ rules.yaml:6:9
      │
    6 │   type: NodePort
      │         ━━━━━━━━
      │
      ╰ in Service default/payments

    error: `clusterIP` is not supported: the mesh routes by name, services have no address
      ╭▸ rules.yaml:7:3
      │
    7 │   clusterIP: None
      │   ━━━━━━━━━
      │
      ╰ in Service default/payments

    error: `kubernetes.io/ws` is not supported yet
      ╭▸ rules.yaml:9:41
      │
    9 │     - { name: a, port: 80, appProtocol: kubernetes.io/ws, protocol: UDP }
      │                                         ━━━━━━━━━━━━━━━━
      │
      ╰ in Service default/payments

    error: `UDP` is not supported: the mesh carries TCP only
      ╭▸ rules.yaml:9:69
      │
    9 │     - { name: a, port: 80, appProtocol: kubernetes.io/ws, protocol: UDP }
      │                                                                     ━━━
      │
      ╰ in Service default/payments

    error: unknown value `htpp` for `appProtocol`
       ╭▸ rules.yaml:10:41
       │
    10 │     - { name: b, port: 81, appProtocol: htpp }
       │                                         ━━━━ expected `http`, `kubernetes.io/h2c`, `http2` or `grpc`
       │
       ╰ in Service default/payments
    help: did you mean `http`?

    error: `hostnames` is not supported: a mesh route is chosen by the service that is called; remove it
       ╭▸ rules.yaml:16:3
       │
    16 │   hostnames: [shop.test]
       │   ━━━━━━━━━
       │
       ╰ in HTTPRoute default/checkout

    error: `gateway.networking.k8s.io` is not supported: gateways come later; refer to a Service, with group `""`
       ╭▸ rules.yaml:17:25
       │
    17 │   parentRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: front }]
       │                         ━━━━━━━━━━━━━━━━━━━━━━━━━
       │
       ╰ in HTTPRoute default/checkout

    error: `Gateway` is not supported: gateways come later; refer to a Service
       ╭▸ rules.yaml:17:58
       │
    17 │   parentRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: front }]
       │                                                          ━━━━━━━
       │
       ╰ in HTTPRoute default/checkout

    error: `RequestMirror` is not supported yet
       ╭▸ rules.yaml:19:25
       │
    19 │     - filters: [{ type: RequestMirror, requestMirror: {} }]
       │                         ━━━━━━━━━━━━━
       │
       ╰ in HTTPRoute default/checkout, rule 1

    error: `filters` is not supported yet; use the filters of the rule
       ╭▸ rules.yaml:20:49
       │
    20 │       backendRefs: [{ name: payments, port: 80, filters: [] }]
       │                                                 ━━━━━━━
       │
       ╰ in HTTPRoute default/checkout, rule 1

    error: unknown value `strict` for `mode`
       ╭▸ rules.yaml:25:23
       │
    25 │ spec: { mtls: { mode: strict }, portLevelMtls: { 80: { mode: STRICT } } }
       │                       ━━━━━━ expected `UNSET`, `DISABLE`, `PERMISSIVE` or `STRICT`
       │
       ╰ in PeerAuthentication default/strict
    help: did you mean `STRICT`?

    error: `portLevelMtls` is not supported: the mode applies to all ports of a workload
       ╭▸ rules.yaml:25:33
       │
    25 │ spec: { mtls: { mode: strict }, portLevelMtls: { 80: { mode: STRICT } } }
       │                                 ━━━━━━━━━━━━━
       │
       ╰ in PeerAuthentication default/strict

    error: `subsets` is not supported: give each version a Service of its own and split with an HTTPRoute
       ╭▸ rules.yaml:32:3
       │
    32 │   subsets: []
       │   ━━━━━━━
       │
       ╰ in DestinationRule default/payments

    error: `LEAST_CONN` is not supported: Istio has replaced it with `LEAST_REQUEST`
       ╭▸ rules.yaml:33:44
       │
    33 │   trafficPolicy: { loadBalancer: { simple: LEAST_CONN, consistentHash: {} }, outlierDetection: {} }
       │                                            ━━━━━━━━━━
       │
       ╰ in DestinationRule default/payments

    error: `consistentHash` is not supported yet; use `simple`
       ╭▸ rules.yaml:33:56
       │
    33 │   trafficPolicy: { loadBalancer: { simple: LEAST_CONN, consistentHash: {} }, outlierDetection: {} }
       │                                                        ━━━━━━━━━━━━━━
       │
       ╰ in DestinationRule default/payments

    error: `outlierDetection` is not supported yet
       ╭▸ rules.yaml:33:78
       │
    33 │   trafficPolicy: { loadBalancer: { simple: LEAST_CONN, consistentHash: {} }, outlierDetection: {} }
       │                                                                              ━━━━━━━━━━━━━━━━
       │
       ╰ in DestinationRule default/payments
    "#);
}

#[test]
fn headers_of_the_connection_are_not_for_filters() {
    let rule =
        "      filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { remove: [Host] } }]\n";
    insta::assert_snapshot!(mistakes_in_rule(rule), @r"
    error: the header `host` cannot be changed by a filter
       ╭▸ rules.yaml:13:82
       │
    13 │       filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { remove: [Host] } }]
       │                                                                                  ━━━━ belongs to the connection
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: leave it out: the proxy sets it for each hop
    ");
}

#[test]
fn values_of_the_wrong_form() {
    let rule = "      name: Not A Name
      matches: [{ method: get, headers: [{ name: 'x y', value: 3 }] }]
      filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: x, value: 'a\\n' }] } }]
      timeouts: { request: 10, backendRequest: 1.5s }
      retry: { codes: [200, five], attempts: -1, backoff: 999999h }
";
    insta::assert_snapshot!(mistakes_in_rule(rule), @r#"
    error: `name` must be a name of lower-case letters, digits, `-` and `.`, not the text `Not A Name`
       ╭▸ rules.yaml:13:13
       │
    13 │       name: Not A Name
       │             ━━━━━━━━━━ expected a name of lower-case letters, digits, `-` and `.`
       │
       ╰ in HTTPRoute shop/checkout, rule 1 (`Not A Name`)

    error: unknown value `get` for `method`
       ╭▸ rules.yaml:14:27
       │
    14 │       matches: [{ method: get, headers: [{ name: 'x y', value: 3 }] }]
       │                           ━━━ expected `GET`, `HEAD`, `POST`, `PUT`, `DELETE`, `CONNECT`, `OPTIONS`, `TRACE` or `PATCH`
       │
       ╰ in HTTPRoute shop/checkout, rule 1 (`Not A Name`)
    help: did you mean `GET`?

    error: `name` must be a name of letters, digits and `-`, such as `x-canary`, not the text `x y`
       ╭▸ rules.yaml:14:50
       │
    14 │       matches: [{ method: get, headers: [{ name: 'x y', value: 3 }] }]
       │                                                  ━━━━━ expected a name of letters, digits and `-`, such as `x-canary`
       │
       ╰ in HTTPRoute shop/checkout, rule 1 (`Not A Name`)

    error: `value` must be text of 1 to 4096 characters, not the number `3`
       ╭▸ rules.yaml:14:64
       │
    14 │       matches: [{ method: get, headers: [{ name: 'x y', value: 3 }] }]
       │                                                                ━ expected text of 1 to 4096 characters
       │
       ╰ in HTTPRoute shop/checkout, rule 1 (`Not A Name`)
    help: put it in quotes: "3"

    error: `request` must be a duration (GEP-2257) such as `250ms` or `1m30s`, not the number `10`
       ╭▸ rules.yaml:16:28
       │
    16 │       timeouts: { request: 10, backendRequest: 1.5s }
       │                            ━━ expected a duration (GEP-2257) such as `250ms` or `1m30s`
       │
       ╰ in HTTPRoute shop/checkout, rule 1 (`Not A Name`)
    help: put it in quotes: "10"

    error: `backendRequest` must be a duration (GEP-2257) such as `250ms` or `1m30s`, not the text `1.5s`
       ╭▸ rules.yaml:16:48
       │
    16 │       timeouts: { request: 10, backendRequest: 1.5s }
       │                                                ━━━━ expected a duration (GEP-2257) such as `250ms` or `1m30s`
       │
       ╰ in HTTPRoute shop/checkout, rule 1 (`Not A Name`)

    error: `codes[0]` must be a response code from 400 to 599, not the number `200`
       ╭▸ rules.yaml:17:24
       │
    17 │       retry: { codes: [200, five], attempts: -1, backoff: 999999h }
       │                        ━━━ expected a response code from 400 to 599
       │
       ╰ in HTTPRoute shop/checkout, rule 1 (`Not A Name`)

    error: `codes[1]` must be a response code from 400 to 599, not the text `five`
       ╭▸ rules.yaml:17:29
       │
    17 │       retry: { codes: [200, five], attempts: -1, backoff: 999999h }
       │                             ━━━━ expected a response code from 400 to 599
       │
       ╰ in HTTPRoute shop/checkout, rule 1 (`Not A Name`)

    error: `attempts` must be a whole number from 0 to 4294967295, not the number `-1`
       ╭▸ rules.yaml:17:46
       │
    17 │       retry: { codes: [200, five], attempts: -1, backoff: 999999h }
       │                                              ━━ expected a whole number from 0 to 4294967295
       │
       ╰ in HTTPRoute shop/checkout, rule 1 (`Not A Name`)

    error: `backoff` must be a duration (GEP-2257) such as `250ms` or `1m30s`, not the text `999999h`
       ╭▸ rules.yaml:17:59
       │
    17 │       retry: { codes: [200, five], attempts: -1, backoff: 999999h }
       │                                                           ━━━━━━━ expected a duration (GEP-2257) such as `250ms` or `1m30s`
       │
       ╰ in HTTPRoute shop/checkout, rule 1 (`Not A Name`)
    "#);
}

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

#[test]
fn duplicates() {
    let more = SERVICES.trim_end_matches("---\n");
    let files = [("a.yaml", SERVICES), ("b.yaml", more)];
    insta::assert_snapshot!(refused_files(&files).render(Style::Plain), @r"
    error: there are two Services named shop/payments
      ╭▸ b.yaml:3:19
      │
    3 │ metadata: { name: payments, namespace: shop }
      │                   ━━━━━━━━ named again here
      │
      ⸬  a.yaml:3:19
      │
    3 │ metadata: { name: payments, namespace: shop }
      │                   ──────── first named here
      ╰╴
    help: remove or rename one of them
    ");
    let text = format!(
        "{}{ROUTE}    - name: a
      matches: [{{ headers: [{{ name: X, value: '1' }}, {{ name: x, value: '2' }}] }}]
      filters:
        - {{ type: RequestHeaderModifier, requestHeaderModifier: {{ set: [{{ name: y, value: '1' }}], remove: [Y] }} }}
        - {{ type: RequestHeaderModifier, requestHeaderModifier: {{}} }}
      backendRefs: [{{ name: payments, port: 80 }}]
    - {{ name: a, backendRefs: [{{ name: payments, port: 80 }}] }}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{ name: one, namespace: shop }}
spec: {{ host: payments }}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{ name: two, namespace: web }}
spec: {{ host: payments.shop.svc }}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{ name: one, namespace: shop }}
spec: {{ mtls: {{ mode: STRICT }} }}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{ name: two, namespace: shop }}
spec: {{ mtls: {{ mode: PERMISSIVE }} }}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{ name: none, namespace: shop }}
spec: {{ selector: {{ matchLabels: {{}} }} }}
",
        SERVICES.replace("[{ port: 80 }]", "[{ name: a, port: 80 }, { name: a, port: 80 }, { port: 81 }]")
    );
    insta::assert_snapshot!(mistakes(&text), @r"
    error: there are two ports named `a`
      ╭▸ rules.yaml:4:48
      │
    4 │ spec: { ports: [{ name: a, port: 80 }, { name: a, port: 80 }, { port: 81 }] }
      │                         ─ first given here     ━ given again here
      │
      ╰ in Service shop/payments
    help: remove or change one of them

    error: there are two ports `80`
      ╭▸ rules.yaml:4:57
      │
    4 │ spec: { ports: [{ name: a, port: 80 }, { name: a, port: 80 }, { port: 81 }] }
      │                                  ── first given here    ━━ given again here
      │
      ╰ in Service shop/payments
    help: remove or change one of them

    error: a port of several needs a name
      ╭▸ rules.yaml:4:63
      │
    4 │ spec: { ports: [{ name: a, port: 80 }, { name: a, port: 80 }, { port: 81 }] }
      │                                                               ━━━━━━━━━━━━ has no name
      │
      ╰ in Service shop/payments
    help: add `name:`

    error: there are two conditions on `x`
       ╭▸ rules.yaml:13:62
       │
    13 │       matches: [{ headers: [{ name: X, value: '1' }, { name: x, value: '2' }] }]
       │                                     ─ first given here       ━ given again here
       │
       ╰ in HTTPRoute shop/checkout, rule 1 (`a`)
    help: remove or change one of them

    error: there are two changes of header `y`
       ╭▸ rules.yaml:15:108
       │
    15 │         - { type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: y, value: '1' }], remove: [Y] } }
       │                                                                                 ─ first given here         ━ given again here
       │
       ╰ in HTTPRoute shop/checkout, rule 1 (`a`)
    help: remove or change one of them

    error: there are two filters of type `RequestHeaderModifier`
       ╭▸ rules.yaml:16:19
       │
    15 │         - { type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: y, value: '1' }], remove: [Y] } }
       │                   ───────────────────── first given here
    16 │         - { type: RequestHeaderModifier, requestHeaderModifier: {} }
       │                   ━━━━━━━━━━━━━━━━━━━━━ given again here
       │
       ╰ in HTTPRoute shop/checkout, rule 1 (`a`)
    help: remove or change one of them

    error: there are two rules named `a`
       ╭▸ rules.yaml:18:15
       │
    12 │     - name: a
       │             ─ first given here
       ┆
    18 │     - { name: a, backendRefs: [{ name: payments, port: 80 }] }
       │               ━ given again here
       │
       ╰ in HTTPRoute shop/checkout, rule 2 (`a`)
    help: remove or change one of them

    error: two DestinationRules are for Service shop/payments
       ╭▸ rules.yaml:28:15
       │
    23 │ spec: { host: payments }
       │               ──────── the first one
       ┆
    28 │ spec: { host: payments.shop.svc }
       │               ━━━━━━━━━━━━━━━━━ another one
       │
       ╰ in DestinationRule web/two
    help: merge them into one

    error: two PeerAuthentications are for all of namespace `shop`
       ╭▸ rules.yaml:37:19
       │
    32 │ metadata: { name: one, namespace: shop }
       │                   ─── the first one
       ┆
    37 │ metadata: { name: two, namespace: shop }
       │                   ━━━ another one
       │
       ╰ in PeerAuthentication shop/two
    help: keep one of the two, or give one a selector of its own

    error: the selector names no label
       ╭▸ rules.yaml:43:19
       │
    43 │ spec: { selector: { matchLabels: {} } }
       │                   ━━━━━━━━━━━━━━━━━━━ chooses nothing in particular
       │
       ╰ in PeerAuthentication shop/none
    help: name a label, or remove the selector to choose the whole namespace
    ");
}

#[test]
fn deadlines_that_cannot_hold() {
    let rule = "      timeouts: { request: 1s, backendRequest: 1500ms }\n";
    insta::assert_snapshot!(mistakes_in_rule(rule), @r"
    error: backendRequest 1s500ms is longer than request 1s
       ╭▸ rules.yaml:13:48
       │
    13 │       timeouts: { request: 1s, backendRequest: 1500ms }
       │                            ┬─                  ━━━━━━ one attempt
       │                            │
       │                            all attempts together
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: make `backendRequest` at most as long as `request`
    ");
    let endless = format!(
        "{SERVICES}{ROUTE}    - backendRefs: [{{ name: payments, port: 80 }}]\n      timeouts: {{ request: 0s, backendRequest: 1s }}\n"
    );
    assert!(load(rule_files(&[("rules.yaml", &endless)]), Admission::Enforce).is_ok());
}

#[test]
fn paths_and_regular_expressions() {
    let rule = "      matches:
        - path: { value: charge }
        - path: { value: /a//b }
        - path: { value: /a/../b }
        - path: { value: /a%2Fb }
        - path: { type: Exact, value: '/a?b' }
        - path: { type: RegularExpression, value: '/(a' }
        - headers: [{ type: RegularExpression, name: x, value: '(?=a)' }]
        - queryParams: [{ type: RegularExpression, name: x, value: '[a-z]{9999}{9}' }]
";
    insta::assert_snapshot!(mistakes_in_rule(rule), @r"
    error: the path `charge` must begin with `/`
       ╭▸ rules.yaml:14:26
       │
    14 │         - path: { value: charge }
       │                          ━━━━━━ must begin with `/`
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: write a path without its query, such as `/orders`, percent-encoded where needed

    error: the path `/a//b` must not have empty elements (`//`)
       ╭▸ rules.yaml:15:26
       │
    15 │         - path: { value: /a//b }
       │                          ━━━━━ must not have empty elements (`//`)
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: write a path without its query, such as `/orders`, percent-encoded where needed

    error: the path `/a/../b` must not have the elements `.` and `..`
       ╭▸ rules.yaml:16:26
       │
    16 │         - path: { value: /a/../b }
       │                          ━━━━━━━ must not have the elements `.` and `..`
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: write a path without its query, such as `/orders`, percent-encoded where needed

    error: the path `/a%2Fb` must not have an encoded slash (`%2f`)
       ╭▸ rules.yaml:17:26
       │
    17 │         - path: { value: /a%2Fb }
       │                          ━━━━━━ must not have an encoded slash (`%2f`)
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: write a path without its query, such as `/orders`, percent-encoded where needed

    error: the path `/a?b` has a character that a path cannot have
       ╭▸ rules.yaml:18:39
       │
    18 │         - path: { type: Exact, value: '/a?b' }
       │                                       ━━━━━━ has a character that a path cannot have
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: write a path without its query, such as `/orders`, percent-encoded where needed

    error: the regular expression `/(a` cannot be used: unclosed group
       ╭▸ rules.yaml:19:51
       │
    19 │         - path: { type: RegularExpression, value: '/(a' }
       │                                                   ━━━━━ unclosed group
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: use RE2 syntax, without look-around and back-references

    error: the regular expression `(?=a)` cannot be used: look-around, including look-ahead and look-behind, is not supported
       ╭▸ rules.yaml:20:64
       │
    20 │         - headers: [{ type: RegularExpression, name: x, value: '(?=a)' }]
       │                                                                ━━━━━━━ look-around, including look-ahead and look-behind, is not supported
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: use RE2 syntax, without look-around and back-references

    error: the regular expression `[a-z]{9999}{9}` cannot be used: it takes more than 64 KiB
       ╭▸ rules.yaml:21:68
       │
    21 │         - queryParams: [{ type: RegularExpression, name: x, value: '[a-z]{9999}{9}' }]
       │                                                                    ━━━━━━━━━━━━━━━━ it takes more than 64 KiB
       │
       ╰ in HTTPRoute shop/checkout, rule 1
    help: use RE2 syntax, without look-around and back-references
    ");
}

#[test]
fn limits() {
    let matches = "{ method: GET }, ".repeat(65);
    let rules = format!(
        "    - {{ matches: [{}], backendRefs: [{{ name: payments, port: 80, weight: 1000001 }}] }}\n",
        matches
    );
    let many = "    - { backendRefs: [{ name: payments, port: 80 }] }\n".repeat(16);
    insta::assert_snapshot!(summary(&format!("{SERVICES}{ROUTE}{rules}{many}")), @r"
    rules.yaml:12:5: `rules` must have at most 16 items, not 17
    rules.yaml:12:18: `matches` must have at most 64 items, not 65
    rules.yaml:12:1177: `weight` must be a whole number from 0 to 1000000, not the number `1000001`
    ");
    let rule = format!(
        "    - {{ matches: [{}], backendRefs: [{{ name: payments, port: 80 }}] }}\n",
        "{ method: GET }, ".repeat(60)
    );
    insta::assert_snapshot!(summary(&format!("{SERVICES}{ROUTE}{}", rule.repeat(3))), @"rules.yaml:12:5: a route can have 128 matches in all, not 180 (split the route in two)");
}

/// The mistakes in one line each.
fn summary(text: &str) -> String {
    let records = refused(text).records();
    let lines: Vec<String> = records.iter().map(|record| record.to_string()).collect();
    lines.join("\n")
}

#[test]
fn a_mistake_as_data_names_its_place() {
    let text = format!("{SERVICES}{ROUTE}    - backendRefs: [{{ name: paiments, port: 80 }}]\n");
    insta::assert_snapshot!(serde_json::to_string_pretty(&refused(&text)).expect("JSON"), @r#"
    [
      {
        "severity": "error",
        "message": "there is no Service shop/paiments",
        "file": "rules.yaml",
        "line": 12,
        "column": 29,
        "label": "refers to nothing",
        "context": "HTTPRoute shop/checkout, rule 1",
        "help": "did you mean `shop/payments`? otherwise add a Service shop/paiments"
      }
    ]
    "#);
}

proptest! {
    /// Whatever is cut out of a sound file, or put into it, it is read or refused with a place.
    #[test]
    fn no_damage_makes_the_loader_panic(at in 0usize..3000, length in 0usize..40, insert in "[-a-z0-9:{}\\[\\]'\" \n]{0,6}") {
        let sound = include_str!("files/shop.yaml");
        let at = at.min(sound.len());
        let end = (at + length).min(sound.len());
        let text = format!("{}{insert}{}", &sound[..at], &sound[end..]);
        if let Err(diagnostics) = load(rule_files(&[("rules.yaml", &text)]), Admission::Enforce) {
            prop_assert!(diagnostics.has_errors());
            prop_assert!(diagnostics.records().iter().all(|record| record.file == "rules.yaml" && record.line > 0));
            prop_assert!(!diagnostics.render(Style::Coloured).is_empty());
        }
    }
}

#[test]
fn services_that_disagree_about_one_application() {
    let text = "
apiVersion: v1
kind: Service
metadata: { name: api }
spec: { selector: { app: payments }, ports: [{ port: 80, appProtocol: grpc }] }
---
apiVersion: v1
kind: Service
metadata: { name: payments }
spec:
  ports:
    - { name: rpc, port: 80, appProtocol: kubernetes.io/h2c }
    - { name: web, port: 81 }
---
apiVersion: v1
kind: Service
metadata: { name: elsewhere, namespace: bank }
spec: { selector: { app: payments }, ports: [{ port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: nobody }
spec: { selector: { app: payments, version: v9 }, ports: [{ port: 80 }] }
";
    insta::assert_snapshot!(mistakes(text), @r"
    error: workloads of `app: payments` cannot speak two versions of HTTP on their one port
       ╭▸ rules.yaml:13:7
       │
     5 │ spec: { selector: { app: payments }, ports: [{ port: 80, appProtocol: grpc }] }
       │                                                                       ──── HTTP/2
       ┆
    13 │     - { name: web, port: 81 }
       │       ━━━━━━━━━━━━━━━━━━━━━━━ HTTP/1.1, the default
       │
       ╰ in Service default/payments
    help: give both the same `appProtocol`
    ");
}

/// A policy of namespace `shop`, with the rest of its `spec`.
fn policy(name: &str, spec: &str) -> String {
    format!(
        "---
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackendTrafficPolicy
metadata: {{ name: {name}, namespace: shop }}
spec:
{spec}"
    )
}

#[test]
fn policies_with_fields_and_values_that_cannot_be() {
    let text = SERVICES.to_owned()
        + &policy(
            "fields",
            "  targetRefs: [{ group: apps, kind: Deployment, name: payments, sectionName: http }]
  retryConstraint:
    budget: { percent: 101, intervall: 10s }
    minRetryRate: { count: 0, interval: 1.5s }
  sessionPersistence: {}
",
        )
        + &policy("nowhere", "  targetRefs: []\n")
        + &policy(
            "intervals",
            "  targetRefs: [{ group: '', kind: Service, name: payments }]
  retryConstraint: { budget: { interval: 999ms }, minRetryRate: { interval: 1h1ms } }
",
        );
    insta::assert_snapshot!(mistakes(&text), @r#"
    error: unknown value `apps` for `group`
       ╭▸ rules.yaml:11:25
       │
    11 │   targetRefs: [{ group: apps, kind: Deployment, name: payments, sectionName: http }]
       │                         ━━━━ expected `""`
       │
       ╰ in XBackendTrafficPolicy shop/fields

    error: unknown value `Deployment` for `kind`
       ╭▸ rules.yaml:11:37
       │
    11 │   targetRefs: [{ group: apps, kind: Deployment, name: payments, sectionName: http }]
       │                                     ━━━━━━━━━━ expected `Service`
       │
       ╰ in XBackendTrafficPolicy shop/fields

    error: unknown field `sectionName`
       ╭▸ rules.yaml:11:65
       │
    11 │   targetRefs: [{ group: apps, kind: Deployment, name: payments, sectionName: http }]
       │                                                                 ━━━━━━━━━━━ `targetRefs[0]` has `group`, `kind` and `name`
       │
       ╰ in XBackendTrafficPolicy shop/fields

    error: `percent` must be a whole number from 0 to 100, not the number `101`
       ╭▸ rules.yaml:13:24
       │
    13 │     budget: { percent: 101, intervall: 10s }
       │                        ━━━ expected a whole number from 0 to 100
       │
       ╰ in XBackendTrafficPolicy shop/fields

    error: unknown field `intervall`
       ╭▸ rules.yaml:13:29
       │
    13 │     budget: { percent: 101, intervall: 10s }
       │                             ━━━━━━━━━ `budget` has `percent` and `interval`
       │
       ╰ in XBackendTrafficPolicy shop/fields
    help: did you mean `interval`?

    error: `count` must be a whole number from 1 to 1000000, not the number `0`
       ╭▸ rules.yaml:14:28
       │
    14 │     minRetryRate: { count: 0, interval: 1.5s }
       │                            ━ expected a whole number from 1 to 1000000
       │
       ╰ in XBackendTrafficPolicy shop/fields

    error: `interval` must be a duration (GEP-2257) such as `250ms` or `1m30s`, not the text `1.5s`
       ╭▸ rules.yaml:14:41
       │
    14 │     minRetryRate: { count: 0, interval: 1.5s }
       │                                         ━━━━ expected a duration (GEP-2257) such as `250ms` or `1m30s`
       │
       ╰ in XBackendTrafficPolicy shop/fields

    error: `sessionPersistence` is not supported yet
       ╭▸ rules.yaml:15:3
       │
    15 │   sessionPersistence: {}
       │   ━━━━━━━━━━━━━━━━━━
       │
       ╰ in XBackendTrafficPolicy shop/fields

    error: `targetRefs` must have at least 1 item, not 0
       ╭▸ rules.yaml:21:15
       │
    21 │   targetRefs: []
       │               ━━ expected at least 1 item
       │
       ╰ in XBackendTrafficPolicy shop/nowhere

    error: the interval of `budget` cannot be 999ms
       ╭▸ rules.yaml:28:42
       │
    28 │   retryConstraint: { budget: { interval: 999ms }, minRetryRate: { interval: 1h1ms } }
       │                                          ━━━━━ out of range
       │
       ╰ in XBackendTrafficPolicy shop/intervals
    help: write an interval from 1s to 1h

    error: the interval of `minRetryRate` cannot be 1h1ms
       ╭▸ rules.yaml:28:77
       │
    28 │   retryConstraint: { budget: { interval: 999ms }, minRetryRate: { interval: 1h1ms } }
       │                                                                             ━━━━━ out of range
       │
       ╰ in XBackendTrafficPolicy shop/intervals
    help: write an interval from 1s to 1h
    "#);
}

#[test]
fn policies_that_contradict_each_other_or_lead_nowhere() {
    let text = SERVICES.to_owned()
        + &policy(
            "one",
            "  targetRefs:
    - { group: '', kind: Service, name: payments }
    - { group: '', kind: Service, name: paymints }
    - { group: '', kind: Service, name: payments }
",
        )
        + &policy(
            "two",
            "  targetRefs: [{ group: '', kind: Service, name: payments }]\n",
        );
    insta::assert_snapshot!(mistakes(&text), @r"
    error: there is no Service shop/paymints
       ╭▸ rules.yaml:13:41
       │
    13 │     - { group: '', kind: Service, name: paymints }
       │                                         ━━━━━━━━ refers to nothing
       │
       ╰ in XBackendTrafficPolicy shop/one
    help: did you mean `shop/payments`? otherwise add a Service shop/paymints

    error: there are two targets named `payments`
       ╭▸ rules.yaml:14:41
       │
    12 │     - { group: '', kind: Service, name: payments }
       │                                         ──────── first given here
    13 │     - { group: '', kind: Service, name: paymints }
    14 │     - { group: '', kind: Service, name: payments }
       │                                         ━━━━━━━━ given again here
       │
       ╰ in XBackendTrafficPolicy shop/one
    help: remove or change one of them

    error: the XBackendTrafficPolicies shop/one and shop/two are both for Service shop/payments
       ╭▸ rules.yaml:20:50
       │
    12 │     - { group: '', kind: Service, name: payments }
       │                                         ──────── the first one
       ┆
    20 │   targetRefs: [{ group: '', kind: Service, name: payments }]
       │                                                  ━━━━━━━━ another one
       │
       ╰ in XBackendTrafficPolicy shop/two
    help: merge them into one, or remove this target
    ");
}
