//! The `AuthorizationPolicy`s of a workload: all that are for it count, however closely.
//! Source: <https://istio.io/latest/docs/reference/config/security/authorization-policy/>.

use hallway_config::authorization_policy::{Action, Operation, Rule, Source};
use hallway_config::string_match::StringMatch;
use hallway_config::{AuthorizationPolicy, Located, NamespacedName, Resources};
use hallway_model as model;
use hallway_model::TrustDomain;
use hallway_model::authorization::{AuthorizationAction, AuthorizationRule, TextMatch};

use super::selector::specificity;
use crate::registry::Workload;

/// The trust domain that stands for the mesh's own in policies, so that they need not name it.
/// Source: <https://istio.io/latest/docs/tasks/security/authorization/authz-td-migration/>.
const OWN_TRUST_DOMAIN: &str = "cluster.local";

/// The policies of `workload`, in the order of their names.
pub(super) fn in_force(resources: &Resources, workload: &Workload) -> Vec<model::AuthorizationPolicy> {
    let label = workload.label();
    let is_for_it = |policy: &Located<AuthorizationPolicy>| {
        let AuthorizationPolicy { metadata, spec, .. } = &policy.value;
        specificity(metadata, spec.selector.as_ref(), &label).is_some()
    };
    let policies = resources.authorization_policies.iter();
    let policies = policies.filter(|(_, policy)| is_for_it(policy));
    policies
        .map(|(key, policy)| translated(key, policy, workload.identity.trust_domain()))
        .collect()
}

fn translated(
    key: &NamespacedName,
    policy: &Located<AuthorizationPolicy>,
    own: &TrustDomain,
) -> model::AuthorizationPolicy {
    let rules = policy.value.spec.rules.iter().enumerate();
    let rules = rules.map(|(index, rule)| {
        let Rule { from, to } = rule;
        AuthorizationRule {
            name: format!("{key}#{}", index + 1),
            origin: policy.rule_origin(index),
            from: from
                .iter()
                .flatten()
                .map(|from| source(&from.source, own))
                .collect(),
            to: to.iter().flatten().map(|to| operation(&to.operation)).collect(),
        }
    });
    model::AuthorizationPolicy {
        action: match policy.value.spec.action {
            Action::Allow => AuthorizationAction::Allow,
            Action::Deny => AuthorizationAction::Deny,
        },
        rules: rules.collect(),
    }
}

fn source(source: &Source, own: &TrustDomain) -> model::authorization::Source {
    let principals = |list: &[StringMatch]| {
        let conditions = list.iter().map(StringMatch::condition);
        conditions
            .map(|condition| with_trust_domain(condition, own))
            .collect()
    };
    model::authorization::Source {
        principals: principals(&source.principals),
        not_principals: principals(&source.not_principals),
        request_principals: conditions(&source.request_principals),
        not_request_principals: conditions(&source.not_request_principals),
        namespaces: conditions(&source.namespaces),
        not_namespaces: conditions(&source.not_namespaces),
    }
}

fn operation(operation: &Operation) -> model::authorization::Operation {
    model::authorization::Operation {
        methods: conditions(&operation.methods),
        not_methods: conditions(&operation.not_methods),
        paths: conditions(&operation.paths),
        not_paths: conditions(&operation.not_paths),
    }
}

fn conditions(list: &[StringMatch]) -> Vec<TextMatch> {
    list.iter().map(StringMatch::condition).collect()
}

/// The condition with the mesh's own trust domain in place of the word for it.
fn with_trust_domain(condition: TextMatch, own: &TrustDomain) -> TextMatch {
    let replaced = |text: String| match text.strip_prefix(OWN_TRUST_DOMAIN) {
        Some(rest) if rest.starts_with('/') => format!("{}{rest}", own.as_str()),
        _ => text,
    };
    match condition {
        TextMatch::Exact(text) => TextMatch::Exact(replaced(text)),
        TextMatch::Prefix(text) => TextMatch::Prefix(replaced(text)),
        TextMatch::Suffix(_) | TextMatch::Present => condition,
    }
}
