//! Envoy Gateway's policies: their gateways.

use std::collections::BTreeMap;

use hallway_yaml::{Diagnostic, Node, Path};

use super::{Checker, Place};
use crate::kind::Kind;
use crate::resources::NamespacedName;

impl Checker<'_> {
    /// Envoy Gateway lets the older one of two policies win; files have no age.
    pub(super) fn envoy_gateway_policies(&mut self) {
        let mut first_targets: BTreeMap<NamespacedName, (&NamespacedName, &Node, Path)> = BTreeMap::new();
        for (key, policy) in &self.resources.envoy_gateway_policies {
            let targets = Path::keys(["spec", "targetRefs"]);
            let place = Place {
                kind: Kind::EnvoyGatewayPolicy,
                document: &policy.document,
                path: &targets,
            };
            let names = policy.value.spec.target_refs.iter().enumerate();
            let names = names.map(|(index, target)| (targets.with(index).with("name"), target.name.as_str()));
            self.unique(place, "targets named", names.clone());
            for (path, name) in names {
                let gateway = NamespacedName::new(&key.namespace, name);
                self.resource_exists(place.with_path(&path), Kind::Gateway, &gateway);
                match first_targets.get(&gateway) {
                    Some((first, document, first_path)) if *first != key => {
                        let message = format!(
                            "the BackendTrafficPolicies {first} and {key} are both for Gateway {gateway}"
                        );
                        let here = place.with_path(&path);
                        let diagnostic = Diagnostic::error(message, here.span(), "another one")
                            .with_secondary(document.span(first_path), "the first one")
                            .with_help("merge them into one, or remove this target".to_owned());
                        self.report(here, diagnostic);
                    }
                    Some(_) => {}
                    None => drop(first_targets.insert(gateway, (key, &policy.document, path))),
                }
            }
        }
    }
}
