//! The accepted resources, and where they were written.

use std::collections::BTreeMap;
use std::fmt;

use hallway_model::Origin;
use hallway_yaml::{Node, Path, Span};

use crate::authorization_policy::AuthorizationPolicy;
use crate::backend_traffic_policy::BackendTrafficPolicy;
use crate::destination_rule::DestinationRule;
use crate::envoy_gateway_policy::EnvoyGatewayPolicy;
use crate::gateway::Gateway;
use crate::http_route::HttpRoute;
use crate::peer_authentication::PeerAuthentication;
use crate::request_authentication::RequestAuthentication;
use crate::secret::Secret;
use crate::service::Service;

/// A set of rules in which every name is unique.
#[derive(Clone, Debug, Default)]
pub struct Resources {
    /// The services.
    pub services: BTreeMap<NamespacedName, Located<Service>>,
    /// The certificates of listeners. Their documents are masked: they hold no secret.
    pub secrets: BTreeMap<NamespacedName, Located<Secret>>,
    /// The gateways.
    pub gateways: BTreeMap<NamespacedName, Located<Gateway>>,
    /// The routes.
    pub http_routes: BTreeMap<NamespacedName, Located<HttpRoute>>,
    /// Who must prove who they are.
    pub peer_authentications: BTreeMap<NamespacedName, Located<PeerAuthentication>>,
    /// Which tokens are believed.
    pub request_authentications: BTreeMap<NamespacedName, Located<RequestAuthentication>>,
    /// Who may do what.
    pub authorization_policies: BTreeMap<NamespacedName, Located<AuthorizationPolicy>>,
    /// How callers treat services.
    pub destination_rules: BTreeMap<NamespacedName, Located<DestinationRule>>,
    /// How much callers of services may try again.
    pub backend_traffic_policies: BTreeMap<NamespacedName, Located<BackendTrafficPolicy>>,
    /// What gateways take from one client.
    pub envoy_gateway_policies: BTreeMap<NamespacedName, Located<EnvoyGatewayPolicy>>,
}

/// A name with its namespace. Displays as `shop/checkout`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamespacedName {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl NamespacedName {
    /// `name` in `namespace`.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> NamespacedName {
        NamespacedName {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for NamespacedName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}

/// A resource with the document that it was read from.
#[derive(Clone, Debug)]
pub struct Located<T> {
    /// The resource.
    pub value: T,
    /// Where its document begins.
    pub origin: Origin,
    /// The document, for the places of its parts.
    pub document: Node,
}

impl<T> Located<T> {
    pub(crate) fn new(value: T, document: Node) -> Located<T> {
        Located {
            value,
            origin: origin(&document.span(&Path::root())),
            document,
        }
    }

    /// Where the part of the resource at `path` was written; for a default, the nearest thing around it.
    pub fn origin_of(&self, path: &Path) -> Origin {
        origin(&self.document.span(path))
    }
}

impl Located<AuthorizationPolicy> {
    /// Where the rule `rule`, counted from 0, was written.
    pub fn rule_origin(&self, rule: usize) -> Origin {
        self.origin_of(&rule_path(rule))
    }
}

impl Located<HttpRoute> {
    /// Where the rule `rule`, counted from 0, was written.
    pub fn rule_origin(&self, rule: usize) -> Origin {
        self.origin_of(&rule_path(rule))
    }

    /// Where the backend `backend` of the rule `rule`, both counted from 0, was written.
    pub fn backend_origin(&self, rule: usize, backend: usize) -> Origin {
        self.origin_of(&rule_path(rule).with("backendRefs").with(backend))
    }
}

pub(crate) fn rule_path(rule: usize) -> Path {
    Path::keys(["spec", "rules"]).with(rule)
}

fn origin(span: &Span) -> Origin {
    Origin {
        file: span.source().name().to_owned(),
        line: span.line(),
    }
}
