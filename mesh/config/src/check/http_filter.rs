//! Filters of rules.

use hallway_yaml::{Diagnostic, Path};

use super::{Checker, Place};
use crate::http_filter::{HttpHeaderFilter, HttpPathModifier, HttpRouteFilter};
use crate::http_route::{HttpRouteMatch, HttpRouteRule, PathMatchType};

impl Checker<'_> {
    pub(super) fn filters(&mut self, place: Place<'_>, rule: &HttpRouteRule) {
        let filters = place.path.with("filters");
        let named = rule
            .filters
            .iter()
            .enumerate()
            .map(|(index, filter)| (index, filter.type_name()));
        self.unique(
            place,
            "filters of type",
            named.map(|(index, name)| (filters.with(index).with("type"), name)),
        );
        for (index, filter) in rule.filters.iter().enumerate() {
            let path = filters.with(index);
            match filter {
                HttpRouteFilter::RequestHeaderModifier { modifier } => {
                    self.modifier(place.with_path(&path.with("requestHeaderModifier")), modifier);
                }
                HttpRouteFilter::ResponseHeaderModifier { modifier } => {
                    self.modifier(place.with_path(&path.with("responseHeaderModifier")), modifier);
                }
                HttpRouteFilter::RequestRedirect { redirect } => {
                    let change = path.with("requestRedirect").with("path");
                    self.path_change(place, &change, redirect.path.as_ref(), rule);
                    self.redirect_alone(place, &path, rule);
                }
                HttpRouteFilter::UrlRewrite { rewrite } => {
                    let change = path.with("urlRewrite").with("path");
                    self.path_change(place, &change, rewrite.path.as_ref(), rule);
                }
            }
        }
    }

    /// A rule that redirects forwards nothing (Gateway API's CRD).
    fn redirect_alone(&mut self, place: Place<'_>, filter: &Path, rule: &HttpRouteRule) {
        let rewrites = |filter: &HttpRouteFilter| matches!(filter, HttpRouteFilter::UrlRewrite { .. });
        let others = [
            rule.filters.iter().position(rewrites).map(|index| {
                (
                    place.path.with("filters").with(index).with("type"),
                    "`URLRewrite`",
                )
            }),
            (!rule.backend_refs.is_empty()).then(|| (place.path.with("backendRefs"), "`backendRefs`")),
        ];
        for (path, other) in others.into_iter().flatten() {
            let here = place.with_path(&path);
            let message = format!("a rule with `RequestRedirect` cannot have {other}");
            let diagnostic = Diagnostic::error(message, place.document.key_span(&path), "never used")
                .with_secondary(
                    place.document.span(&filter.with("type")),
                    "the caller is sent elsewhere",
                )
                .with_help("keep one of the two".to_owned());
            self.report(here, diagnostic);
        }
    }

    /// The change at `path` of the rule at `place`.
    fn path_change(
        &mut self,
        place: Place<'_>,
        path: &Path,
        change: Option<&HttpPathModifier>,
        rule: &HttpRouteRule,
    ) {
        match change {
            None => {}
            Some(HttpPathModifier::ReplaceFullPath { value }) => {
                self.path(place.with_path(&path.with("replaceFullPath")), value);
            }
            Some(HttpPathModifier::ReplacePrefixMatch { value }) => {
                if !value.is_empty() {
                    self.path(place.with_path(&path.with("replacePrefixMatch")), value);
                }
                let is_prefix =
                    |request: &HttpRouteMatch| request.path.match_type == PathMatchType::PathPrefix;
                if let Some(index) = rule.matches.iter().position(|request| !is_prefix(request)) {
                    self.no_prefix(place, path, index);
                }
            }
        }
    }

    fn no_prefix(&mut self, place: Place<'_>, path: &Path, index: usize) {
        let other = place.path.with("matches").with(index).with("path").with("type");
        let path = path.with("type");
        let here = place.with_path(&path);
        let message = "`ReplacePrefixMatch` needs matches by prefix only";
        let diagnostic = Diagnostic::error(message, here.span(), "which prefix?")
            .with_secondary(place.document.span(&other), "matches no prefix")
            .with_help("match by `PathPrefix`, or use `ReplaceFullPath`".to_owned());
        self.report(here, diagnostic);
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
