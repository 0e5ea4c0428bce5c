//! `gateway.networking.k8s.io/v1 Gateway`: the ports and host names at which clients outside of the mesh are served.
//! Source: <https://gateway-api.sigs.k8s.io/reference/spec/#gateway>; limits and defaults are those of its CRD.

use hallway_model::Hostname;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::http_route::CoreGroup;
use crate::manifest::Manifest;
use crate::names::{DnsLabel, DnsSubdomain, HostnamePattern};

/// A `gateway.networking.k8s.io/v1 Gateway`.
pub type Gateway = Manifest<GatewaySpec>;

/// The class of the gateways that this mesh serves.
pub const GATEWAY_CLASS: &str = "hallway";

/// The ports and host names at which clients outside of the mesh are served.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-unsupported" = {
    "addresses": "is not supported: the proxy's bootstrap says where it listens",
    "allowedListeners": "is not supported: write the listeners in the Gateway",
    "backendTLS": "is not supported: the mesh itself encrypts what goes to its services",
    "defaultScope": "is not supported: attach routes with `parentRefs`",
    "infrastructure": "is not supported: the workload that is the gateway is registered with the control plane",
    "tls": "is not supported here: write `tls` in a listener",
}))]
pub struct GatewaySpec {
    /// Who serves it: `hallway`.
    #[schemars(with = "DnsSubdomain")]
    pub gateway_class_name: String,
    /// The listeners.
    #[schemars(length(min = 1, max = 64))]
    pub listeners: Vec<Listener>,
}

/// A port, and the host names that it is for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Listener {
    /// Its name, unique in the gateway.
    #[schemars(with = "DnsSubdomain")]
    pub name: String,
    /// The host names that it is for: one, or all below one; when absent, all.
    #[serde(default)]
    #[schemars(with = "Option<HostnamePattern>")]
    pub hostname: Option<Hostname>,
    /// The port that clients connect to.
    #[schemars(range(min = 1))]
    pub port: u16,
    /// What is spoken there.
    pub protocol: ListenerProtocol,
    /// How TLS is ended; only with `HTTPS`, and needed there.
    #[serde(default)]
    pub tls: Option<ListenerTls>,
    /// Which routes may attach.
    #[serde(default)]
    pub allowed_routes: AllowedRoutes,
}

/// What is spoken at a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = {
    "TCP": "is not supported: the mesh carries HTTP only",
    "TLS": "is not supported: the mesh carries HTTP only; use `HTTPS`",
    "UDP": "is not supported: the mesh carries HTTP only",
}))]
pub enum ListenerProtocol {
    /// HTTP in the clear.
    #[serde(rename = "HTTP")]
    Http,
    /// HTTP over TLS, which ends at the gateway.
    #[serde(rename = "HTTPS")]
    Https,
}

impl ListenerProtocol {
    /// The word that files write.
    pub fn as_str(self) -> &'static str {
        match self {
            ListenerProtocol::Http => "HTTP",
            ListenerProtocol::Https => "HTTPS",
        }
    }
}

/// How TLS is ended at a listener.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-unsupported" = {
    "frontendValidation": "is not supported: clients outside of the mesh have no certificates here",
    "options": "is not supported: there are no options",
}))]
pub struct ListenerTls {
    /// Who ends it. The default is `Terminate`.
    #[serde(default)]
    pub mode: TlsMode,
    /// The certificate, with its key.
    #[schemars(length(min = 1, max = 1))]
    pub certificate_refs: Vec<CertificateRef>,
}

/// Who ends TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = { "Passthrough": "is not supported: a gateway that cannot read requests cannot route them" }))]
pub enum TlsMode {
    /// The gateway.
    #[default]
    Terminate,
}

/// A reference to a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct CertificateRef {
    /// The API group: `""`, the default, for a Secret.
    #[serde(default)]
    pub group: CoreGroup,
    /// The kind.
    #[serde(default)]
    pub kind: SecretKind,
    /// The name of the Secret.
    #[schemars(with = "DnsSubdomain")]
    pub name: String,
    /// The namespace of the Secret; when absent, the gateway's.
    #[serde(default)]
    #[schemars(with = "Option<DnsLabel>")]
    pub namespace: Option<String>,
}

/// The kind of what holds a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum SecretKind {
    /// A `v1 Secret`.
    #[default]
    Secret,
}

/// Which routes may attach to a listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = { "kinds": "is not supported: HTTPRoutes are the only routes" }))]
pub struct AllowedRoutes {
    /// The namespaces that they may be in.
    #[serde(default)]
    pub namespaces: RouteNamespaces,
}

/// The namespaces whose routes may attach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = { "selector": "is not supported: namespaces have no labels here" }))]
pub struct RouteNamespaces {
    /// Which ones. The default is `Same`.
    #[serde(default)]
    pub from: FromNamespaces,
}

/// A choice of namespaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = {
    "None": "is not supported: remove the listener instead",
    "Selector": "is not supported: namespaces have no labels here",
}))]
pub enum FromNamespaces {
    /// All of them.
    All,
    /// That of the gateway.
    #[default]
    Same,
}
