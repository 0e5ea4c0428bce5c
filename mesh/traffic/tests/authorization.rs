//! Authorization, by example and against a reference that is written as Istio's documentation says it.

use hallway_model::authorization::{AuthorizationAction, AuthorizationRule, Operation, Source, TextMatch};
use hallway_model::{AuthorizationPolicy, Origin};
use hallway_traffic::authorization::{AuthorizationRequest, Decision, PeerIdentity, decide};
use proptest::prelude::*;

use AuthorizationAction::{Allow, Deny};

/// A condition as rules write it.
fn condition(text: &str) -> TextMatch {
    match (text, text.strip_suffix('*'), text.strip_prefix('*')) {
        ("*", ..) => TextMatch::Present,
        (_, Some(prefix), _) => TextMatch::Prefix(prefix.to_owned()),
        (_, _, Some(suffix)) => TextMatch::Suffix(suffix.to_owned()),
        (exact, ..) => TextMatch::Exact(exact.to_owned()),
    }
}

fn conditions(texts: &[&str]) -> Vec<TextMatch> {
    texts.iter().copied().map(condition).collect()
}

fn principals(texts: &[&str]) -> Source {
    Source {
        principals: conditions(texts),
        ..Source::default()
    }
}

fn not_principals(texts: &[&str]) -> Source {
    Source {
        not_principals: conditions(texts),
        ..Source::default()
    }
}

fn paths(texts: &[&str]) -> Operation {
    Operation {
        paths: conditions(texts),
        ..Operation::default()
    }
}

fn rule(name: &str, from: &[Source], to: &[Operation]) -> AuthorizationRule {
    AuthorizationRule {
        name: name.to_owned(),
        origin: Origin {
            file: "rules.yaml".to_owned(),
            line: 1,
        },
        from: from.to_vec(),
        to: to.to_vec(),
    }
}

fn policy(action: AuthorizationAction, rules: Vec<AuthorizationRule>) -> AuthorizationPolicy {
    AuthorizationPolicy { action, rules }
}

const ORDERS: PeerIdentity<'static> = PeerIdentity {
    principal: "hallway.test/ns/shop/sa/orders",
    namespace: "shop",
};
const MARKETING: PeerIdentity<'static> = PeerIdentity {
    principal: "hallway.test/ns/ads/sa/marketing",
    namespace: "ads",
};

fn get(peer: Option<PeerIdentity<'static>>, path: &'static str) -> AuthorizationRequest<'static> {
    AuthorizationRequest {
        peer,
        request_principal: None,
        method: "GET",
        path,
    }
}

fn passes(policies: &[AuthorizationPolicy], request: &AuthorizationRequest<'_>) -> bool {
    decide(policies, request) == Decision::Allowed
}

#[test]
fn without_policies_everybody_may_do_everything() {
    assert!(passes(&[], &get(None, "/admin")));
}

#[test]
fn an_allow_policy_without_rules_allows_nothing() {
    let nothing = [policy(Allow, vec![])];
    assert_eq!(decide(&nothing, &get(Some(ORDERS), "/")), Decision::NotAllowed);
}

#[test]
fn an_empty_rule_matches_everything() {
    let anything = rule("all", &[], &[]);
    assert!(passes(
        &[policy(Allow, vec![anything.clone()])],
        &get(None, "/admin")
    ));
    let denies = [policy(Deny, vec![anything.clone()])];
    assert_eq!(
        decide(&denies, &get(Some(ORDERS), "/")),
        Decision::Denied(&anything)
    );
}

#[test]
fn a_deny_rule_is_stronger_than_any_allow_rule_whatever_their_order() {
    let all = policy(Allow, vec![rule("all", &[], &[])]);
    let admin = rule("no-admin", &[], &[paths(&["/admin*"])]);
    let policies = [all, policy(Deny, vec![admin.clone()])];
    assert_eq!(
        decide(&policies, &get(Some(ORDERS), "/admin/keys")),
        Decision::Denied(&admin)
    );
    assert!(passes(&policies, &get(Some(ORDERS), "/charge")));
    assert!(
        passes(&policies[1..], &get(Some(ORDERS), "/charge")),
        "nobody asks for permission"
    );
}

#[test]
fn all_parts_of_a_rule_must_hold_and_one_of_each_list() {
    let operation = Operation {
        methods: conditions(&["GET", "HEAD"]),
        paths: conditions(&["/charge", "*.css"]),
        not_paths: conditions(&["/secret*"]),
        ..Operation::default()
    };
    let policies = [policy(
        Allow,
        vec![rule("read", &[principals(&["*/sa/orders"])], &[operation])],
    )];
    for (peer, method, path, expected) in [
        (ORDERS, "GET", "/charge", true),
        (ORDERS, "HEAD", "/a.css", true),
        (MARKETING, "GET", "/charge", false),
        (ORDERS, "POST", "/charge", false),
        (ORDERS, "get", "/charge", false),
        (ORDERS, "GET", "/charge/1", false),
        (ORDERS, "GET", "/secret.css", false),
    ] {
        let request = AuthorizationRequest {
            peer: Some(peer),
            request_principal: None,
            method,
            path,
        };
        assert_eq!(passes(&policies, &request), expected, "{method} {path}");
    }
}

#[test]
fn a_request_without_a_token_has_no_principal() {
    let with = |request_principal| AuthorizationRequest {
        request_principal,
        ..get(Some(ORDERS), "/")
    };
    let demands = |condition: &str| {
        let source = Source {
            request_principals: conditions(&[condition]),
            ..Source::default()
        };
        [policy(Allow, vec![rule("r", &[source], &[])])]
    };
    assert!(passes(
        &demands("https://issuer.test/*"),
        &with(Some("https://issuer.test/ann"))
    ));
    assert!(!passes(
        &demands("https://issuer.test/*"),
        &with(Some("https://evil.test/ann"))
    ));
    assert!(passes(&demands("*"), &with(Some("https://evil.test/ann"))));
    assert!(!passes(&demands("*"), &with(None)));
    let source = Source {
        not_request_principals: conditions(&["*"]),
        ..Source::default()
    };
    let demands = [policy(Deny, vec![rule("r", &[source], &[])])];
    assert!(
        !passes(&demands, &with(None)),
        "this is how Istio says that a token is needed"
    );
    assert!(passes(&demands, &with(Some("https://issuer.test/ann"))));
}

#[test]
fn who_shows_no_identity_gains_nothing_by_it() {
    let stranger = get(None, "/");
    let allows = |source| passes(&[policy(Allow, vec![rule("r", &[source], &[])])], &stranger);
    let denies = |source| !passes(&[policy(Deny, vec![rule("r", &[source], &[])])], &stranger);
    let marketing = "hallway.test/ns/ads/sa/marketing";
    assert!(!allows(principals(&[marketing])));
    assert!(!allows(principals(&["*"])));
    assert!(!allows(not_principals(&[marketing])), "it might be marketing");
    assert!(denies(principals(&[marketing])), "it might be marketing");
    assert!(denies(not_principals(&[marketing])));
    assert!(denies(not_principals(&["*"])), "it is known to have none");
    assert!(!denies(principals(&["*"])), "it is known to have none");
    assert!(
        allows(not_principals(&["*"])),
        "only for those without one, as it says"
    );
    let namespaces = Source {
        not_namespaces: conditions(&["ads"]),
        ..Source::default()
    };
    assert!(!allows(namespaces.clone()));
    assert!(denies(namespaces));
}

/// Whether `text` is what `pattern` says, as Istio's reference has it.
fn says(pattern: &TextMatch, text: &str) -> bool {
    match pattern {
        TextMatch::Exact(exact) => exact.as_bytes() == text.as_bytes(),
        TextMatch::Prefix(prefix) => {
            text.len() >= prefix.len() && text.bytes().zip(prefix.bytes()).all(|(a, b)| a == b)
        }
        TextMatch::Suffix(suffix) => {
            text.len() >= suffix.len() && text.bytes().rev().zip(suffix.bytes().rev()).all(|(a, b)| a == b)
        }
        TextMatch::Present => text.chars().next().is_some(),
    }
}

/// What Istio's documentation says of a request of which everything is known.
fn reference(policies: &[AuthorizationPolicy], request: &AuthorizationRequest<'_>) -> bool {
    let peer = request.peer.expect("it is known");
    let user = request.request_principal.expect("it is known");
    let (method, path) = (request.method, request.path);
    let field =
        |these: &Vec<TextMatch>, text: &str| these.is_empty() || these.iter().any(|this| says(this, text));
    let not_field = |these: &Vec<TextMatch>, text: &str| !these.iter().any(|this| says(this, text));
    let (mut denied, mut allowed, mut has_allow) = (false, false, false);
    for policy in policies {
        has_allow |= policy.action == Allow;
        for rule in &policy.rules {
            let mut from = rule.from.is_empty();
            for source in &rule.from {
                from |= field(&source.principals, peer.principal)
                    && not_field(&source.not_principals, peer.principal)
                    && field(&source.request_principals, user)
                    && not_field(&source.not_request_principals, user)
                    && field(&source.namespaces, peer.namespace)
                    && not_field(&source.not_namespaces, peer.namespace);
            }
            let mut to = rule.to.is_empty();
            for operation in &rule.to {
                to |= field(&operation.methods, method)
                    && not_field(&operation.not_methods, method)
                    && field(&operation.paths, path)
                    && not_field(&operation.not_paths, path);
            }
            match policy.action {
                Deny => denied |= from && to,
                Allow => allowed |= from && to,
            }
        }
    }
    !denied && (!has_allow || allowed)
}

const USERS: [&str; 3] = ["i/ann", "j/ann", "i/bob"];

const PRINCIPALS: [&str; 4] = ["t/ns/a/sa/x", "t/ns/a/sa/y", "t/ns/b/sa/x", "u/ns/b/sa/y"];

fn list(of: &'static [&'static str]) -> impl Strategy<Value = Vec<TextMatch>> {
    prop::collection::vec(prop::sample::select(of).prop_map(condition), 0..3)
}

fn source() -> impl Strategy<Value = Source> {
    let principal = &[
        "t/ns/a/sa/x",
        "t/ns/b/sa/x",
        "u/ns/b/sa/y",
        "t/*",
        "*/sa/x",
        "*/sa/y",
        "t/ns/a/*",
    ];
    let namespace = &["a", "b", "a*", "*b"];
    let user = &["i/ann", "i/bob", "j/*", "*/ann"];
    let principals = (list(principal), list(principal), list(user), list(user));
    (principals, list(namespace), list(namespace)).prop_map(|(principals, namespaces, not_namespaces)| {
        Source {
            principals: principals.0,
            not_principals: principals.1,
            request_principals: principals.2,
            not_request_principals: principals.3,
            namespaces,
            not_namespaces,
        }
    })
}

fn operation() -> impl Strategy<Value = Operation> {
    let method = &["GET", "POST", "*", "P*", "*T"];
    let path = &["/", "/a", "/a/b", "/a*", "*b", "/*", "*"];
    (list(method), list(method), list(path), list(path)).prop_map(
        |(methods, not_methods, paths, not_paths)| Operation {
            methods,
            not_methods,
            paths,
            not_paths,
        },
    )
}

fn policies() -> impl Strategy<Value = Vec<AuthorizationPolicy>> {
    let rule = (
        prop::collection::vec(source(), 0..3),
        prop::collection::vec(operation(), 0..3),
    )
        .prop_map(|(from, to)| rule("r", &from, &to));
    let action = prop::sample::select(vec![Allow, Deny]);
    let policy =
        (action, prop::collection::vec(rule, 0..3)).prop_map(|(action, rules)| policy(action, rules));
    prop::collection::vec(policy, 0..4)
}

fn peer(principal: &str) -> PeerIdentity<'_> {
    PeerIdentity {
        principal,
        namespace: principal.split('/').nth(2).expect("ns/NAMESPACE"),
    }
}

fn known<'a>(principal: &'a str, user: &'a str, method: &'a str, path: &'a str) -> AuthorizationRequest<'a> {
    AuthorizationRequest {
        peer: Some(peer(principal)),
        request_principal: Some(user),
        method,
        path,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn the_known_are_judged_as_istio_says(
        policies in policies(),
        principal in prop::sample::select(&PRINCIPALS[..]),
        user in prop::sample::select(&USERS[..]),
        method in prop::sample::select(vec!["GET", "POST", "PUT"]),
        path in prop::sample::select(vec!["/", "/a", "/a/b", "/b"]),
    ) {
        let request = known(principal, user, method, path);
        prop_assert_eq!(passes(&policies, &request), reference(&policies, &request));
    }

    #[test]
    fn what_a_stranger_may_everybody_may(
        policies in policies(),
        method in prop::sample::select(vec!["GET", "POST"]),
        path in prop::sample::select(vec!["/", "/a", "/a/b"]),
    ) {
        let stranger = AuthorizationRequest { peer: None, request_principal: None, method, path };
        if passes(&policies, &stranger) {
            for (principal, user) in PRINCIPALS.iter().flat_map(|principal| USERS.map(|user| (principal, user))) {
                let request = known(principal, user, method, path);
                prop_assert!(passes(&policies, &request), "{} {}", principal, user);
            }
        }
    }
}
