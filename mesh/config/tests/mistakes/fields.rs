//! Fields, kinds and values that there are not, or that are not supported.

use crate::{mistakes, mistakes_in_rule};

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
    help: the supported kinds are `v1 Service`, `v1 Secret`, `gateway.networking.k8s.io/v1 Gateway`, `gateway.networking.k8s.io/v1 HTTPRoute`, `security.istio.io/v1 PeerAuthentication`, `security.istio.io/v1 RequestAuthentication`, `security.istio.io/v1 AuthorizationPolicy`, `networking.istio.io/v1 DestinationRule`, `gateway.networking.x-k8s.io/v1alpha1 XBackendTrafficPolicy` and `gateway.envoyproxy.io/v1alpha1 BackendTrafficPolicy`

    error: `kind` must be text
       ╭▸ rules.yaml:10:7
       │
    10 │ kind: 3
       │       ━
       ╰╴
    help: the supported kinds are `v1 Service`, `v1 Secret`, `gateway.networking.k8s.io/v1 Gateway`, `gateway.networking.k8s.io/v1 HTTPRoute`, `security.istio.io/v1 PeerAuthentication`, `security.istio.io/v1 RequestAuthentication`, `security.istio.io/v1 AuthorizationPolicy`, `networking.istio.io/v1 DestinationRule`, `gateway.networking.x-k8s.io/v1alpha1 XBackendTrafficPolicy` and `gateway.envoyproxy.io/v1alpha1 BackendTrafficPolicy`

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
  useDefaultGateways: All
  parentRefs: [{ group: core, kind: Gatway, name: front }]
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

    error: `useDefaultGateways` is not supported: name the gateway in `parentRefs`
       ╭▸ rules.yaml:16:3
       │
    16 │   useDefaultGateways: All
       │   ━━━━━━━━━━━━━━━━━━
       │
       ╰ in HTTPRoute default/checkout

    error: `core` is not supported: the group of a Service is written `""`
       ╭▸ rules.yaml:17:25
       │
    17 │   parentRefs: [{ group: core, kind: Gatway, name: front }]
       │                         ━━━━
       │
       ╰ in HTTPRoute default/checkout

    error: unknown value `Gatway` for `kind`
       ╭▸ rules.yaml:17:37
       │
    17 │   parentRefs: [{ group: core, kind: Gatway, name: front }]
       │                                     ━━━━━━ expected `Gateway` or `Service`
       │
       ╰ in HTTPRoute default/checkout
    help: did you mean `Gateway`?

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
