//! Authorization policies. A condition that nothing can meet is a mistake here: in an `ALLOW` rule it locks people out, in a `DENY` rule it
//! lets them in.

use hallway_model::SpiffeId;
use hallway_model::authorization::TextMatch;
use hallway_yaml::{Diagnostic, Path, Severity};

use super::{Checker, Place};
use crate::authorization_policy::{
    Action, AuthorizationPolicy, AuthorizationPolicySpec, Operation, Rule, Source,
};
use crate::kind::Kind;
use crate::request_authentication::RequestAuthentication;
use crate::resources::{Located, rule_path};
use crate::string_match::StringMatch;
use crate::workload_selector::ROOT_NAMESPACE;

impl Checker<'_> {
    pub(super) fn authorization_policies(&mut self) {
        for policy in self.resources.authorization_policies.values() {
            let selector_path = Path::keys(["spec", "selector"]);
            let place = Place {
                kind: Kind::AuthorizationPolicy,
                document: &policy.document,
                path: &selector_path,
            };
            let spec = &policy.value.spec;
            self.names_a_label(place, spec.selector.as_ref());
            self.selects_a_service(place, &policy.value.metadata.namespace, spec.selector.as_ref());
            self.denies_something(place, spec);
            self.tokens_are_checked(place, &policy.value);
            for (index, rule) in spec.rules.iter().enumerate() {
                self.authorization_rule(place.with_path(&rule_path(index)), rule);
            }
        }
    }

    /// As in Istio: `ALLOW` without rules allows nothing, but `DENY` without rules would have no effect.
    fn denies_something(&mut self, place: Place<'_>, spec: &AuthorizationPolicySpec) {
        if spec.action == Action::Deny && spec.rules.is_empty() {
            let path = Path::keys(["spec", "action"]);
            let help = "add an empty rule, `rules: [{}]`, to deny everything, or remove the policy";
            let message = "a policy that denies needs a rule: without one it never matches";
            self.error(place.with_path(&path), message, "denies nothing", help);
        }
    }

    /// Where no token is checked, no request has a principal: an `ALLOW` rule that asks for one lets nobody pass.
    fn tokens_are_checked(&mut self, place: Place<'_>, policy: &AuthorizationPolicy) {
        let asks = |rule: &Rule| {
            let mut sources = rule.from.iter().flatten();
            sources.position(|from| !from.source.request_principals.is_empty())
        };
        let mut rules = policy.spec.rules.iter().enumerate();
        let Some((rule, source)) = rules.find_map(|(index, rule)| Some((index, asks(rule)?))) else {
            return;
        };
        let namespace = &policy.metadata.namespace;
        let selector = policy.spec.selector.as_ref();
        let concerns_it = |other: &Located<RequestAuthentication>| {
            let theirs = other.value.spec.selector.as_ref();
            let namespaces = [namespace.as_str(), ROOT_NAMESPACE];
            let same_workloads = theirs.is_none() || selector.is_none() || theirs == selector;
            same_workloads
                && (namespace == ROOT_NAMESPACE
                    || namespaces.contains(&other.value.metadata.namespace.as_str()))
        };
        if self.unreadable.others || self.resources.request_authentications.values().any(concerns_it) {
            return;
        }
        let path = rule_path(rule)
            .with("from")
            .with(source)
            .with("source")
            .with("requestPrincipals");
        let place = place.with_path(&path);
        let message = "no token is checked at these workloads, so no request has a principal";
        let diagnostic = Diagnostic::error(message, place.document.key_span(&path), "no request has any");
        let help = "add a RequestAuthentication with the issuer's keys".to_owned();
        self.report(place, diagnostic.with_severity(Severity::Warning).with_help(help));
    }

    fn authorization_rule(&mut self, place: Place<'_>, rule: &Rule) {
        for (index, from) in rule.from.iter().flatten().enumerate() {
            let path = place.path.with("from").with(index).with("source");
            self.source(place.with_path(&path), &from.source);
        }
        for (index, to) in rule.to.iter().flatten().enumerate() {
            let path = place.path.with("to").with(index).with("operation");
            self.operation(place.with_path(&path), &to.operation);
        }
    }

    fn source(&mut self, place: Place<'_>, source: &Source) {
        if *source == Source::default() {
            let help =
                "name `principals`, `requestPrincipals` or `namespaces`, or remove `from` to mean everybody";
            return self.error(
                place,
                "the source says nothing",
                "means nobody in particular",
                help,
            );
        }
        for (field, principals) in [
            ("principals", &source.principals),
            ("notPrincipals", &source.not_principals),
        ] {
            self.conditions_can_hold(place, field, principals, principal_mistake);
        }
    }

    fn operation(&mut self, place: Place<'_>, operation: &Operation) {
        if *operation == Operation::default() {
            let help = "name `methods` or `paths`, or remove `to` to mean everything";
            return self.error(
                place,
                "the operation says nothing",
                "means nothing in particular",
                help,
            );
        }
        for (field, paths) in [("paths", &operation.paths), ("notPaths", &operation.not_paths)] {
            self.conditions_can_hold(place, field, paths, path_mistake);
        }
    }

    /// Reports the conditions of a list in which `mistake` finds one.
    fn conditions_can_hold(
        &mut self,
        place: Place<'_>,
        field: &str,
        conditions: &[StringMatch],
        mistake: impl Fn(&StringMatch) -> Option<Mistake>,
    ) {
        for (index, condition) in conditions.iter().enumerate() {
            if let Some((mistake, help)) = mistake(condition) {
                let path = place.path.with(field).with(index);
                let message = format!("`{}` {mistake}, so nothing can match it", condition.as_str());
                self.error(place.with_path(&path), message, mistake, help);
            }
        }
    }
}

/// What is wrong with a condition, and what to do.
type Mistake = (&'static str, &'static str);

fn principal_mistake(principal: &StringMatch) -> Option<Mistake> {
    if principal.as_str().starts_with("spiffe:") {
        return Some(("begins with the scheme", "leave out `spiffe://`, as Istio does"));
    }
    let TextMatch::Exact(exact) = principal.condition() else {
        return None;
    };
    let identity = format!("spiffe://{exact}").parse::<SpiffeId>();
    identity.err().map(|_| {
        let help = "write `TRUST-DOMAIN/ns/NAMESPACE/sa/SERVICE-ACCOUNT`, or use `*`, such as `*/sa/orders`";
        ("is no identity of a workload", help)
    })
}

/// Rules look at paths without their query and with their escapes decoded once, and a path that can be read in two ways reaches no rule.
fn path_mistake(path: &StringMatch) -> Option<Mistake> {
    let path = path.as_str();
    if path.contains(['?', '#']) {
        return Some((
            "has a query",
            "leave out `?` and what follows: a query is not part of a path",
        ));
    }
    if has_escape(path) {
        return Some((
            "has an escape",
            "write the character itself, such as `/a b` for `/a%20b`",
        ));
    }
    let help = "such paths are answered with 400 before any rule; write the path that is meant";
    if path.contains(|character: char| character == '\\' || character.is_ascii_control()) {
        return Some(("has a character that no path has", help));
    }
    whole_segments(path).find_map(|segment| match segment.split(';').next() {
        None | Some("") => Some(("has an empty segment (`//`)", help)),
        Some("." | "..") => Some(("has a segment `.` or `..`", help)),
        Some(_) => None,
    })
}

/// The segments that are whole, whatever `*` stands for.
fn whole_segments(path: &str) -> impl Iterator<Item = &str> {
    let open_end = path.ends_with('*');
    // What is before the first slash is empty, or stands next to `*`.
    let mut segments = path.trim_matches('*').split('/').skip(1).collect::<Vec<_>>();
    if open_end || segments.last().is_some_and(|last| last.is_empty()) {
        segments.pop();
    }
    segments.into_iter()
}

fn has_escape(text: &str) -> bool {
    let is_escape =
        |piece: &str| piece.len() >= 2 && piece.bytes().take(2).all(|digit| digit.is_ascii_hexdigit());
    text.split('%').skip(1).any(is_escape)
}
