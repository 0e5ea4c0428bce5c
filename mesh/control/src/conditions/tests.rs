use std::collections::BTreeMap;

use hallway_config::{Admission, NamespacedName, Resources, RuleFile, load};

use super::{Progress, gateways, routes};
use crate::api::{Condition, ConditionStatus};

const RULES: &str = "
apiVersion: v1
kind: Service
metadata: { name: payments, namespace: shop }
spec: { ports: [{ port: 80 }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: front, namespace: shop }
spec:
  gatewayClassName: hallway
  listeners:
    - { name: http, port: 80, protocol: HTTP, hostname: shop.test }
    - { name: https, port: 443, protocol: HTTPS, tls: { certificateRefs: [{ name: gone }] } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: good, namespace: shop }
spec:
  parentRefs: [{ name: front }, { group: '', kind: Service, name: payments, port: 80 }]
  rules: [{ backendRefs: [{ name: payments, port: 80 }] }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: lost, namespace: shop }
spec:
  parentRefs:
    - { name: front, sectionName: http }
    - { name: front, port: 81 }
    - { name: gone }
    - { name: front, namespace: bank }
  hostnames: [other.test]
  rules: [{ backendRefs: [{ name: payments, port: 80 }, { name: payments, namespace: bank, port: 80 }] }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: stranger, namespace: bank }
spec:
  parentRefs: [{ name: front, namespace: shop }]
  rules: [{ backendRefs: [{ name: teller, port: 80 }] }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: unheard, namespace: shop }
spec:
  parentRefs: [{ group: '', kind: Service, name: payments, port: 81 }, { group: '', kind: Service, name: gone }]
  rules: [{ backendRefs: [{ name: payments, port: 81 }] }]
";

fn resources() -> Resources {
    let file = RuleFile {
        name: "rules.yaml".to_owned(),
        text: RULES.to_owned(),
    };
    load(vec![file], Admission::Warn)
        .unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
        .resources
}

fn line(conditions: &[Condition]) -> String {
    let words = |condition: &Condition| {
        let Condition {
            condition_type,
            reason,
            message,
            ..
        } = condition;
        match (condition.status, message.as_str()) {
            (ConditionStatus::True, _) => format!("{condition_type:?}"),
            (ConditionStatus::False, "") => format!("not {condition_type:?}: {reason}"),
            (ConditionStatus::False, message) => format!("not {condition_type:?}: {reason} ({message})"),
        }
    };
    conditions.iter().map(words).collect::<Vec<_>>().join(", ")
}

#[test]
fn a_route_is_told_at_each_parent_why_it_is_not_taken() {
    let lines: Vec<String> = routes(&resources())
        .iter()
        .flat_map(|(route, parents)| {
            parents
                .iter()
                .map(move |status| format!("{route} at {}: {}", status.parent, line(&status.conditions)))
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    bank/stranger at Gateway shop/front: not Accepted: NotAllowedByListeners, not ResolvedRefs: BackendNotFound (there is no Service bank/teller)
    shop/good at Gateway shop/front: Accepted, ResolvedRefs
    shop/good at Service shop/payments:80: Accepted, ResolvedRefs
    shop/lost at Gateway shop/front/http: not Accepted: NoMatchingListenerHostname, not ResolvedRefs: RefNotPermitted (no ReferenceGrant allows a reference to Service bank/payments)
    shop/lost at Gateway shop/front:81: not Accepted: NoMatchingParent, not ResolvedRefs: RefNotPermitted (no ReferenceGrant allows a reference to Service bank/payments)
    shop/lost at Gateway shop/gone: not Accepted: NoMatchingParent (there is no Gateway shop/gone), not ResolvedRefs: RefNotPermitted (no ReferenceGrant allows a reference to Service bank/payments)
    shop/lost at Gateway bank/front: not Accepted: NoMatchingParent (there is no Gateway bank/front), not ResolvedRefs: RefNotPermitted (no ReferenceGrant allows a reference to Service bank/payments)
    shop/unheard at Service shop/payments:81: not Accepted: NoMatchingParent (Service shop/payments has no port 81), not ResolvedRefs: BackendNotFound (Service shop/payments has no port 81)
    shop/unheard at Service shop/gone: not Accepted: NoMatchingParent (there is no Service shop/gone), not ResolvedRefs: BackendNotFound (Service shop/payments has no port 81)
    ");
}

#[test]
fn a_gateway_is_programmed_when_a_proxy_has_it_in_force() {
    let key = NamespacedName::new("shop", "front");
    for (progress, expected) in [
        (
            None,
            "Accepted, not Programmed: NoResources (no registered workload is this gateway)",
        ),
        (
            Some(Progress::Pending),
            "Accepted, not Programmed: Pending (its proxy has not put it in force yet)",
        ),
        (Some(Progress::InForce), "Accepted, Programmed"),
    ] {
        let progress: BTreeMap<_, _> = progress
            .map(|progress| (key.clone(), progress))
            .into_iter()
            .collect();
        let all = gateways(&resources(), &progress);
        assert_eq!(line(&all["shop/front"].conditions), expected);
    }
    let all = gateways(&resources(), &BTreeMap::from([(key, Progress::InForce)]));
    let listeners: Vec<String> = all["shop/front"]
        .listeners
        .iter()
        .map(|(name, status)| {
            format!(
                "{name}: {} attached, {}",
                status.attached_routes,
                line(&status.conditions)
            )
        })
        .collect();
    insta::assert_snapshot!(listeners.join("\n"), @r"
    http: 1 attached, Accepted, Programmed, ResolvedRefs
    https: 1 attached, Accepted, not Programmed: Invalid (it has no certificate to prove itself with), not ResolvedRefs: InvalidCertificateRef (there is no Secret shop/gone)
    ");
}
