//! Destination rules.

use std::collections::BTreeMap;

use hallway_yaml::{Diagnostic, Node, Path};

use super::{Checker, Place};
use crate::kind::Kind;
use crate::resources::NamespacedName;

impl Checker<'_> {
    pub(super) fn destination_rules(&mut self) {
        let mut first_documents: BTreeMap<NamespacedName, &Node> = BTreeMap::new();
        for rule in self.resources.destination_rules.values() {
            let host = Path::keys(["spec", "host"]);
            let place = Place {
                kind: Kind::DestinationRule,
                document: &rule.document,
                path: &host,
            };
            let Some(service) = rule.value.service() else {
                let help = "write `NAME`, `NAME.NAMESPACE` or `NAME.NAMESPACE.svc.cluster.local`";
                self.error(
                    place,
                    format!("`{}` is not the host of a Service", rule.value.spec.host),
                    "",
                    help,
                );
                continue;
            };
            self.service_exists(place, &service);
            if let Some(first) = first_documents.get(&service) {
                let message = format!("two DestinationRules are for Service {service}");
                let diagnostic = Diagnostic::error(message, place.span(), "another one")
                    .with_secondary(first.span(&host), "the first one")
                    .with_help("merge them into one".to_owned());
                self.report(place, diagnostic);
            } else {
                first_documents.insert(service, &rule.document);
            }
        }
    }
}
