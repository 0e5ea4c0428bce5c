//! What routes are attached to, and the host names that they are for.

use hallway_yaml::{Diagnostic, Path, Severity, suggest};

use super::{Checker, Place};
use crate::attachment::{NotAttached, attachments};
use crate::gateway::{Gateway, Listener};
use crate::http_route::{HttpRoute, ParentGroup, ParentKind, ParentRef};
use crate::kind::Kind;
use crate::resources::{Located, NamespacedName};

impl Checker<'_> {
    pub(super) fn parents(&mut self, place: Place<'_>, route: &Located<HttpRoute>) {
        let namespace = &route.value.metadata.namespace;
        let path = |index: usize| Path::keys(["spec", "parentRefs"]).with(index);
        let parents = &route.value.spec.parent_refs;
        let keys = parents.iter().enumerate();
        let keys: Vec<(Path, String)> = keys
            .map(|(index, parent)| (path(index).with("name"), identifier(parent, namespace)))
            .collect();
        self.unique(
            place,
            "parents",
            keys.iter().map(|(path, key)| (path.clone(), key.as_str())),
        );
        for (index, parent) in parents.iter().enumerate() {
            let path = path(index);
            let here = place.with_path(&path);
            match (parent.group, parent.kind) {
                (ParentGroup::Gateway, ParentKind::Gateway) => {
                    self.gateway_parent(here, &route.value, parent)
                }
                (ParentGroup::Core, ParentKind::Service) => self.service_parent(here, parent, namespace),
                (ParentGroup::Gateway, ParentKind::Service) => self.wrong_group(here, parent, "\"\""),
                (ParentGroup::Core, ParentKind::Gateway) => {
                    self.wrong_group(here, parent, "gateway.networking.k8s.io");
                }
            }
        }
    }

    /// Host names belong to gateways: who calls a service has chosen it by its name already.
    pub(super) fn hostnames(&mut self, place: Place<'_>, route: &HttpRoute) {
        let hostnames = Path::keys(["spec", "hostnames"]);
        let keys = route.spec.hostnames.iter().enumerate();
        self.unique(
            place,
            "host names",
            keys.map(|(index, name)| (hostnames.with(index), name.as_str())),
        );
        let mut parents = route.spec.parent_refs.iter();
        let service = parents.position(|parent| parent.kind == ParentKind::Service);
        let Some(index) = service.filter(|_| !route.spec.hostnames.is_empty()) else {
            return;
        };
        let here = place.with_path(&hostnames);
        let parent = Path::keys(["spec", "parentRefs"]).with(index).with("name");
        let message = "`hostnames` is not supported with a Service as parent";
        let diagnostic = Diagnostic::error(message, place.document.key_span(&hostnames), "would be ignored")
            .with_secondary(
                place.document.span(&parent),
                "a mesh route is chosen by the service that is called",
            )
            .with_help("remove it, or give the Service a route of its own".to_owned());
        self.report(here, diagnostic);
    }

    fn service_parent(&mut self, place: Place<'_>, parent: &ParentRef, namespace: &str) {
        let service = parent.target(namespace);
        let name = place.path.with("name");
        if parent.section_name.is_some() {
            let section = place.path.with("sectionName");
            let message = "`sectionName` is not supported with a Service as parent";
            self.error(
                place.with_path(&section),
                message,
                "names a listener",
                "name a port with `port`",
            );
        }
        if service.namespace != namespace {
            let help = format!("move the route to namespace `{}`", service.namespace);
            let message = "a route for a Service of another namespace (a consumer route) is not supported";
            let here = place.path.with("namespace");
            self.error(
                place.with_path(&here),
                message,
                "not the route's namespace",
                &help,
            );
        } else if self.service_exists(place.with_path(&name), &service)
            && let Some(port) = parent.port
        {
            self.port_exists(place, &service, port, &place.path.with("port"));
        }
    }

    fn gateway_parent(&mut self, place: Place<'_>, route: &HttpRoute, parent: &ParentRef) {
        let key = parent.target(&route.metadata.namespace);
        let name = place.path.with("name");
        if !self.resource_exists(place.with_path(&name), Kind::Gateway, &key) {
            return;
        }
        let Some(gateway) = self.resources.gateways.get(&key) else {
            return;
        };
        match attachments(&gateway.value, route, parent) {
            Ok(_) => {}
            Err(NotAttached::NoMatchingParent) => self.no_listener(place, gateway, parent, &key),
            Err(NotAttached::NotAllowedByListeners) => self.not_allowed(place, gateway, route, &key),
            Err(NotAttached::NoMatchingListenerHostname) => self.no_common_name(place, gateway, &key),
        }
    }

    fn no_listener(
        &mut self,
        place: Place<'_>,
        gateway: &Located<Gateway>,
        parent: &ParentRef,
        key: &NamespacedName,
    ) {
        let listeners = || gateway.value.spec.listeners.iter();
        let named = |name: &String| listeners().any(|listener| listener.name == *name);
        let (field, wanted) = match (&parent.section_name, parent.port) {
            (Some(name), _) if !named(name) => ("sectionName", format!("listener `{name}`")),
            (Some(name), Some(port)) => ("port", format!("listener `{name}` at port {port}")),
            (_, port) => ("port", format!("listener at port {}", port.unwrap_or_default())),
        };
        let described = |listener: &Listener| format!("{}:{}", listener.name, listener.port);
        let known: Vec<String> = listeners().map(described).collect();
        let help = format!(
            "its listeners are {}",
            suggest::all_of(known.iter().map(String::as_str))
        );
        let path = place.path.with(field);
        let here = place.with_path(&path);
        let diagnostic = Diagnostic::error(
            format!("Gateway {key} has no {wanted}"),
            here.span(),
            "no such listener",
        )
        .with_secondary(listeners_span(gateway), "its listeners");
        let severity = self.dangling();
        self.report(here, diagnostic.with_severity(severity).with_help(help));
    }

    fn not_allowed(
        &mut self,
        place: Place<'_>,
        gateway: &Located<Gateway>,
        route: &HttpRoute,
        key: &NamespacedName,
    ) {
        let path = place.path.with("namespace");
        let here = place.with_path(&path);
        let message = format!(
            "Gateway {key} takes no routes of namespace `{}`",
            route.metadata.namespace
        );
        let diagnostic = Diagnostic::error(message, here.span(), "another namespace than the route's")
            .with_secondary(
                listeners_span(gateway),
                "they take routes of their own namespace only",
            );
        let severity = self.dangling();
        let help = "write `allowedRoutes: { namespaces: { from: All } }` in a listener, or move the route";
        self.report(
            here,
            diagnostic.with_severity(severity).with_help(help.to_owned()),
        );
    }

    /// The names are sound and the references lead somewhere, but no request will ever come this way.
    fn no_common_name(&mut self, place: Place<'_>, gateway: &Located<Gateway>, key: &NamespacedName) {
        let path = Path::keys(["spec", "hostnames"]);
        let here = place.with_path(&path);
        let message = format!("no listener of Gateway {key} is for any of these host names");
        let diagnostic = Diagnostic::error(
            message,
            place.document.key_span(&path),
            "the route gets no requests from there",
        )
        .with_secondary(listeners_span(gateway), "its listeners are for other names")
        .with_severity(Severity::Warning)
        .with_help("change the host names of the route or of a listener".to_owned());
        self.report(here, diagnostic);
    }

    fn wrong_group(&mut self, place: Place<'_>, parent: &ParentRef, group: &str) {
        let (kind, path) = match parent.kind {
            ParentKind::Gateway => ("Gateway", place.path.with("group")),
            ParentKind::Service => ("Service", place.path.with("kind")),
        };
        let message = format!("a {kind} is not of this API group");
        let help = format!("write `group: {group}`");
        self.error(
            place.with_path(&path),
            message,
            &format!("a {kind} has `group: {group}`"),
            &help,
        );
    }
}

/// Two references with the same identifier are one.
fn identifier(parent: &ParentRef, namespace: &str) -> String {
    let target = parent.target(namespace);
    let name = match target.namespace == namespace {
        true => target.name,
        false => target.to_string(),
    };
    let kind = match parent.kind {
        ParentKind::Gateway => "Gateway ",
        ParentKind::Service => "",
    };
    let section = parent.section_name.iter().map(|name| format!("/{name}"));
    let port = parent.port.iter().map(|port| format!(":{port}"));
    let place: String = section.chain(port).collect();
    format!("{kind}{name}{place}")
}

fn listeners_span(gateway: &Located<Gateway>) -> hallway_yaml::Span {
    gateway.document.key_span(&Path::keys(["spec", "listeners"]))
}
