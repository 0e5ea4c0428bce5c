//! `XBackendTrafficPolicy`.

use crate::{SERVICES, mistakes};

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
