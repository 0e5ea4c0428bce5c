//! Services.

use hallway_yaml::Path;

use super::{Checker, Place};
use crate::kind::Kind;
use crate::service::ServicePort;

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
