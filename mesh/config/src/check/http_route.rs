//! Routes: their parents, rules and backends.

use hallway_yaml::{Diagnostic, Path, Severity};

use super::{Checker, Place};
use crate::http_route::{HttpBackendRef, HttpHeaderFilter, HttpRoute, HttpRouteFilter, HttpRouteRule};
use crate::kind::Kind;
use crate::resources::{Located, NamespacedName, rule_path};

/// The most matches in all rules of a route together (Gateway API's CRD).
const MAX_MATCHES: usize = 128;

impl Checker<'_> {
    pub(super) fn http_routes(&mut self) {
        for route in self.resources.http_routes.values() {
            let root = Path::keys(["spec", "rules"]);
            let place = Place {
                kind: Kind::HttpRoute,
                document: &route.document,
                path: &root,
            };
            self.parents(place, route);
            let rules = &route.value.spec.rules;
            let matches: usize = rules.iter().map(|rule| rule.matches.len()).sum();
            if matches > MAX_MATCHES {
                let message = format!("a route can have {MAX_MATCHES} matches in all, not {matches}");
                self.error(place, message, "too many matches", "split the route in two");
            }
            let named = rules
                .iter()
                .enumerate()
                .filter_map(|(index, rule)| Some((index, rule.name.as_deref()?)));
            self.unique(
                place,
                "rules named",
                named.map(|(index, name)| (rule_path(index).with("name"), name)),
            );
            for (index, rule) in rules.iter().enumerate() {
                self.rule(
                    place.with_path(&rule_path(index)),
                    rule,
                    &route.value.metadata.namespace,
                );
            }
        }
    }

    fn parents(&mut self, place: Place<'_>, route: &Located<HttpRoute>) {
        let namespace = &route.value.metadata.namespace;
        let path = |index: usize| Path::keys(["spec", "parentRefs"]).with(index);
        let parents = &route.value.spec.parent_refs;
        let named = |(index, parent): (usize, &crate::http_route::ParentRef)| {
            let port = parent.port.map_or_else(String::new, |port| format!(":{port}"));
            (path(index).with("name"), format!("{}{port}", parent.name))
        };
        let keys: Vec<(Path, String)> = parents.iter().enumerate().map(named).collect();
        self.unique(
            place,
            "parents",
            keys.iter().map(|(path, key)| (path.clone(), key.as_str())),
        );
        for (index, parent) in parents.iter().enumerate() {
            let path = path(index);
            let name_path = path.with("name");
            let here = place.with_path(&name_path);
            let service = NamespacedName::new(parent.namespace.as_ref().unwrap_or(namespace), &parent.name);
            if service.namespace != *namespace {
                let help = format!("move the route to namespace `{}`", service.namespace);
                let message =
                    "a route for a Service of another namespace (a consumer route) is not supported";
                let namespace_path = path.with("namespace");
                self.error(
                    here.with_path(&namespace_path),
                    message,
                    "not the route's namespace",
                    &help,
                );
            } else if self.service_exists(here, &service)
                && let Some(port) = parent.port
            {
                self.port_exists(here, &service, port, &path.with("port"));
            }
        }
    }

    fn rule(&mut self, place: Place<'_>, rule: &HttpRouteRule, namespace: &str) {
        for (index, request) in rule.matches.iter().enumerate() {
            self.http_match(place.with_path(&place.path.with("matches").with(index)), request);
        }
        self.filters(place, rule);
        if rule.backend_refs.is_empty() {
            let diagnostic = Diagnostic::error(
                "the rule has no backend",
                place.span(),
                "every request is answered with 500",
            )
            .with_severity(Severity::Warning)
            .with_help("add `backendRefs:`".to_owned());
            self.report(place, diagnostic);
        }
        for (index, backend) in rule.backend_refs.iter().enumerate() {
            self.backend(
                place.with_path(&place.path.with("backendRefs").with(index)),
                backend,
                namespace,
            );
        }
        self.timeouts(place, rule);
    }

    fn backend(&mut self, place: Place<'_>, backend: &HttpBackendRef, namespace: &str) {
        let service = NamespacedName::new(backend.namespace.as_deref().unwrap_or(namespace), &backend.name);
        if service.namespace != namespace {
            let path = place.path.with("namespace");
            let here = place.with_path(&path);
            let severity = self.dangling();
            let message = format!(
                "Service {service} is in another namespace, and no ReferenceGrant allows the reference"
            );
            let help =
                format!("refer to a Service of namespace `{namespace}`; ReferenceGrants are not supported");
            let diagnostic = Diagnostic::error(message, here.span(), "not the route's namespace");
            return self.report(here, diagnostic.with_severity(severity).with_help(help));
        }
        if self.service_exists(place.with_path(&place.path.with("name")), &service) {
            self.port_exists(place, &service, backend.port, &place.path.with("port"));
        }
    }

    /// A deadline for each attempt that is longer than the one for all of them can never be met (GEP-1742).
    fn timeouts(&mut self, place: Place<'_>, rule: &HttpRouteRule) {
        let (Some(request), Some(attempt)) = (rule.timeouts.request, rule.timeouts.backend_request) else {
            return;
        };
        if request.nonzero().is_none() || attempt <= request {
            return;
        }
        let timeouts = place.path.with("timeouts");
        let path = timeouts.with("backendRequest");
        let here = place.with_path(&path);
        let message = format!("backendRequest {attempt} is longer than request {request}");
        let diagnostic = Diagnostic::error(message, here.span(), "one attempt")
            .with_secondary(
                place.document.span(&timeouts.with("request")),
                "all attempts together",
            )
            .with_help("make `backendRequest` at most as long as `request`".to_owned());
        self.report(here, diagnostic);
    }

    fn filters(&mut self, place: Place<'_>, rule: &HttpRouteRule) {
        let filters = place.path.with("filters");
        let named = rule
            .filters
            .iter()
            .enumerate()
            .map(|(index, filter)| (index, filter_type(filter)));
        self.unique(
            place,
            "filters of type",
            named.map(|(index, name)| (filters.with(index).with("type"), name)),
        );
        for (index, filter) in rule.filters.iter().enumerate() {
            let (field, modifier) = match filter {
                HttpRouteFilter::RequestHeaderModifier { modifier } => ("requestHeaderModifier", modifier),
                HttpRouteFilter::ResponseHeaderModifier { modifier } => ("responseHeaderModifier", modifier),
            };
            self.modifier(place.with_path(&filters.with(index).with(field)), modifier);
        }
    }

    /// A header that is named in two places would make the outcome depend on their order.
    fn modifier(&mut self, place: Place<'_>, modifier: &HttpHeaderFilter) {
        let set = modifier
            .set
            .iter()
            .enumerate()
            .map(|(index, header)| ("set", index, Some("name"), &header.name));
        let add = modifier
            .add
            .iter()
            .enumerate()
            .map(|(index, header)| ("add", index, Some("name"), &header.name));
        let remove = modifier
            .remove
            .iter()
            .enumerate()
            .map(|(index, name)| ("remove", index, None, name));
        let keys: Vec<(Path, String)> = set
            .chain(add)
            .chain(remove)
            .map(|(list, index, field, name)| {
                let item = place.path.with(list).with(index);
                (
                    field.map_or_else(|| item.clone(), |field| item.with(field)),
                    name.to_lowercase(),
                )
            })
            .collect();
        for (path, name) in keys
            .iter()
            .filter(|(_, name)| RESERVED_HEADERS.contains(&name.as_str()))
        {
            self.error(
                place.with_path(path),
                format!("the header `{name}` cannot be changed by a filter"),
                "belongs to the connection",
                "leave it out: the proxy sets it for each hop",
            );
        }
        self.unique(
            place,
            "changes of header",
            keys.iter().map(|(path, name)| (path.clone(), name.as_str())),
        );
    }
}

/// Headers that say how a message is framed and routed: a filter that changed them would break the connection, and proxies refuse
/// such rules. Source: RFC 9110, sections 7.2 and 7.6.1; RFC 9112, section 6.
const RESERVED_HEADERS: [&str; 10] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

fn filter_type(filter: &HttpRouteFilter) -> &'static str {
    match filter {
        HttpRouteFilter::RequestHeaderModifier { .. } => "RequestHeaderModifier",
        HttpRouteFilter::ResponseHeaderModifier { .. } => "ResponseHeaderModifier",
    }
}
