//! Request authentication.

use hallway_model::jwk;
use hallway_yaml::Path;

use super::{Checker, Place};
use crate::kind::Kind;
use crate::request_authentication::JwtRule;

impl Checker<'_> {
    pub(super) fn request_authentications(&mut self) {
        for policy in self.resources.request_authentications.values() {
            let selector_path = Path::keys(["spec", "selector"]);
            let place = Place {
                kind: Kind::RequestAuthentication,
                document: &policy.document,
                path: &selector_path,
            };
            let spec = &policy.value.spec;
            self.names_a_label(place, spec.selector.as_ref());
            self.selects_a_service(place, &policy.value.metadata.namespace, spec.selector.as_ref());
            let rules_path = Path::keys(["spec", "jwtRules"]);
            let issuers = spec.jwt_rules.iter().enumerate();
            let issuers =
                issuers.map(|(index, rule)| (rules_path.with(index).with("issuer"), rule.issuer.as_str()));
            self.unique(place, "rules for the issuer", issuers);
            for (index, rule) in spec.jwt_rules.iter().enumerate() {
                self.jwt_rule(place.with_path(&rules_path.with(index)), rule);
            }
        }
    }

    fn jwt_rule(&mut self, place: Place<'_>, rule: &JwtRule) {
        if let Err(error) = jwk::parse_set(&rule.jwks) {
            let path = place.path.with("jwks");
            let help = "write the issuer's public keys as they are published, such as `{ \"keys\": [{ \"kty\": \"OKP\", … }] }`";
            let message = format!("the keys of `{}` cannot be used: {error}", rule.issuer);
            self.error(place.with_path(&path), message, "no usable keys", help);
        }
        let names: Vec<String> = rule
            .from_headers
            .iter()
            .flatten()
            .map(|header| header.name.to_ascii_lowercase())
            .collect();
        let path = place.path.with("fromHeaders");
        let keys = names.iter().enumerate();
        let keys = keys.map(|(index, name)| (path.with(index).with("name"), name.as_str()));
        self.unique(place, "headers named", keys);
    }
}
