//! Which listeners of a gateway a route is attached to, and for which host names.
//! Source: <https://gateway-api.sigs.k8s.io/reference/spec/#httproute>, `parentRefs` and `hostnames`.

use hallway_model::Hostname;

use crate::gateway::{FromNamespaces, Gateway, Listener};
use crate::http_route::{HttpRoute, ParentKind, ParentRef};

/// A listener that a route is attached to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment<'g> {
    /// The listener.
    pub listener: &'g Listener,
    /// The names that both are for, each once; `None` stands for all.
    pub hostnames: Vec<Option<Hostname>>,
}

/// Why a route is attached to no listener of a gateway: the reason that Gateway API gives in the condition `Accepted`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotAttached {
    /// No listener has the name or the port that the route asks for.
    NoMatchingParent,
    /// Those that have it do not take routes of its namespace.
    NotAllowedByListeners,
    /// Those that take it are for other host names.
    NoMatchingListenerHostname,
}

impl NotAttached {
    /// The reason as Gateway API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            NotAttached::NoMatchingParent => "NoMatchingParent",
            NotAttached::NotAllowedByListeners => "NotAllowedByListeners",
            NotAttached::NoMatchingListenerHostname => "NoMatchingListenerHostname",
        }
    }
}

/// The listeners of `gateway` that `route` is attached to by `parent`; none when that is another parent.
///
/// # Errors
/// Why there is none: how far the route got.
pub fn attachments<'g>(
    gateway: &'g Gateway,
    route: &HttpRoute,
    parent: &ParentRef,
) -> Result<Vec<Attachment<'g>>, NotAttached> {
    let namespace = &route.metadata.namespace;
    if parent.kind != ParentKind::Gateway || parent.target(namespace) != gateway.metadata.key() {
        return Ok(Vec::new());
    }
    let listeners = gateway.spec.listeners.iter();
    let named: Vec<&Listener> = listeners.filter(|listener| is_meant(listener, parent)).collect();
    if named.is_empty() {
        return Err(NotAttached::NoMatchingParent);
    }
    let is_open = |listener: &&Listener| match listener.allowed_routes.namespaces.from {
        FromNamespaces::All => true,
        FromNamespaces::Same => *namespace == gateway.metadata.namespace,
    };
    let open: Vec<&Listener> = named.into_iter().filter(is_open).collect();
    if open.is_empty() {
        return Err(NotAttached::NotAllowedByListeners);
    }
    let attachment = |listener: &'g Listener| Attachment {
        listener,
        hostnames: common_names(listener.hostname.as_ref(), &route.spec.hostnames),
    };
    let attached: Vec<Attachment<'g>> = open
        .into_iter()
        .map(attachment)
        .filter(|attachment| !attachment.hostnames.is_empty())
        .collect();
    if attached.is_empty() {
        return Err(NotAttached::NoMatchingListenerHostname);
    }
    Ok(attached)
}

fn is_meant(listener: &Listener, parent: &ParentRef) -> bool {
    parent
        .section_name
        .as_ref()
        .is_none_or(|name| *name == listener.name)
        && parent.port.is_none_or(|port| port == listener.port)
}

fn common_names(listener: Option<&Hostname>, route: &[Hostname]) -> Vec<Option<Hostname>> {
    let common: Vec<Option<&Hostname>> = match (listener, route) {
        (own, []) => vec![own],
        (None, names) => names.iter().map(Some).collect(),
        (Some(own), names) => names
            .iter()
            .filter_map(|name| own.intersection(name))
            .map(Some)
            .collect(),
    };
    let mut unique: Vec<Option<Hostname>> = Vec::new();
    for name in common {
        if !unique.iter().any(|known| known.as_ref() == name) {
            unique.push(name.cloned());
        }
    }
    unique
}
