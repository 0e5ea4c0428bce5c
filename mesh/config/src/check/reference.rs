//! References to services and their ports.

use hallway_yaml::{Diagnostic, Path, suggest};

use super::{Checker, Place};
use crate::resources::NamespacedName;

impl Checker<'_> {
    /// Reports `service` at `place` if there is none of that name. Whether it exists, as far as can be known.
    pub(super) fn service_exists(&mut self, place: Place<'_>, service: &NamespacedName) -> bool {
        if self.resources.services.contains_key(service) {
            return true;
        }
        if self.unreadable.others || self.unreadable.services.contains(service) {
            return false;
        }
        let help = match self.similar_service(service) {
            Some(near) => format!("did you mean `{near}`? otherwise add a Service {service}"),
            None => format!("add a Service {service}, or remove the reference"),
        };
        let diagnostic = Diagnostic::error(
            format!("there is no Service {service}"),
            place.span(),
            "refers to nothing",
        );
        let severity = self.dangling();
        self.report(place, diagnostic.with_severity(severity).with_help(help));
        false
    }

    /// A service whose name is near in the same namespace, or the same in another one.
    fn similar_service(&self, missing: &NamespacedName) -> Option<&NamespacedName> {
        let keys = || self.resources.services.keys();
        let siblings = || keys().filter(|key| key.namespace == missing.namespace);
        let near = suggest::closest(&missing.name, siblings().map(|key| key.name.as_str()));
        near.and_then(|near| siblings().find(|key| key.name == near))
            .or_else(|| keys().find(|key| key.name == missing.name))
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
