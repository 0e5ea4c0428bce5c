//! Request authentication and authorization policies: for whom they are, and what becomes of them.

use hallway_config::Admission;
use hallway_model::AuthorizationPolicy;

use super::{PAYMENTS, resources, workload};
use crate::translate::inbound;

/// The policies of the workload `app` of `namespace` under these rules.
fn policies(rules: &str, namespace: &str, app: &str) -> Vec<AuthorizationPolicy> {
    let resources = resources(&format!("{PAYMENTS}{rules}"), Admission::Warn);
    let inbound = inbound(&resources, &workload(namespace, app, 1, true));
    inbound.expect("it has an endpoint").authorization
}

fn policy(name: &str, namespace: &str, app: &str) -> String {
    let selector = match app {
        "" => String::new(),
        app => format!("selector: {{ matchLabels: {{ app: {app} }} }}, "),
    };
    format!(
        "---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{ name: {name}, namespace: {namespace} }}
spec: {{ {selector}rules: [{{}}] }}
"
    )
}

#[test]
fn all_policies_that_are_for_a_workload_count() {
    let rules = [
        policy("mesh", "hallway-system", ""),
        policy("from-root", "hallway-system", "payments"),
        policy("namespace", "shop", ""),
        policy("own", "shop", "payments"),
        policy("orders", "shop", "orders"),
        policy("other", "bank", ""),
        policy("other-payments", "bank", "payments"),
    ]
    .concat();
    let names = |namespace, app| {
        let policies = policies(&rules, namespace, app);
        let names = policies.into_iter().flat_map(|policy| policy.rules);
        names.map(|rule| rule.name).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        names("shop", "payments"),
        "hallway-system/from-root#1 hallway-system/mesh#1 shop/namespace#1 shop/own#1"
    );
    assert_eq!(
        names("shop", "orders"),
        "hallway-system/mesh#1 shop/namespace#1 shop/orders#1"
    );
    assert_eq!(
        names("bank", "payments"),
        "bank/other#1 bank/other-payments#1 hallway-system/from-root#1 hallway-system/mesh#1"
    );
    assert_eq!(names("far", "away"), "hallway-system/mesh#1");
}

#[test]
fn everything_that_a_policy_can_say_arrives() {
    let rules = r#"---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: need-to-know, namespace: shop }
spec:
  action: DENY
  rules:
    - from:
        - source: { principals: [cluster.local/ns/shop/sa/orders, cluster.local/ns/a*, cluster.localhost/ns/a/sa/b, "*/sa/web"] }
        - source: { notPrincipals: [cluster.local/ns/shop/sa/x, "*"], namespaces: [shop], notNamespaces: ["ads*"], requestPrincipals: ["*"] }
        - source: { notRequestPrincipals: [https://issuer.test/bob] }
      to:
        - operation: { methods: [GET], notMethods: ["P*"], paths: [/charge], notPaths: ["*.css"] }
    - {}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: nothing, namespace: shop }
spec: {}
"#;
    let policies = policies(rules, "shop", "payments");
    insta::assert_snapshot!(serde_json::to_string_pretty(&policies).expect("plain data"));
}

#[test]
fn the_rules_of_all_request_authentications_that_are_for_a_workload_count() {
    let policy = |name: &str, namespace: &str, rest: &str| {
        format!(
            r#"---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {{ name: {name}, namespace: {namespace} }}
spec:
  jwtRules:
    - issuer: https://{name}.test
      jwks: '{{ "keys": [{{ "kty": "OKP", "crv": "Ed25519", "x": "rymdJNFXPWbjsCmey6O67CHeAQRMuCuqDENWHcpxDfI" }}] }}'{rest}
"#
        )
    };
    let rest = "
      audiences: [shop]
      forwardOriginalToken: true
      fromHeaders: [{ name: X-Token, prefix: JWT }]";
    let rules = PAYMENTS.to_owned()
        + &policy("mesh", "hallway-system", "")
        + &policy("own", "shop", rest)
        + &policy("other", "bank", "");
    let resources = resources(&rules, Admission::Enforce);
    let inbound = inbound(&resources, &workload("shop", "payments", 1, true)).expect("it has an endpoint");
    insta::assert_snapshot!(serde_json::to_string_pretty(&inbound.authentication).expect("plain data"));
}
