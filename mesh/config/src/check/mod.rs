//! Admission: what a schema cannot say, about single resources and about references between them.

mod authorization_policy;
mod backend_traffic_policy;
mod destination_rule;
mod envoy_gateway_policy;
mod gateway;
mod http_filter;
mod http_match;
mod http_route;
mod parent;
mod peer_authentication;
mod reference;
mod request_authentication;
mod secret;
mod selector;
mod service;

use std::collections::BTreeMap;

use hallway_model::bootstrap::Admission;
use hallway_yaml::{Diagnostic, Node, Path, Severity, Span};

use crate::kind::Kind;
use crate::load::{Unreadable, context};
use crate::resources::Resources;

/// Everything that is wrong with the resources.
pub(crate) fn check(resources: &Resources, unreadable: &Unreadable, admission: Admission) -> Vec<Diagnostic> {
    let mut checker = Checker {
        resources,
        unreadable,
        admission,
        diagnostics: Vec::new(),
    };
    checker.services();
    checker.secrets();
    checker.gateways();
    checker.http_routes();
    checker.peer_authentications();
    checker.request_authentications();
    checker.authorization_policies();
    checker.destination_rules();
    checker.backend_traffic_policies();
    checker.envoy_gateway_policies();
    checker.diagnostics
}

struct Checker<'r> {
    resources: &'r Resources,
    unreadable: &'r Unreadable,
    admission: Admission,
    diagnostics: Vec<Diagnostic>,
}

/// A part of a resource.
#[derive(Clone, Copy)]
struct Place<'r> {
    kind: Kind,
    document: &'r Node,
    path: &'r Path,
}

impl<'r> Place<'r> {
    fn with_path<'p>(&self, path: &'p Path) -> Place<'p>
    where
        'r: 'p,
    {
        Place { path, ..*self }
    }

    fn span(&self) -> Span {
        self.document.span(self.path)
    }
}

impl Checker<'_> {
    /// Reports a finding at `place`.
    fn report(&mut self, place: Place<'_>, diagnostic: Diagnostic) {
        let context = context(place.kind, place.document, Some(place.path));
        self.diagnostics
            .push(diagnostic.with_context(context).with_path(place.path.clone()));
    }

    /// Reports an error at `place` with a next step.
    fn error(&mut self, place: Place<'_>, message: impl Into<String>, label: &str, help: &str) {
        let diagnostic = Diagnostic::error(message, place.span(), label);
        self.report(place, diagnostic.with_help(help.to_owned()));
    }

    /// The severity of a reference to what does not exist.
    fn dangling(&self) -> Severity {
        match self.admission {
            Admission::Enforce => Severity::Error,
            Admission::Warn => Severity::Warning,
        }
    }

    /// Reports the values of `keys` that occur twice; each comes with its path.
    fn unique<'k>(&mut self, place: Place<'_>, what: &str, keys: impl IntoIterator<Item = (Path, &'k str)>) {
        let mut first_paths: BTreeMap<String, Path> = BTreeMap::new();
        for (path, key) in keys {
            let Some(first) = first_paths.get(key) else {
                first_paths.insert(key.to_owned(), path);
                continue;
            };
            let here = place.with_path(&path);
            let diagnostic = Diagnostic::error(
                format!("there are two {what} `{key}`"),
                here.span(),
                "given again here",
            )
            .with_secondary(place.document.span(first), "first given here")
            .with_help("remove or change one of them".to_owned());
            self.report(here, diagnostic);
        }
    }
}
