//! The kinds that can be written.

use std::fmt;

use hallway_yaml::{Diagnostic, Node, Path, Span, schema_for, suggest};
use schemars::Schema;
use serde_json::Value;

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

/// A kind of resource, in one version of its API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `v1 Service`
    Service,
    /// `v1 Secret`
    Secret,
    /// `gateway.networking.k8s.io/v1 Gateway`
    Gateway,
    /// `gateway.networking.k8s.io/v1 HTTPRoute`
    HttpRoute,
    /// `security.istio.io/v1 PeerAuthentication`
    PeerAuthentication,
    /// `security.istio.io/v1 RequestAuthentication`
    RequestAuthentication,
    /// `security.istio.io/v1 AuthorizationPolicy`
    AuthorizationPolicy,
    /// `networking.istio.io/v1 DestinationRule`
    DestinationRule,
    /// `gateway.networking.x-k8s.io/v1alpha1 XBackendTrafficPolicy`
    BackendTrafficPolicy,
    /// `gateway.envoyproxy.io/v1alpha1 BackendTrafficPolicy`
    EnvoyGatewayPolicy,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 10] = [
        Kind::Service,
        Kind::Secret,
        Kind::Gateway,
        Kind::HttpRoute,
        Kind::PeerAuthentication,
        Kind::RequestAuthentication,
        Kind::AuthorizationPolicy,
        Kind::DestinationRule,
        Kind::BackendTrafficPolicy,
        Kind::EnvoyGatewayPolicy,
    ];

    /// The name that files write under `kind`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Service => "Service",
            Kind::Secret => "Secret",
            Kind::Gateway => "Gateway",
            Kind::HttpRoute => "HTTPRoute",
            Kind::PeerAuthentication => "PeerAuthentication",
            Kind::RequestAuthentication => "RequestAuthentication",
            Kind::AuthorizationPolicy => "AuthorizationPolicy",
            Kind::DestinationRule => "DestinationRule",
            Kind::BackendTrafficPolicy => "XBackendTrafficPolicy",
            Kind::EnvoyGatewayPolicy => "BackendTrafficPolicy",
        }
    }

    /// The group and version that files write under `apiVersion`.
    pub fn api_version(self) -> &'static str {
        match self {
            Kind::Service | Kind::Secret => "v1",
            Kind::Gateway | Kind::HttpRoute => "gateway.networking.k8s.io/v1",
            Kind::PeerAuthentication | Kind::RequestAuthentication | Kind::AuthorizationPolicy => {
                "security.istio.io/v1"
            }
            Kind::DestinationRule => "networking.istio.io/v1",
            Kind::BackendTrafficPolicy => "gateway.networking.x-k8s.io/v1alpha1",
            Kind::EnvoyGatewayPolicy => "gateway.envoyproxy.io/v1alpha1",
        }
    }

    /// The JSON Schema (draft 2020-12) of the kind.
    pub fn schema(self) -> Schema {
        let mut schema = match self {
            Kind::Service => schema_for::<Service>(),
            Kind::Secret => schema_for::<Secret>(),
            Kind::Gateway => schema_for::<Gateway>(),
            Kind::HttpRoute => schema_for::<HttpRoute>(),
            Kind::PeerAuthentication => schema_for::<PeerAuthentication>(),
            Kind::RequestAuthentication => schema_for::<RequestAuthentication>(),
            Kind::AuthorizationPolicy => schema_for::<AuthorizationPolicy>(),
            Kind::DestinationRule => schema_for::<DestinationRule>(),
            Kind::BackendTrafficPolicy => schema_for::<BackendTrafficPolicy>(),
            Kind::EnvoyGatewayPolicy => schema_for::<EnvoyGatewayPolicy>(),
        };
        schema.insert("title".to_owned(), self.name().into());
        for (field, value) in [("apiVersion", self.api_version()), ("kind", self.name())] {
            if let Some(Value::Object(property)) = schema.pointer_mut(&format!("/properties/{field}")) {
                property.insert("const".to_owned(), value.into());
            }
        }
        schema
    }

    /// The kind of a document.
    ///
    /// # Errors
    /// When it names none, or one that is not supported.
    pub(crate) fn of(document: &Node) -> Result<Kind, Box<Diagnostic>> {
        if document.as_mapping().is_none() {
            let span = document.span(&Path::root());
            let diagnostic =
                Diagnostic::error("this document is not a resource", span, "not a mapping of fields");
            return Err(Box::new(diagnostic.with_help(
                "write `apiVersion:`, `kind:`, `metadata:` and `spec:`".to_owned(),
            )));
        }
        let (name, name_span) = text_field(document, "kind")?;
        let (version, version_span) = text_field(document, "apiVersion")?;
        let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.name() == name) else {
            let near = suggest::did_you_mean(name, Kind::ALL.map(Kind::name));
            let help = near.unwrap_or_else(|| format!("the supported kinds are {}", supported()));
            return Err(Box::new(
                Diagnostic::error(format!("unknown kind `{name}`"), name_span, "").with_help(help),
            ));
        };
        if kind.api_version() == version {
            return Ok(kind);
        }
        let message = format!("unknown apiVersion `{version}` for kind `{name}`");
        let help = format!("write `apiVersion: {}`", kind.api_version());
        Err(Box::new(
            Diagnostic::error(message, version_span, "").with_help(help),
        ))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The text of a field at the root of a document, and its place.
fn text_field<'n>(document: &'n Node, field: &str) -> Result<(&'n str, Span), Box<Diagnostic>> {
    let span = document.span(&Path::root().with(field));
    let (message, label) = match document.get(field).map(Node::as_text) {
        Some(Some(text)) => return Ok((text, span)),
        Some(None) => (format!("`{field}` must be text"), ""),
        None => (format!("missing field `{field}`"), "in this document"),
    };
    let help = format!("the supported kinds are {}", supported());
    Err(Box::new(Diagnostic::error(message, span, label).with_help(help)))
}

fn supported() -> String {
    let kinds = Kind::ALL.map(|kind| format!("{} {kind}", kind.api_version()));
    suggest::all_of(kinds.iter().map(String::as_str))
}
