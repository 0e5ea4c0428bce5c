//! `AuthorizationPolicy`.

use hallway_config::{Admission, RuleFile, load};
use hallway_yaml::Style;

use crate::{SERVICES, mistakes, summary};

/// Sound services, and a policy of namespace `shop` with this `spec`.
fn policy(spec: &str) -> String {
    format!(
        "{SERVICES}apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{ name: need-to-know, namespace: shop }}
spec:
{spec}"
    )
}

#[test]
fn what_istio_has_and_this_mesh_has_not_is_named() {
    let text = policy(
        "  targetRefs: []
  provider: { name: opa }
  action: AUDIT
  rules:
    - from:
        - source: { ipBlocks: [10.0.0.0/8], remoteIpBlocks: [10.0.0.0/8], serviceAccounts: [orders] }
      to:
        - operation: { hosts: [payments], ports: ['80'] }
      when: [{ key: 'request.headers[x]', values: ['1'] }]
",
    );
    insta::assert_snapshot!(summary(&text));
}

#[test]
fn values_that_cannot_be() {
    let text = policy(
        "  action: allow
  rules:
    - from: []
    - from: [{ source: { principals: [] } }]
    - from: [{ sources: {} }]
    - from: [{ source: { namespaces: ['a*b', '', '**'], principal: [x] } }]
      to: [{ operation: { methods: [get, 'G*T'], paths: [admin, '*a*', '/a/*/b'] } }]
",
    );
    insta::assert_snapshot!(mistakes(&text));
}

#[test]
fn conditions_that_nothing_can_meet() {
    let text = policy(
        "  rules:
    - from:
        - source: { principals: ['spiffe://hallway.test/ns/shop/sa/orders', orders], notPrincipals: [cluster.local/ns/shop/sa] }
      to:
        - operation: { paths: ['/%61dmin', /a?b=1, '/a/../b', '/a//*', '*/./b', '/x\\\\y'], notPaths: ['/..;/admin'] }
    - from: [{ source: {} }]
      to: [{ operation: {} }]
",
    );
    insta::assert_snapshot!(mistakes(&text));
}

#[test]
fn a_policy_that_denies_without_a_rule() {
    insta::assert_snapshot!(mistakes(&policy("  action: DENY\n")), @r"
    error: a policy that denies needs a rule: without one it never matches
       ╭▸ rules.yaml:10:11
       │
    10 │   action: DENY
       │           ━━━━ denies nothing
       │
       ╰ in AuthorizationPolicy shop/need-to-know
    help: add an empty rule, `rules: [{}]`, to deny everything, or remove the policy
    ");
}

#[test]
fn selectors_that_choose_nothing() {
    let text = policy("  selector: { matchLabels: { app: paymints, version: v1 } }\n");
    insta::assert_snapshot!(mistakes(&text), @r"
    error: no Service of namespace `shop` stands for workloads with `app: paymints`
       ╭▸ rules.yaml:10:35
       │
    10 │   selector: { matchLabels: { app: paymints, version: v1 } }
       │                                   ━━━━━━━━ chooses nothing
       │
       ╰ in AuthorizationPolicy shop/need-to-know
    help: did you mean `payments`?

    error: no workload has a label `version`
       ╭▸ rules.yaml:10:54
       │
    10 │   selector: { matchLabels: { app: paymints, version: v1 } }
       │                                                      ━━ chooses nothing
       │
       ╰ in AuthorizationPolicy shop/need-to-know
    help: workloads have one label, `app`, with the name of the application
    ");
    let text = policy("  selector: { matchLabels: {} }\n");
    insta::assert_snapshot!(summary(&text), @"rules.yaml:10:13: the selector names no label (name a label, or remove the selector to choose the whole namespace)");
}

#[test]
fn a_selector_that_leads_nowhere_can_be_let_pass() {
    let text = policy("  selector: { matchLabels: { app: ledger } }\n");
    let file = RuleFile {
        name: "rules.yaml".to_owned(),
        text: text.clone(),
    };
    let loaded = load(vec![file], Admission::Warn).expect("nothing else is wrong");
    insta::assert_snapshot!(loaded.warnings.render(Style::Plain), @r"
    warning: no Service of namespace `shop` stands for workloads with `app: ledger`
       ╭▸ rules.yaml:10:35
       │
    10 │   selector: { matchLabels: { app: ledger } }
       │                                   ━━━━━━ chooses nothing
       │
       ╰ in AuthorizationPolicy shop/need-to-know
    help: name the application of a Service, or add a Service for it
    ");
    // A policy for the whole mesh may choose the workloads of any namespace.
    let from_root = text.replace(
        "name: need-to-know, namespace: shop",
        "name: need-to-know, namespace: hallway-system",
    );
    let from_root = from_root.replace("app: ledger", "app: payments");
    let file = RuleFile {
        name: "rules.yaml".to_owned(),
        text: from_root,
    };
    load(vec![file], Admission::Enforce).expect("payments is a service of another namespace");
}

#[test]
fn a_principal_that_no_request_has() {
    let text = policy("  rules:\n    - from: [{ source: { requestPrincipals: ['*'] } }]\n");
    let warnings = |text: &str| {
        let file = RuleFile {
            name: "rules.yaml".to_owned(),
            text: text.to_owned(),
        };
        load(vec![file], Admission::Enforce)
            .expect("it is only odd")
            .warnings
    };
    insta::assert_snapshot!(warnings(&text).render(Style::Plain));
    let checked = |namespace: &str, selector: &str| {
        format!(
            r#"{text}---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {{ name: customers, namespace: {namespace} }}
spec:
  {selector}jwtRules:
    - issuer: https://issuer.test
      jwks: '{{ "keys": [{{ "kty": "OKP", "crv": "Ed25519", "x": "rymdJNFXPWbjsCmey6O67CHeAQRMuCuqDENWHcpxDfI" }}] }}'
"#
        )
    };
    assert!(warnings(&checked("shop", "")).is_empty());
    assert!(warnings(&checked("hallway-system", "")).is_empty());
    assert!(
        warnings(&checked(
            "shop",
            "selector: { matchLabels: { app: payments } }\n  "
        ))
        .is_empty()
    );
    assert!(!warnings(&checked("bank", "")).is_empty());
}

#[test]
fn paths_that_are_unusual_but_plain() {
    let text = policy(
        "  rules:
    - to: [{ operation: { paths: [/, '/*', '*', '/a/', '/.well-known/*', '/a/..*', '*.css', '/100%', '/a b', /v1;x=1] } }]
",
    );
    let file = RuleFile {
        name: "rules.yaml".to_owned(),
        text,
    };
    load(vec![file], Admission::Enforce).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
}
