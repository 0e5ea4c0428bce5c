//! Gateways: their listeners, and the certificates of these.

use std::collections::BTreeMap;

use hallway_yaml::{Diagnostic, Path};

use super::{Checker, Place};
use crate::gateway::{GATEWAY_CLASS, Gateway, Listener, ListenerProtocol};
use crate::kind::Kind;
use crate::resources::NamespacedName;

impl Checker<'_> {
    pub(super) fn gateways(&mut self) {
        for gateway in self.resources.gateways.values() {
            let listeners = Path::keys(["spec", "listeners"]);
            let place = Place {
                kind: Kind::Gateway,
                document: &gateway.document,
                path: &listeners,
            };
            self.gateway_class(place, &gateway.value);
            self.distinct_listeners(place, &gateway.value.spec.listeners);
            for (index, listener) in gateway.value.spec.listeners.iter().enumerate() {
                let path = listeners.with(index);
                self.listener_tls(
                    place.with_path(&path),
                    listener,
                    &gateway.value.metadata.namespace,
                );
            }
        }
    }

    fn gateway_class(&mut self, place: Place<'_>, gateway: &Gateway) {
        let class = &gateway.spec.gateway_class_name;
        if class != GATEWAY_CLASS {
            let path = Path::keys(["spec", "gatewayClassName"]);
            let help = format!("write `gatewayClassName: {GATEWAY_CLASS}`");
            self.error(
                place.with_path(&path),
                format!("a gateway of class `{class}` would not be served here"),
                "another class",
                &help,
            );
        }
    }

    /// A connection belongs to one listener: by its port, by whether it speaks TLS, and by the host name.
    fn distinct_listeners(&mut self, place: Place<'_>, listeners: &[Listener]) {
        let path = |index: usize| place.path.with(index);
        let names = listeners.iter().enumerate();
        self.unique(
            place,
            "listeners named",
            names.map(|(index, listener)| (path(index).with("name"), listener.name.as_str())),
        );
        let identity = |listener: &Listener| {
            let host = listener
                .hostname
                .as_ref()
                .map_or("all host names", |name| name.as_str());
            format!("{} ({}) for {host}", listener.port, listener.protocol.as_str())
        };
        let keys: Vec<(Path, String)> = listeners
            .iter()
            .enumerate()
            .map(|(index, listener)| (path(index).with("port"), identity(listener)))
            .collect();
        let mut protocols: BTreeMap<u16, (usize, ListenerProtocol)> = BTreeMap::new();
        for (index, listener) in listeners.iter().enumerate() {
            match protocols.get(&listener.port) {
                Some((first, protocol)) if *protocol != listener.protocol => {
                    self.two_protocols(place, &path(*first), &path(index), listener);
                }
                Some(_) => {}
                None => drop(protocols.insert(listener.port, (index, listener.protocol))),
            }
        }
        self.unique(
            place,
            "listeners at port",
            keys.iter().map(|(path, key)| (path.clone(), key.as_str())),
        );
    }

    fn two_protocols(&mut self, place: Place<'_>, first: &Path, second: &Path, listener: &Listener) {
        let path = second.with("protocol");
        let here = place.with_path(&path);
        let message = format!("port {} cannot speak two protocols", listener.port);
        let diagnostic = Diagnostic::error(message, here.span(), "another protocol here")
            .with_secondary(
                place.document.span(&first.with("protocol")),
                "the first one at this port",
            )
            .with_help("give one of the listeners another port".to_owned());
        self.report(here, diagnostic);
    }

    fn listener_tls(&mut self, place: Place<'_>, listener: &Listener, namespace: &str) {
        let tls = match (listener.protocol, &listener.tls) {
            (ListenerProtocol::Https, Some(tls)) => tls,
            (ListenerProtocol::Http, None) => return,
            (ListenerProtocol::Https, None) => {
                let path = place.path.with("protocol");
                let help = "add `tls: { certificateRefs: [{ name: … }] }`";
                let message = format!("the HTTPS listener `{}` needs `tls`", listener.name);
                return self.error(place.with_path(&path), message, "has no certificate", help);
            }
            (ListenerProtocol::Http, Some(_)) => {
                let path = place.path.with("protocol");
                let message = format!("the HTTP listener `{}` cannot have `tls`", listener.name);
                let help = "write `protocol: HTTPS`, or remove `tls`";
                return self.error(place.with_path(&path), message, "speaks in the clear", help);
            }
        };
        for (index, reference) in tls.certificate_refs.iter().enumerate() {
            let path = place.path.with("tls").with("certificateRefs").with(index);
            let home = reference.namespace.as_deref().unwrap_or(namespace);
            if home == namespace {
                let secret = NamespacedName::new(home, &reference.name);
                self.resource_exists(place.with_path(&path.with("name")), Kind::Secret, &secret);
            } else {
                self.foreign_secret(
                    place.with_path(&path.with("namespace")),
                    home,
                    namespace,
                    &reference.name,
                );
            }
        }
    }
    fn foreign_secret(&mut self, place: Place<'_>, home: &str, namespace: &str, name: &str) {
        let message = format!(
            "Secret {home}/{name} is in another namespace, and no ReferenceGrant allows the reference"
        );
        let help = format!("refer to a Secret of namespace `{namespace}`; ReferenceGrants are not supported");
        let diagnostic = Diagnostic::error(message, place.span(), "not the gateway's namespace");
        let severity = self.dangling();
        self.report(place, diagnostic.with_severity(severity).with_help(help));
    }
}
