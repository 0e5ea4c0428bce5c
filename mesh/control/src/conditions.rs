//! Whether gateways and routes are accepted, resolved and in force. Pure.

use std::collections::BTreeMap;

use hallway_config::attachment::attachments;
use hallway_config::gateway::Listener;
use hallway_config::http_route::{HttpRoute, ParentKind, ParentRef};
use hallway_config::{Gateway, NamespacedName, Resources};

use crate::api::ConditionType::{Accepted, Programmed, ResolvedRefs};
use crate::api::{Condition, GatewayStatus, ListenerStatus, RouteParentStatus};
use crate::translate::gateway::{attached, certificate};
use crate::translate::routes::{UnresolvedBackend, unresolved};

/// How far the proxies of a gateway are.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Progress {
    /// No registered workload is this gateway.
    #[default]
    NoProxy,
    /// One is, and has not put in force what it should.
    Pending,
    /// One has.
    InForce,
}

/// How the gateways are, given how far the proxies of each are.
pub(crate) fn gateways(
    resources: &Resources,
    progress: &BTreeMap<NamespacedName, Progress>,
) -> BTreeMap<String, GatewayStatus> {
    let status = |gateway: &Gateway| {
        let key = gateway.metadata.key();
        let progress = progress.get(&key).copied().unwrap_or_default();
        let listeners = gateway.spec.listeners.iter();
        let listeners = listeners.map(|written| {
            let status = listener(resources, gateway, written, progress);
            (written.name.clone(), status)
        });
        let status = GatewayStatus {
            conditions: vec![Condition::holds(Accepted), programmed(progress)],
            listeners: listeners.collect(),
        };
        (key.to_string(), status)
    };
    let gateways = resources.gateways.values();
    gateways.map(|gateway| status(&gateway.value)).collect()
}

/// How each route is at each of its parents.
pub(crate) fn routes(resources: &Resources) -> BTreeMap<String, Vec<RouteParentStatus>> {
    let routes = resources.http_routes.iter();
    routes
        .map(|(key, route)| {
            let resolved = resolved(resources, &route.value);
            let parents = route.value.spec.parent_refs.iter();
            let parents = parents.map(|parent| RouteParentStatus {
                parent: described(parent, &key.namespace),
                conditions: vec![accepted(resources, &route.value, parent), resolved.clone()],
            });
            (key.to_string(), parents.collect())
        })
        .collect()
}

fn listener(
    resources: &Resources,
    gateway: &Gateway,
    listener: &Listener,
    progress: Progress,
) -> ListenerStatus {
    let certificate = certificate(resources, &gateway.metadata.namespace, listener);
    let (resolved, programmed) = match certificate {
        Ok(_) => (Condition::holds(ResolvedRefs), programmed(progress)),
        Err(reason) => (
            Condition::fails(ResolvedRefs, "InvalidCertificateRef", reason),
            Condition::fails(
                Programmed,
                "Invalid",
                "it has no certificate to prove itself with",
            ),
        ),
    };
    ListenerStatus {
        attached_routes: attached(resources, gateway, &listener.name).count(),
        conditions: vec![Condition::holds(Accepted), programmed, resolved],
    }
}

fn programmed(progress: Progress) -> Condition {
    match progress {
        Progress::InForce => Condition::holds(Programmed),
        Progress::Pending => Condition::fails(Programmed, "Pending", "its proxy has not put it in force yet"),
        Progress::NoProxy => Condition::fails(
            Programmed,
            "NoResources",
            "no registered workload is this gateway",
        ),
    }
}

fn accepted(resources: &Resources, route: &HttpRoute, parent: &ParentRef) -> Condition {
    let key = parent.target(&route.metadata.namespace);
    let missing =
        |kind: &str| Condition::fails(Accepted, "NoMatchingParent", format!("there is no {kind} {key}"));
    match parent.kind {
        ParentKind::Service => match resources.services.get(&key) {
            None => missing("Service"),
            Some(service) => {
                let mut ports = service.value.spec.ports.iter();
                match parent.port {
                    Some(only) if ports.all(|port| port.port != only) => {
                        let message = format!("Service {key} has no port {only}");
                        Condition::fails(Accepted, "NoMatchingParent", message)
                    }
                    _ => Condition::holds(Accepted),
                }
            }
        },
        ParentKind::Gateway => match resources.gateways.get(&key) {
            None => missing("Gateway"),
            Some(gateway) => match attachments(&gateway.value, route, parent) {
                Ok(_) => Condition::holds(Accepted),
                Err(reason) => Condition::fails(Accepted, reason.as_str(), ""),
            },
        },
    }
}

/// Whether all backends are there. Where several are not, the first says why.
fn resolved(resources: &Resources, route: &HttpRoute) -> Condition {
    let backends = route.spec.rules.iter().flat_map(|rule| &rule.backend_refs);
    let mut missing =
        backends.filter_map(|backend| unresolved(resources, &route.metadata.namespace, backend));
    let Some(first) = missing.next() else {
        return Condition::holds(ResolvedRefs);
    };
    let reason = match first {
        UnresolvedBackend::NotPermitted(_) => "RefNotPermitted",
        UnresolvedBackend::NoService(_) | UnresolvedBackend::NoPort(..) => "BackendNotFound",
    };
    Condition::fails(ResolvedRefs, reason, first.to_string())
}

fn described(parent: &ParentRef, namespace: &str) -> String {
    let kind = match parent.kind {
        ParentKind::Gateway => "Gateway",
        ParentKind::Service => "Service",
    };
    let section = parent.section_name.iter().map(|name| format!("/{name}"));
    let port = parent.port.iter().map(|port| format!(":{port}"));
    let place: String = section.chain(port).collect();
    format!("{kind} {}{place}", parent.target(namespace))
}

#[cfg(test)]
mod tests;
