//! The `RequestAuthentication`s of a workload: the rules of all that are for it count.
//! Source: <https://istio.io/latest/docs/reference/config/security/request_authentication/>.

use hallway_config::request_authentication::JwtRule;
use hallway_config::{Located, RequestAuthentication, Resources};
use hallway_model as model;
use hallway_model::authentication::TokenHeader;
use hallway_model::jwk;
use hallway_yaml::Path;

use super::selector::specificity;
use crate::registry::Label;

/// Which tokens the workloads that carry `label` believe.
pub(super) fn in_force(resources: &Resources, label: &Label) -> Vec<model::JwtRule> {
    let is_for_it = |policy: &&Located<RequestAuthentication>| {
        let RequestAuthentication { metadata, spec, .. } = &policy.value;
        specificity(metadata, spec.selector.as_ref(), label).is_some()
    };
    let policies = resources.request_authentications.values().filter(is_for_it);
    policies.flat_map(translated).collect()
}

fn translated(policy: &Located<RequestAuthentication>) -> impl Iterator<Item = model::JwtRule> {
    let rules = policy.value.spec.jwt_rules.iter().enumerate();
    rules.map(|(index, rule)| model::JwtRule {
        origin: policy.origin_of(&Path::keys(["spec", "jwtRules"]).with(index)),
        issuer: rule.issuer.clone(),
        audiences: rule.audiences.clone().unwrap_or_default(),
        keys: jwk::parse_set(&rule.jwks).expect("admission has read the keys"),
        forward_original_token: rule.forward_original_token,
        from_headers: headers(rule),
    })
}

fn headers(rule: &JwtRule) -> Vec<TokenHeader> {
    let header = |name: &str, prefix: &str| TokenHeader {
        name: name.to_ascii_lowercase(),
        prefix: prefix.to_owned(),
    };
    match &rule.from_headers {
        Some(headers) => headers
            .iter()
            .map(|from| header(&from.name, &from.prefix))
            .collect(),
        None => vec![header("authorization", "Bearer ")],
    }
}
