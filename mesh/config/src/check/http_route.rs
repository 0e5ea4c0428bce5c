//! Routes: their rules and backends.

use hallway_yaml::{Diagnostic, Path, Severity};

use super::{Checker, Place};
use crate::http_filter::HttpRouteFilter;
use crate::http_route::{HttpBackendRef, HttpRouteRule};
use crate::kind::Kind;
use crate::resources::{NamespacedName, rule_path};

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
            self.hostnames(place, &route.value);
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

    fn rule(&mut self, place: Place<'_>, rule: &HttpRouteRule, namespace: &str) {
        for (index, request) in rule.matches.iter().enumerate() {
            self.http_match(place.with_path(&place.path.with("matches").with(index)), request);
        }
        self.filters(place, rule);
        let redirects = |filter: &HttpRouteFilter| matches!(filter, HttpRouteFilter::RequestRedirect { .. });
        if rule.backend_refs.is_empty() && !rule.filters.iter().any(redirects) {
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
}
