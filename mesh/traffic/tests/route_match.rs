//! Route matching against a naive reference: every match of every rule is tried, and the best by precedence wins.

use hallway_model::route::{HeaderChanges, NamedMatch, PathMatch, Rewrite, Timeouts, ValueMatch};
use hallway_model::{RouteMatch, RouteTable, Rule};
use hallway_traffic::{CompiledTable, RequestHead};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::prelude::*;
use proptest::sample::select;

const PATHS: [&str; 9] = ["/", "/a", "/a/", "/a/b", "/ab", "/a/b/c", "/b", "/b/a", "*"];
const NAMES: [&str; 3] = ["x-one", "x-two", "x-three"];
const VALUES: [&str; 3] = ["", "a", "b"];
const METHODS: [&str; 3] = ["GET", "POST", "PUT"];

fn path_match() -> impl Strategy<Value = PathMatch> {
    prop_oneof![
        select(&PATHS[..8]).prop_map(|path| PathMatch::Exact(path.to_owned())),
        select(&PATHS[..8]).prop_map(|path| PathMatch::Prefix(path.to_owned())),
        select(&["/a.*", "/[ab]", "/.*/b", ".*"][..])
            .prop_map(|pattern| PathMatch::RegularExpression(pattern.to_owned())),
    ]
}

fn conditions() -> impl Strategy<Value = Vec<NamedMatch>> {
    let condition = (select(&NAMES[..]), select(&VALUES[..])).prop_map(|(name, value)| NamedMatch {
        name: name.to_owned(),
        value: ValueMatch::Exact(value.to_owned()),
    });
    prop::collection::vec(condition, 0..3)
}

fn route_match() -> impl Strategy<Value = RouteMatch> {
    (
        path_match(),
        conditions(),
        conditions(),
        prop::option::of(select(&METHODS[..])),
    )
        .prop_map(|(path, headers, query, method)| RouteMatch {
            path,
            headers,
            query,
            method: method.map(str::to_owned),
        })
}

fn table(rules: Vec<Vec<RouteMatch>>) -> RouteTable {
    let rules = rules
        .into_iter()
        .enumerate()
        .map(|(position, matches)| Rule {
            name: position.to_string(),
            origin: None,
            matches,
            request_headers: HeaderChanges::default(),
            response_headers: HeaderChanges::default(),
            redirect: None,
            rewrite: Rewrite::default(),
            backends: Vec::new(),
            timeouts: Timeouts::default(),
            retry: None,
        })
        .collect();
    RouteTable {
        name: "shop/payments:80".to_owned(),
        authorities: Vec::new(),
        rules,
    }
}

#[derive(Debug)]
struct Request {
    method: Method,
    path: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    query: Vec<(&'static str, &'static str)>,
}

fn request() -> impl Strategy<Value = Request> {
    let pairs = || prop::collection::vec((select(&NAMES[..]), select(&VALUES[..])), 0..4);
    (select(&METHODS[..]), select(&PATHS[..]), pairs(), pairs()).prop_map(|(method, path, headers, query)| {
        Request {
            method: method.parse().expect("a method"),
            path,
            headers,
            query,
        }
    })
}

/// Header values are joined, query parameters give their first value; of repeated conditions the first counts.
fn naive_conditions(conditions: &[NamedMatch], value_of: impl Fn(&str) -> Option<String>) -> Option<usize> {
    let mut seen: Vec<&str> = Vec::new();
    for condition in conditions {
        if seen.contains(&condition.name.as_str()) {
            continue;
        }
        seen.push(&condition.name);
        let ValueMatch::Exact(wanted) = &condition.value else {
            unreachable!("only exact values are generated")
        };
        if value_of(&condition.name).as_ref() != Some(wanted) {
            return None;
        }
    }
    Some(seen.len())
}

type Precedence = (u8, usize, bool, usize, usize);

fn naive_precedence(route_match: &RouteMatch, request: &Request) -> Option<Precedence> {
    let (kind, length) = match &route_match.path {
        PathMatch::Exact(path) => (path == request.path).then_some((3, 0))?,
        PathMatch::RegularExpression(pattern) => {
            let regex = regex::Regex::new(&format!("^({pattern})$")).expect("the patterns are valid");
            regex.is_match(request.path).then_some((2, pattern.len()))?
        }
        PathMatch::Prefix(prefix) => {
            let elements = |path: &'static str| path.split('/').collect::<Vec<_>>();
            let prefix = prefix.trim_end_matches('/');
            let wanted: Vec<&str> = prefix.split('/').collect();
            elements(request.path)
                .starts_with(&wanted)
                .then_some((1, prefix.len()))?
        }
    };
    let headers = naive_conditions(&route_match.headers, |name| {
        let values: Vec<&str> = request
            .headers
            .iter()
            .filter(|header| header.0 == name)
            .map(|header| header.1)
            .collect();
        (!values.is_empty()).then(|| values.join(","))
    })?;
    let query = naive_conditions(&route_match.query, |name| {
        let parameter = request.query.iter().find(|parameter| parameter.0 == name);
        parameter.map(|parameter| parameter.1.to_owned())
    })?;
    let method = route_match.method.as_deref();
    if method.is_some_and(|method| method != request.method.as_str()) {
        return None;
    }
    Some((kind, length, method.is_some(), headers, query))
}

fn naive(table: &RouteTable, request: &Request) -> Option<(String, bool)> {
    let mut best: Option<(Precedence, &Rule)> = None;
    for rule in &table.rules {
        for route_match in &rule.matches {
            let Some(precedence) = naive_precedence(route_match, request) else {
                continue;
            };
            if best.is_none_or(|(other, _)| precedence > other) {
                best = Some((precedence, rule));
            }
        }
    }
    best.map(|(precedence, rule)| (rule.name.clone(), precedence.2))
}

fn select_rule(table: &CompiledTable, request: &Request) -> Option<(String, bool)> {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let pairs: Vec<String> = request
        .query
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let query = (!pairs.is_empty()).then(|| pairs.join("&"));
    let head = RequestHead {
        method: &request.method,
        path: request.path,
        query: query.as_deref(),
        headers: &headers,
    };
    table
        .select(&head)
        .map(|selection| (selection.rule.rule.name.clone(), selection.names_method))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_index_agrees_with_the_naive_reference(
        rules in prop::collection::vec(prop::collection::vec(route_match(), 1..3), 0..8),
        requests in prop::collection::vec(request(), 1..12),
    ) {
        let table = table(rules);
        let compiled = CompiledTable::compile(table.clone()).expect("the table is valid");
        for request in &requests {
            prop_assert_eq!(select_rule(&compiled, request), naive(&table, request), "{:?}", request);
        }
    }
}

fn single(path: PathMatch) -> Result<CompiledTable, hallway_traffic::RouteError> {
    let route_match = RouteMatch {
        path,
        headers: Vec::new(),
        query: Vec::new(),
        method: None,
    };
    CompiledTable::compile(table(vec![vec![route_match]]))
}

#[test]
fn a_pattern_that_cannot_be_used_is_refused_with_its_rule() {
    for bad in ["(", "a)|(b", "(?:a{1000}){1000}", &"a".repeat(5000)] {
        let refused = single(PathMatch::RegularExpression(bad.to_owned())).expect_err("a bad pattern");
        assert!(refused.to_string().starts_with("rule `0`: "), "{refused}");
    }
}

#[test]
fn a_regular_expression_matches_the_whole_path() {
    let compiled = single(PathMatch::RegularExpression("/a|/b".to_owned())).expect("a valid pattern");
    let selects = |path| {
        let request = Request {
            method: Method::GET,
            path,
            headers: Vec::new(),
            query: Vec::new(),
        };
        select_rule(&compiled, &request).is_some()
    };
    assert!(selects("/a") && selects("/b"));
    assert!(!selects("/ab") && !selects("/b/a"));
}
