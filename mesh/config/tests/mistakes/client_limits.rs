//! Envoy Gateway's `BackendTrafficPolicy`.

use crate::{mistakes, summary};

const GATEWAY: &str = "\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: front, namespace: shop }
spec: { gatewayClassName: hallway, listeners: [{ name: http, port: 80, protocol: HTTP }] }
";

/// A policy of namespace `shop`, with the rest of its `spec`.
fn policy(name: &str, spec: &str) -> String {
    format!(
        "---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {{ name: {name}, namespace: shop }}
spec:{spec}"
    )
}

#[test]
fn fields_and_values_that_cannot_be() {
    let text = policy(
        "fields",
        "
  targetRefs: [{ group: '', kind: HTTPRoute, name: front, sectionName: http }]
  targetRef: {}
  retry: {}
  rateLimit:
    type: Global
    global: {}
    local:
      rules:
        - { clientSelectors: [], limit: { requests: 0, unit: Day }, shared: true, cost: {} }
        - { clientSelectors: [{ headers: [] }, { sourceCIDR: { value: 0.0.0.0/0 } }], limit: { requests: 1 } }
        - { clientSelectors: [{ sourceCIDR: { type: Exact, value: localhost } }], limit: { requests: 1, unit: Second } }
  requestBuffer: { limit: 64KB }
",
    ) + &policy("no-limits", "\n  targetRefs: []\n  rateLimit: { type: Local }\n  requestBuffer: { limit: 0 }\n");
    insta::assert_snapshot!(summary(&text), @r#"
    rules.yaml:6:25: unknown value `""` for `group`
    rules.yaml:6:35: `HTTPRoute` is not supported: a policy is for a whole Gateway
    rules.yaml:6:59: `sectionName` is not supported: a policy is for a whole gateway
    rules.yaml:7:3: `targetRef` is not supported: write `targetRefs`
    rules.yaml:8:3: `retry` is not supported: write `retry` in the HTTPRoute
    rules.yaml:10:11: `Global` is not supported: each proxy counts for itself; use `Local`
    rules.yaml:11:5: `global` is not supported: each proxy counts for itself; use `local`
    rules.yaml:14:30: `clientSelectors` must have at least 1 item, not 0
    rules.yaml:14:53: `requests` must be a whole number from 1 to 4294967295, not the number `0`
    rules.yaml:14:62: `Day` is not supported: a proxy forgets its counters when it starts again; use `Hour`
    rules.yaml:14:69: `shared` is not supported: each route has counters of its own
    rules.yaml:14:83: `cost` is not supported: a request counts once
    rules.yaml:15:30: `clientSelectors` must have at most 1 item, not 2
    rules.yaml:15:31: missing field `sourceCIDR` (add `sourceCIDR:` with a mapping of fields)
    rules.yaml:15:33: `headers` is not supported: whoever sends a header can send another one
    rules.yaml:15:50: missing field `type`
    rules.yaml:15:87: missing field `unit` (add `unit:` with `Second`, `Minute` or `Hour`)
    rules.yaml:16:53: `Exact` is not supported: it is one limit for all of them together; use `Distinct`
    rules.yaml:16:67: `value` must be an address, `/` and the number of bits that count, such as `0.0.0.0/0`, not the text `localhost`
    rules.yaml:17:27: `limit` must be a number of bytes such as `64Ki` or `1M`, not the text `64KB`
    rules.yaml:23:15: `targetRefs` must have at least 1 item, not 0
    rules.yaml:24:3: missing field `local` (add `local:` with a mapping of fields)
    rules.yaml:25:27: `limit` must be a number of bytes such as `64Ki` or `1M`, not the number `0`
    "#);
    let block = |value: &str| {
        let limit = format!(
            "{{ clientSelectors: [{{ sourceCIDR: {{ type: Distinct, value: {value} }} }}], limit: {{ requests: 1, unit: Hour }} }}"
        );
        GATEWAY.to_owned()
            + &policy(
                "block",
                &format!(
                    "\n  targetRefs: [{{ group: gateway.networking.k8s.io, kind: Gateway, name: front }}]\n  rateLimit: {{ type: Local, local: {{ rules: [{limit}] }} }}\n"
                ),
            )
    };
    insta::assert_snapshot!(mistakes(&block("10.0.0.0/33")), @r"
    error: `10.0.0.0/33` is no block of addresses: expected an address, `/` and the number of bits that count, such as `0.0.0.0/0` or `10.0.0.0/8`
       ╭▸ rules.yaml:11:80
       │
    11 │   rateLimit: { type: Local, local: { rules: [{ clientSelectors: [{ sourceCIDR: { type: Distinct, value: 10.0.0.0/33 } }], limit: { req…
       │                                                                                ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
       │
       ╰ in BackendTrafficPolicy shop/block
    ");
    insta::assert_snapshot!(summary(&policy("large", "\n  targetRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: front }]\n  requestBuffer: { limit: 999999999Ti }\n")), @r"rules.yaml:7:27: `999999999Ti` is not a number of bytes: write a whole number from 1, alone or with `k`, `Ki`, `M`, `Mi`, `G`, `Gi` or `Ti`");
}

#[test]
fn policies_that_contradict_each_other_or_lead_nowhere() {
    let targets = |names: &[&str]| {
        let targets: Vec<String> = names
            .iter()
            .map(|name| format!("{{ group: gateway.networking.k8s.io, kind: Gateway, name: {name} }}"))
            .collect();
        format!("\n  targetRefs: [{}]\n", targets.join(", "))
    };
    let text = GATEWAY.to_owned()
        + &policy("one", &targets(&["front", "front"]))
        + &policy("two", &targets(&["fornt", "front"]));
    insta::assert_snapshot!(mistakes(&text), @r"
    error: there are two targets named `front`
       ╭▸ rules.yaml:10:139
       │
    10 │ … kind: Gateway, name: front }, { group: gateway.networking.k8s.io, kind: Gateway, name: front }]
       │                        ───── first given here                                            ━━━━━ given again here
       │
       ╰ in BackendTrafficPolicy shop/one
    help: remove or change one of them

    error: there is no Gateway shop/fornt
       ╭▸ rules.yaml:16:73
       │
    16 │   targetRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: fornt }, { group: gateway.networking.k8s.io, kind: Gateway, na…
       │                                                                         ━━━━━ refers to nothing
       │
       ╰ in BackendTrafficPolicy shop/two
    help: did you mean `shop/front`? otherwise add a Gateway shop/fornt

    error: the BackendTrafficPolicies shop/one and shop/two are both for Gateway shop/front
       ╭▸ rules.yaml:16:139
       │
    10 │ …io, kind: Gateway, name: front }, { group: gateway.networking.k8s.io, kind: Gateway, name: front }]
       │                           ───── the first one
       ┆
    16 │ …io, kind: Gateway, name: fornt }, { group: gateway.networking.k8s.io, kind: Gateway, name: front }]
       │                                                                                             ━━━━━ another one
       │
       ╰ in BackendTrafficPolicy shop/two
    help: merge them into one, or remove this target
    ");
}
