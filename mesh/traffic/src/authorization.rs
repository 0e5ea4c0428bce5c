//! Whether a workload's policies let a request pass (Istio's `AuthorizationPolicy`).
//!
//! As in Istio (<https://istio.io/latest/docs/concepts/security/#implicit-enablement>): a request that a `DENY` policy matches is refused;
//! else one may pass if there is no `ALLOW` policy, or if one matches; else it is refused.
//!
//! What is not known counts against the caller. A peer in plaintext has no identity, and a request without a token no principal, so whether a condition on it holds cannot be known:
//! then it does not hold in an `ALLOW` rule, and it holds in a `DENY` rule, whether it says who is meant or who is not. So nobody gains by
//! not showing who they are. Only `*`, whether there is an identity at all, has an answer for a peer without one. Istio differs in two
//! places, in both of which it lets more pass (ISTIO-SECURITY-2021-004): there, a peer without an identity satisfies `notPrincipals` in an
//! `ALLOW` rule, and does not satisfy `principals` in a `DENY` rule.

use hallway_model::AuthorizationPolicy;
use hallway_model::authorization::{AuthorizationAction, AuthorizationRule, Operation, Source, TextMatch};

/// What policies look at in a request.
#[derive(Clone, Copy, Debug)]
pub struct AuthorizationRequest<'a> {
    /// Who sends it, as authenticated; none for plaintext.
    pub peer: Option<PeerIdentity<'a>>,
    /// Issuer and subject of its token, as authenticated; none without one.
    pub request_principal: Option<&'a str>,
    /// The method.
    pub method: &'a str,
    /// The path, as [`crate::path::read`] gives it.
    pub path: &'a str,
}

/// The parts of a peer's SPIFFE ID.
#[derive(Clone, Copy, Debug)]
pub struct PeerIdentity<'a> {
    /// All of it without `spiffe://`: `hallway.test/ns/shop/sa/orders`.
    pub principal: &'a str,
    /// The namespace: `shop`.
    pub namespace: &'a str,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decision<'p> {
    /// It may pass.
    Allowed,
    /// This rule denies it.
    Denied(&'p AuthorizationRule),
    /// There are policies that allow something, and none allows this.
    NotAllowed,
}

/// Whether `policies` let `request` pass.
pub fn decide<'p>(policies: &'p [AuthorizationPolicy], request: &AuthorizationRequest<'_>) -> Decision<'p> {
    let of = |action| policies.iter().filter(move |policy| policy.action == action);
    let matching = |action| {
        let rules = of(action).flat_map(|policy| &policy.rules);
        rules
            .into_iter()
            .find(|rule| Facts { request, action }.match_rule(rule))
    };
    // ANCHOR: decide
    if let Some(rule) = matching(AuthorizationAction::Deny) {
        return Decision::Denied(rule);
    }
    let asks_for_permission = of(AuthorizationAction::Allow).next().is_some();
    match asks_for_permission && matching(AuthorizationAction::Allow).is_none() {
        true => Decision::NotAllowed,
        false => Decision::Allowed,
    }
    // ANCHOR_END: decide
}

/// A request, as a rule with this action sees it.
struct Facts<'a> {
    request: &'a AuthorizationRequest<'a>,
    action: AuthorizationAction,
}

impl Facts<'_> {
    fn match_rule(&self, rule: &AuthorizationRule) -> bool {
        let from = rule.from.is_empty() || rule.from.iter().any(|source| self.match_source(source));
        from && (rule.to.is_empty() || rule.to.iter().any(|operation| self.match_operation(operation)))
    }

    fn match_source(&self, source: &Source) -> bool {
        let peer = self.request.peer;
        let principal = peer.map(|peer| peer.principal);
        let namespace = peer.map(|peer| peer.namespace);
        let request_principal = self.request.request_principal;
        self.holds(&source.principals, &source.not_principals, principal)
            && self.holds(
                &source.request_principals,
                &source.not_request_principals,
                request_principal,
            )
            && self.holds(&source.namespaces, &source.not_namespaces, namespace)
    }

    fn match_operation(&self, operation: &Operation) -> bool {
        let AuthorizationRequest { method, path, .. } = *self.request;
        self.holds(&operation.methods, &operation.not_methods, Some(method))
            && self.holds(&operation.paths, &operation.not_paths, Some(path))
    }

    /// Whether `text` is one of `these` and none of `not_these`, of which an empty list asks for nothing.
    fn holds(&self, these: &[TextMatch], not_these: &[TextMatch], text: Option<&str>) -> bool {
        let if_unknown = self.action == AuthorizationAction::Deny;
        let is_one = |list| is_one_of(list, text);
        (these.is_empty() || is_one(these).unwrap_or(if_unknown))
            && (not_these.is_empty() || is_one(not_these).map_or(if_unknown, |is_one| !is_one))
    }
}

/// Whether one of the conditions of `list` holds for `text`; `None` when that cannot be known.
fn is_one_of(list: &[TextMatch], text: Option<&str>) -> Option<bool> {
    match text {
        Some(text) => Some(list.iter().any(|condition| accepts(condition, text))),
        None => list
            .iter()
            .all(|condition| *condition == TextMatch::Present)
            .then_some(false),
    }
}

fn accepts(condition: &TextMatch, text: &str) -> bool {
    match condition {
        TextMatch::Exact(exact) => text == exact,
        TextMatch::Prefix(prefix) => text.starts_with(prefix.as_str()),
        TextMatch::Suffix(suffix) => text.ends_with(suffix.as_str()),
        TextMatch::Present => !text.is_empty(),
    }
}
