//! Peer authentication.

use std::collections::BTreeMap;

use hallway_yaml::{Diagnostic, Node, Path};

use super::{Checker, Place};
use crate::kind::Kind;

/// The namespace and labels that a policy is for.
type Scope<'r> = (&'r str, Option<&'r BTreeMap<String, String>>);

impl Checker<'_> {
    /// Two policies for the same workloads would leave open which one holds.
    pub(super) fn peer_authentications(&mut self) {
        let mut first_documents: BTreeMap<Scope<'_>, &Node> = BTreeMap::new();
        for policy in self.resources.peer_authentications.values() {
            let selector_path = Path::keys(["spec", "selector"]);
            let place = Place {
                kind: Kind::PeerAuthentication,
                document: &policy.document,
                path: &selector_path,
            };
            let selector = policy.value.spec.selector.as_ref();
            let labels = selector.map(|selector| &selector.match_labels);
            self.names_a_label(place, selector);
            let namespace = policy.value.metadata.namespace.as_str();
            match first_documents.get(&(namespace, labels)) {
                Some(first) => self.ambiguous(place, first, (namespace, labels)),
                None => drop(first_documents.insert((namespace, labels), &policy.document)),
            }
        }
    }

    fn ambiguous(&mut self, place: Place<'_>, first: &Node, (namespace, labels): Scope<'_>) {
        let scope = match labels {
            None => format!("all of namespace `{namespace}`"),
            Some(_) => "the same workloads".to_owned(),
        };
        let name = Path::keys(["metadata", "name"]);
        let here = place.with_path(&name);
        let message = format!("two PeerAuthentications are for {scope}");
        let diagnostic = Diagnostic::error(message, here.span(), "another one")
            .with_secondary(first.span(&name), "the first one")
            .with_help("keep one of the two, or give one a selector of its own".to_owned());
        self.report(here, diagnostic);
    }
}
