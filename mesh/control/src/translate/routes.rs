//! Route tables.
//!
//! All routes that are attached to a service's port together make its table (Gateway API merges them); which of their rules takes a request is
//! decided where it is routed, by how specific the matches are. Among equals the earlier rule decides, and routes stand in the order of
//! their namespaces and names, as Gateway API has it for routes of one age.

use std::collections::BTreeMap;
use std::sync::Arc;

use hallway_config::http_filter::HttpRouteFilter;
use hallway_config::http_route::{
    HttpBackendRef, HttpPathMatch, HttpRouteMatch, HttpRouteRetry, HttpRouteRule, HttpRouteTimeouts,
    ParentKind, ParentRef, PathMatchType, ValueMatchType,
};
use hallway_config::{HttpRoute, Located, NamespacedName, Resources};
use hallway_model::route::{
    Backend, HeaderChanges, NamedMatch, PathMatch, Retry, Rewrite, RouteMatch, RouteTable, Rule, Target,
    Timeouts, ValueMatch,
};

use super::{cluster_name, filters, service_ports};

/// The port that an authority without one stands for (RFC 9110, 4.2.1).
const HTTP_PORT: u16 = 80;

/// Why a backend stands for nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnresolvedBackend {
    #[error("no ReferenceGrant allows a reference to Service {0}")]
    NotPermitted(NamespacedName),
    #[error("there is no Service {0}")]
    NoService(NamespacedName),
    #[error("Service {0} has no port {1}")]
    NoPort(NamespacedName, u16),
}

/// The table of each service port, under the names by which workloads of `namespace` call it.
pub(super) fn tables(resources: &Resources, namespace: &str) -> BTreeMap<String, Arc<RouteTable>> {
    let table = |service: &NamespacedName, port: u16| RouteTable {
        name: cluster_name(service, port).0,
        authorities: authorities(service, port, namespace),
        rules: rules(resources, service, port),
    };
    service_ports(resources)
        .map(|(key, _, port)| table(key, port.port))
        .map(|table| (table.name.clone(), Arc::new(table)))
        .collect()
}

/// What cluster DNS resolves in Kubernetes: the short name inside the service's own namespace, the longer ones everywhere.
fn authorities(service: &NamespacedName, port: u16, namespace: &str) -> Vec<String> {
    let NamespacedName {
        namespace: home,
        name,
    } = service;
    let mut hosts = vec![
        format!("{name}.{home}"),
        format!("{name}.{home}.svc"),
        format!("{name}.{home}.svc.cluster.local"),
    ];
    if home == namespace {
        hosts.insert(0, name.clone());
    }
    let with_port: Vec<String> = hosts.iter().map(|host| format!("{host}:{port}")).collect();
    if port == HTTP_PORT {
        hosts.into_iter().chain(with_port).collect()
    } else {
        with_port
    }
}

// ANCHOR: rules
fn rules(resources: &Resources, service: &NamespacedName, port: u16) -> Vec<Rule> {
    let mut attached = resources
        .http_routes
        .values()
        .filter(|route| is_attached(&route.value, service, port))
        .peekable();
    if attached.peek().is_none() {
        return vec![implicit_rule(service, port)];
    }
    attached.flat_map(|route| route_rules(resources, route)).collect()
}
// ANCHOR_END: rules

/// All rules of a route.
pub(super) fn route_rules(resources: &Resources, route: &Located<HttpRoute>) -> Vec<Rule> {
    let rules = route.value.spec.rules.iter().enumerate();
    rules
        .map(|(index, written)| rule(resources, route, index, written))
        .collect()
}

fn is_attached(route: &HttpRoute, service: &NamespacedName, port: u16) -> bool {
    let home = &route.metadata.namespace;
    let refers = |parent: &ParentRef| {
        parent.kind == ParentKind::Service
            && parent.target(home) == *service
            && parent.port.is_none_or(|only| only == port)
    };
    *home == service.namespace && route.spec.parent_refs.iter().any(refers)
}

/// A service that no route is attached to answers for itself.
fn implicit_rule(service: &NamespacedName, port: u16) -> Rule {
    Rule {
        name: cluster_name(service, port).0,
        origin: None,
        matches: vec![route_match(&HttpRouteMatch::default())],
        request_headers: HeaderChanges::default(),
        response_headers: HeaderChanges::default(),
        redirect: None,
        rewrite: Rewrite::default(),
        backends: vec![Backend {
            target: Target::Cluster(cluster_name(service, port)),
            weight: 1,
        }],
        timeouts: Timeouts::default(),
        retry: None,
    }
}

fn rule(resources: &Resources, route: &Located<HttpRoute>, index: usize, written: &HttpRouteRule) -> Rule {
    let namespace = &route.value.metadata.namespace;
    let position = (index + 1).to_string();
    let mut rule = Rule {
        name: format!(
            "{}#{}",
            route.value.metadata.key(),
            written.name.as_ref().unwrap_or(&position)
        ),
        origin: Some(route.rule_origin(index)),
        matches: written.matches.iter().map(route_match).collect(),
        request_headers: HeaderChanges::default(),
        response_headers: HeaderChanges::default(),
        redirect: None,
        rewrite: Rewrite::default(),
        backends: written
            .backend_refs
            .iter()
            .map(|backend| self::backend(resources, namespace, backend))
            .collect(),
        timeouts: timeouts(written.timeouts),
        retry: written.retry.as_ref().map(retry),
    };
    for filter in &written.filters {
        match filter {
            HttpRouteFilter::RequestHeaderModifier { modifier } => {
                rule.request_headers = filters::header_changes(modifier);
            }
            HttpRouteFilter::ResponseHeaderModifier { modifier } => {
                rule.response_headers = filters::header_changes(modifier);
            }
            HttpRouteFilter::RequestRedirect { redirect } => {
                rule.redirect = Some(filters::redirect(redirect))
            }
            HttpRouteFilter::UrlRewrite { rewrite } => rule.rewrite = filters::rewrite(rewrite),
        }
    }
    rule
}

fn backend(resources: &Resources, namespace: &str, written: &HttpBackendRef) -> Backend {
    let service = NamespacedName::new(written.namespace.as_deref().unwrap_or(namespace), &written.name);
    Backend {
        target: match unresolved(resources, namespace, written) {
            Some(reason) => Target::Unresolved {
                reason: reason.to_string(),
            },
            None => Target::Cluster(cluster_name(&service, written.port)),
        },
        weight: written.weight,
    }
}

/// Why a backend of a route in `namespace` stands for nothing, if so.
pub(crate) fn unresolved(
    resources: &Resources,
    namespace: &str,
    written: &HttpBackendRef,
) -> Option<UnresolvedBackend> {
    let service = NamespacedName::new(written.namespace.as_deref().unwrap_or(namespace), &written.name);
    if service.namespace != namespace {
        return Some(UnresolvedBackend::NotPermitted(service));
    }
    let Some(found) = resources.services.get(&service) else {
        return Some(UnresolvedBackend::NoService(service));
    };
    let mut ports = found.value.spec.ports.iter();
    ports
        .all(|port| port.port != written.port)
        .then_some(UnresolvedBackend::NoPort(service, written.port))
}

fn route_match(written: &HttpRouteMatch) -> RouteMatch {
    let header = written
        .headers
        .iter()
        .map(|header| named(header.name.to_ascii_lowercase(), header.match_type, &header.value));
    let query = written
        .query_params
        .iter()
        .map(|parameter| named(parameter.name.clone(), parameter.match_type, &parameter.value));
    RouteMatch {
        path: path(&written.path),
        headers: header.collect(),
        query: query.collect(),
        method: written.method.map(|method| method.as_str().to_owned()),
    }
}

fn path(written: &HttpPathMatch) -> PathMatch {
    let value = written.value.clone();
    match written.match_type {
        PathMatchType::Exact => PathMatch::Exact(value),
        PathMatchType::PathPrefix => PathMatch::Prefix(value),
        PathMatchType::RegularExpression => PathMatch::RegularExpression(value),
    }
}

fn named(name: String, match_type: ValueMatchType, value: &str) -> NamedMatch {
    NamedMatch {
        name,
        value: match match_type {
            ValueMatchType::Exact => ValueMatch::Exact(value.to_owned()),
            ValueMatchType::RegularExpression => ValueMatch::RegularExpression(value.to_owned()),
        },
    }
}

fn timeouts(written: HttpRouteTimeouts) -> Timeouts {
    Timeouts {
        request: written.request.and_then(|duration| duration.nonzero()),
        backend_request: written.backend_request.and_then(|duration| duration.nonzero()),
    }
}

fn retry(written: &HttpRouteRetry) -> Retry {
    Retry {
        codes: written.codes.clone(),
        attempts: written.attempts,
        backoff: written.backoff.to_std(),
    }
}
