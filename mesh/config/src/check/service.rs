//! Services.

use std::collections::BTreeMap;

use hallway_model::Protocol;
use hallway_yaml::{Diagnostic, Node, Path};

use super::{Checker, Place};
use crate::kind::Kind;
use crate::service::ServicePort;

/// The port that first said what a group of workloads speaks.
struct Spoken<'r> {
    version: Protocol,
    document: &'r Node,
    path: Path,
}

impl Checker<'_> {
    pub(super) fn services(&mut self) {
        for service in self.resources.services.values() {
            let ports_path = Path::keys(["spec", "ports"]);
            let place = Place {
                kind: Kind::Service,
                document: &service.document,
                path: &ports_path,
            };
            let ports = &service.value.spec.ports;
            if service.value.metadata.name.contains('.') {
                let name = Path::keys(["metadata", "name"]);
                let help = "use lower-case letters, digits and `-`";
                self.error(
                    place.with_path(&name),
                    "the name of a Service must be one DNS label",
                    "has a dot",
                    help,
                );
            }
            self.port_names(place, ports);
            let numbers: Vec<String> = ports.iter().map(|port| port.port.to_string()).collect();
            let keys = numbers
                .iter()
                .enumerate()
                .map(|(index, number)| (ports_path.with(index).with("port"), number.as_str()));
            self.unique(place, "ports", keys);
        }
        self.application_protocols();
    }

    /// A workload runs one application, to which all ports of all services lead that select it.
    fn application_protocols(&mut self) {
        let mut spoken: BTreeMap<(&str, &str), Spoken<'_>> = BTreeMap::new();
        for service in self.resources.services.values() {
            let Some(app) = service.value.selected_app() else {
                continue;
            };
            let group = (service.value.metadata.namespace.as_str(), app);
            for (index, port) in service.value.spec.ports.iter().enumerate() {
                let this = Spoken {
                    version: port.app_protocol.http_version(),
                    document: &service.document,
                    path: Path::keys(["spec", "ports"]).with(index).with("appProtocol"),
                };
                match spoken.get(&group) {
                    Some(first) if first.version != this.version => self.disagreement(app, first, &this),
                    Some(_) => {}
                    None => drop(spoken.insert(group, this)),
                }
            }
        }
    }

    fn disagreement(&mut self, app: &str, first: &Spoken<'_>, other: &Spoken<'_>) {
        let place = Place {
            kind: Kind::Service,
            document: other.document,
            path: &other.path,
        };
        let message =
            format!("workloads of `app: {app}` cannot speak two versions of HTTP on their one port");
        let label = |version| match version {
            Protocol::Http1 => "HTTP/1.1, the default",
            Protocol::Http2 => "HTTP/2",
        };
        let diagnostic = Diagnostic::error(message, place.span(), label(other.version))
            .with_secondary(first.document.span(&first.path), label(first.version))
            .with_help("give both the same `appProtocol`".to_owned());
        self.report(place, diagnostic);
    }

    fn port_names(&mut self, place: Place<'_>, ports: &[ServicePort]) {
        let named = ports
            .iter()
            .enumerate()
            .filter_map(|(index, port)| Some((index, port.name.as_deref()?)));
        self.unique(
            place,
            "ports named",
            named.map(|(index, name)| (place.path.with(index).with("name"), name)),
        );
        for (index, _) in ports
            .iter()
            .enumerate()
            .filter(|(_, port)| ports.len() > 1 && port.name.is_none())
        {
            let path = place.path.with(index);
            self.error(
                place.with_path(&path),
                "a port of several needs a name",
                "has no name",
                "add `name:`",
            );
        }
    }
}
