//! References to other resources, and to the ports of services.

use hallway_yaml::{Diagnostic, Path, suggest};

use super::{Checker, Place};
use crate::kind::Kind;
use crate::resources::NamespacedName;

impl Checker<'_> {
    /// Reports `service` at `place` if there is none of that name. Whether it exists, as far as can be known.
    pub(super) fn service_exists(&mut self, place: Place<'_>, service: &NamespacedName) -> bool {
        self.resource_exists(place, Kind::Service, service)
    }

    /// The same of a Service, a Secret or a Gateway.
    pub(super) fn resource_exists(&mut self, place: Place<'_>, kind: Kind, key: &NamespacedName) -> bool {
        let names = self.names(kind);
        if names.contains(&key) {
            return true;
        }
        if self.unreadable.others || self.unreadable.named.contains(&(kind, key.clone())) {
            return false;
        }
        let help = match similar(&names, key) {
            Some(near) => format!("did you mean `{near}`? otherwise add a {kind} {key}"),
            None => format!("add a {kind} {key}, or remove the reference"),
        };
        let diagnostic = Diagnostic::error(
            format!("there is no {kind} {key}"),
            place.span(),
            "refers to nothing",
        );
        let severity = self.dangling();
        self.report(place, diagnostic.with_severity(severity).with_help(help));
        false
    }

    /// The names of the resources of a kind that others refer to.
    fn names(&self, kind: Kind) -> Vec<&NamespacedName> {
        match kind {
            Kind::Service => self.resources.services.keys().collect(),
            Kind::Secret => self.resources.secrets.keys().collect(),
            Kind::Gateway => self.resources.gateways.keys().collect(),
            _ => Vec::new(),
        }
    }

    /// Reports `port` at `port_path` if the service exists but has no such port.
    pub(super) fn port_exists(
        &mut self,
        place: Place<'_>,
        service: &NamespacedName,
        port: u16,
        port_path: &Path,
    ) {
        let Some(found) = self.resources.services.get(service) else {
            return;
        };
        let ports: Vec<String> = found
            .value
            .spec
            .ports
            .iter()
            .map(|port| port.port.to_string())
            .collect();
        if ports.contains(&port.to_string()) {
            return;
        }
        let place = place.with_path(port_path);
        let help = format!(
            "its ports are {}",
            suggest::all_of(ports.iter().map(String::as_str))
        );
        let diagnostic = Diagnostic::error(
            format!("Service {service} has no port {port}"),
            place.span(),
            "no such port",
        )
        .with_secondary(
            found.document.key_span(&Path::keys(["spec", "ports"])),
            "its ports",
        );
        let severity = self.dangling();
        self.report(place, diagnostic.with_severity(severity).with_help(help));
    }
}

/// One whose name is near in the same namespace, or the same in another one.
fn similar<'n>(names: &[&'n NamespacedName], missing: &NamespacedName) -> Option<&'n NamespacedName> {
    let siblings = || names.iter().filter(|key| key.namespace == missing.namespace);
    let near = suggest::closest(&missing.name, siblings().map(|key| key.name.as_str()));
    near.and_then(|near| siblings().find(|key| key.name == near))
        .or_else(|| names.iter().find(|key| key.name == missing.name))
        .copied()
}
