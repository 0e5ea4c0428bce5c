//! Rule sets that are accepted, and what becomes of them.

use std::collections::BTreeMap;
use std::time::Duration;

use hallway_config::authorization_policy::Action;
use hallway_config::backend_traffic_policy::RetryConstraint;
use hallway_config::destination_rule::SimpleLoadBalancer;
use hallway_config::http_filter::HttpRouteFilter;
use hallway_config::http_route::{HttpMethod, PathMatchType, ValueMatchType};
use hallway_config::peer_authentication::MtlsMode;
use hallway_config::string_match::StringMatch;
use hallway_config::{Admission, Kind, Loaded, NamespacedName, RuleFile, load};
use hallway_model::Protocol;
use hallway_model::authorization::TextMatch;
use hallway_yaml::Path;

const SHOP: &str = include_str!("files/shop.yaml");

fn load_shop() -> Loaded {
    let file = RuleFile {
        name: "shop.yaml".to_owned(),
        text: SHOP.to_owned(),
    };
    load(vec![file], Admission::Enforce).unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
}

fn shop(name: &str) -> NamespacedName {
    NamespacedName::new("shop", name)
}

#[test]
fn every_field_is_read() {
    let Loaded { resources, warnings } = load_shop();
    assert!(warnings.is_empty(), "{warnings}");

    let orders = &resources.services[&shop("orders")].value.spec;
    assert_eq!((orders.ports[0].port, orders.ports[0].target()), (80, 8080));
    assert_eq!(
        orders.selector,
        Some(BTreeMap::from([("app".to_owned(), "orders".to_owned())]))
    );

    let route = &resources.http_routes[&shop("checkout")].value.spec;
    assert_eq!(
        (route.parent_refs[0].name.as_str(), route.parent_refs[0].port),
        ("payments", Some(80))
    );
    let rule = &route.rules[0];
    assert_eq!(rule.name.as_deref(), Some("canary"));
    let request = &rule.matches[0];
    assert_eq!(
        (request.path.match_type, request.path.value.as_str()),
        (PathMatchType::PathPrefix, "/charge")
    );
    assert_eq!(
        (request.headers[0].match_type, request.headers[0].value.as_str()),
        (ValueMatchType::RegularExpression, "v2.*")
    );
    assert_eq!(
        (
            request.query_params[0].match_type,
            request.query_params[0].name.as_str()
        ),
        (ValueMatchType::Exact, "debug")
    );
    assert_eq!(request.method.map(HttpMethod::as_str), Some("POST"));
    let weights: Vec<(&str, u32)> = rule
        .backend_refs
        .iter()
        .map(|backend| (backend.name.as_str(), backend.weight))
        .collect();
    assert_eq!(weights, [("payments-v1", 90), ("payments-v2", 10)]);
    let HttpRouteFilter::RequestHeaderModifier { modifier } = &rule.filters[0] else {
        panic!("{:?}", rule.filters[0])
    };
    assert_eq!(
        (modifier.set[0].name.as_str(), modifier.remove.as_slice()),
        ("x-route", &["x-debug".to_owned()][..])
    );
    assert!(matches!(
        rule.filters[1],
        HttpRouteFilter::ResponseHeaderModifier { .. }
    ));
    assert_eq!(
        rule.timeouts.request.map(|timeout| timeout.to_std()),
        Some(Duration::from_secs(2))
    );
    assert_eq!(
        rule.timeouts.backend_request.map(|timeout| timeout.to_std()),
        Some(Duration::from_millis(500))
    );
    let retry = rule.retry.as_ref().expect("a retry");
    assert_eq!((retry.codes.as_slice(), retry.attempts), (&[502, 503][..], 3));
    assert_eq!(retry.backoff.to_string(), "20ms");

    let policy = &resources.peer_authentications[&shop("strict")].value.spec;
    assert_eq!(policy.mtls.mode, MtlsMode::Strict);
    assert_eq!(
        policy
            .selector
            .as_ref()
            .map(|selector| selector.match_labels["app"].as_str()),
        Some("payments")
    );

    let rule = &resources.destination_rules[&shop("payments")].value;
    assert_eq!(rule.service(), Some(shop("payments")));
    assert_eq!(
        rule.spec.traffic_policy.load_balancer.simple,
        SimpleLoadBalancer::RoundRobin
    );
    assert_eq!(
        rule.spec.traffic_policy.connection_pool.tcp.max_connections,
        Some(100)
    );
    assert_eq!(
        rule.spec
            .traffic_policy
            .connection_pool
            .http
            .http1_max_pending_requests,
        Some(10)
    );
    assert_eq!(
        rule.spec.traffic_policy.connection_pool.http.http2_max_requests,
        Some(50)
    );
}

#[test]
fn request_authentication_is_read_with_its_defaults() {
    let resources = load_shop().resources;
    let spec = &resources.request_authentications[&shop("customers")].value.spec;
    let [rule, other] = &spec.jwt_rules[..] else {
        panic!("{:?}", spec.jwt_rules)
    };
    assert_eq!(
        (rule.issuer.as_str(), rule.audiences.as_deref()),
        ("https://issuer.test", Some(&["shop".to_owned()][..]))
    );
    assert!(rule.forward_original_token && rule.jwks.contains("P-256"));
    let headers = rule.from_headers.as_deref().expect("headers");
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|from| (from.name.as_str(), from.prefix.as_str()))
        .collect();
    assert_eq!(headers, [("X-Token", "JWT "), ("x-plain", "")]);
    assert_eq!(
        (
            &other.audiences,
            &other.from_headers,
            other.forward_original_token
        ),
        (&None, &None, false)
    );
}

#[test]
fn an_authorization_policy_is_read() {
    let resources = load_shop().resources;
    let policy = &resources.authorization_policies[&shop("need-to-know")];
    let spec = &policy.value.spec;
    assert_eq!(spec.action, Action::Deny);
    let [rule, everything] = &spec.rules[..] else {
        panic!("{:?}", spec.rules)
    };
    let from = rule.from.as_deref().expect("sources");
    let conditions = |list: &[StringMatch]| list.iter().map(StringMatch::condition).collect::<Vec<_>>();
    let expected = [
        TextMatch::Exact("cluster.local/ns/shop/sa/orders".to_owned()),
        TextMatch::Suffix("/sa/web".to_owned()),
    ];
    assert_eq!(conditions(&from[0].source.principals), expected);
    assert_eq!(
        conditions(&from[1].source.namespaces),
        [TextMatch::Prefix("shop".to_owned())]
    );
    assert_eq!(conditions(&from[1].source.not_principals), [TextMatch::Present]);
    assert_eq!(from[0].source.not_namespaces[0].as_str(), "ads");
    let lists = [
        &from[1].source.request_principals,
        &from[1].source.not_request_principals,
    ];
    assert_eq!(
        lists.map(|list| list[0].as_str()),
        ["https://issuer.test/*", "https://issuer.test/bob"]
    );
    let operation = &rule.to.as_deref().expect("operations")[0].operation;
    let lists = [
        &operation.methods,
        &operation.not_methods,
        &operation.paths,
        &operation.not_paths,
    ];
    assert_eq!(lists.map(Vec::len), [2, 1, 2, 2]);
    assert_eq!((&everything.from, &everything.to), (&None, &None));
    let line = SHOP
        .lines()
        .position(|line| line.contains("# everything"))
        .expect("a line")
        + 2;
    assert_eq!(policy.rule_origin(1).to_string(), format!("shop.yaml:{line}"));
    let nothing = &resources.authorization_policies[&shop("nothing")].value.spec;
    assert_eq!(
        (nothing.action, nothing.rules.len(), &nothing.selector),
        (Action::Allow, 0, &None)
    );
}

#[test]
fn a_retry_constraint_is_read_with_its_defaults() {
    let resources = load_shop().resources;
    let constraint = |name| {
        let spec = &resources.backend_traffic_policies[&shop(name)].value.spec;
        let targets: Vec<&str> = spec
            .target_refs
            .iter()
            .map(|target| target.name.as_str())
            .collect();
        let RetryConstraint {
            budget,
            min_retry_rate: least,
        } = spec.retry_constraint.expect("a constraint");
        let (interval, in_any_case) = (budget.interval.to_string(), least.interval.to_string());
        (targets, budget.percent, interval, least.count, in_any_case)
    };
    let (payments, orders) = (constraint("payments"), constraint("defaults"));
    let expected = (
        vec!["payments", "payments-v1"],
        15,
        "30s".to_owned(),
        3,
        "2s".to_owned(),
    );
    assert_eq!(payments, expected);
    assert_eq!(
        orders,
        (vec!["orders"], 20, "10s".to_owned(), 10, "1s".to_owned())
    );
}

#[test]
fn every_word_for_http2_means_http2() {
    let resources = load_shop().resources;
    let ports = |name| {
        let service = &resources.services[&name].value;
        let versions = service
            .spec
            .ports
            .iter()
            .map(|port| port.app_protocol.http_version());
        versions.collect::<Vec<_>>()
    };
    let multiplexed = ports(NamespacedName::new("default", "multiplexed"));
    assert_eq!(multiplexed, [Protocol::Http2; 3]);
    assert_eq!(ports(shop("orders")), [Protocol::Http1]);
    assert_eq!(ports(shop("payments")), [Protocol::Http1; 2], "the default");
}

#[test]
fn a_service_stands_for_the_workloads_with_its_name_or_of_its_selector() {
    let resources = load_shop().resources;
    let app = |name: &str| resources.services[&shop(name)].value.selected_app();
    assert_eq!(
        [app("orders"), app("payments"), app("payments-v1")],
        [Some("orders"), Some("payments"), None]
    );
}

#[test]
fn what_is_left_out_has_gateway_api_s_default() {
    let resources = load_shop().resources;
    let rules = &resources.http_routes[&shop("checkout")].value.spec.rules;
    let rule = &rules[1];
    assert_eq!(rule.matches.len(), 1);
    assert_eq!(
        (
            rule.matches[0].path.match_type,
            rule.matches[0].path.value.as_str()
        ),
        (PathMatchType::PathPrefix, "/")
    );
    assert_eq!(
        (
            rule.backend_refs[0].weight,
            rule.timeouts.request,
            rule.retry.as_ref()
        ),
        (1, None, None)
    );
    let retry = rules[2].retry.as_ref().expect("a retry");
    assert_eq!(
        (
            retry.attempts,
            retry.backoff.to_string().as_str(),
            retry.codes.len()
        ),
        (1, "25ms", 0)
    );
    let plain = &resources.services[&NamespacedName::new("default", "plain")]
        .value
        .spec;
    assert_eq!((plain.ports[0].target(), plain.selector.as_ref()), (80, None));
    let lenient = &resources.peer_authentications[&NamespacedName::new("default", "lenient")]
        .value
        .spec;
    assert_eq!(lenient.mtls.mode, MtlsMode::Unset);
}

#[test]
fn every_part_knows_its_line() {
    let resources = load_shop().resources;
    let line_of = |text: &str| {
        let line = SHOP.lines().position(|line| line.contains(text)).expect("a line") + 1;
        u32::try_from(line).expect("a short file")
    };
    let route = &resources.http_routes[&shop("checkout")];
    assert_eq!(
        route.origin.to_string(),
        format!("shop.yaml:{}", line_of("kind: HTTPRoute") - 1)
    );
    assert_eq!(route.rule_origin(0).line, line_of("name: canary"));
    assert_eq!(route.rule_origin(1).line, line_of("# the second rule") + 1);
    assert_eq!(
        route.backend_origin(0, 1).line,
        line_of("name: payments-v2, port: 80, weight: 10")
    );
    let weight = Path::keys(["spec", "rules"])
        .with(0)
        .with("backendRefs")
        .with(1)
        .with("weight");
    assert_eq!(route.document.span(&weight).text(), "10");
}

#[test]
fn the_schemas_are_published_with_their_kind() {
    for kind in Kind::ALL {
        let schema = kind.schema();
        let text = |pointer: &str| {
            schema
                .pointer(pointer)
                .and_then(|value| value.as_str())
                .map(str::to_owned)
        };
        assert_eq!(text("/title").as_deref(), Some(kind.name()));
        assert_eq!(
            text("/$schema").as_deref(),
            Some("https://json-schema.org/draft/2020-12/schema")
        );
        assert_eq!(text("/properties/kind/const").as_deref(), Some(kind.name()));
        assert_eq!(
            text("/properties/apiVersion/const").as_deref(),
            Some(kind.api_version())
        );
    }
}
