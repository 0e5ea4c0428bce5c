//! What the programs of the mesh are told when they start: one line of JSON on standard input. The end of that input is the order to stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{SpiffeId, TrustDomain, millis};

/// A secret that opens an endpoint. It never shows up in logs.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Token(pub String);

/// An endpoint for operators, on loopback.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AdminEndpoint {
    /// Where to serve it; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The bearer token that it asks for.
    pub token: Token,
}

/// What a proxy is told.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ProxyBootstrap {
    /// The workload that it stands beside, such as `orders-1`; of a gateway, the workload that it is.
    pub workload: String,
    /// Who it is; the certificate that it is issued must say the same.
    pub identity: SpiffeId,
    /// Where it listens, which also says what it is; port 0 takes a free one.
    pub listeners: Listeners,
    /// Its own admin endpoint.
    pub admin: AdminEndpoint,
    /// Where the control plane is.
    pub control_plane: ControlPlaneAddress,
    /// The one-time token with which it joins.
    pub join_token: Token,
    /// Whether it leaves a record of every request and of every attempt.
    pub access_log: bool,
    /// Request headers that the access log repeats, lower case.
    pub access_log_headers: Vec<String>,
    /// How many threads serve requests; at least one does.
    pub workers: u32,
    /// What it accepts at most.
    pub limits: ProxyLimits,
    /// How long it goes on serving what is in flight after the order to stop.
    #[serde(with = "millis")]
    pub drain: Duration,
    /// The seed of its random streams.
    pub seed: u64,
}

/// Where a proxy listens.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Listeners {
    /// A sidecar.
    Sidecar {
        /// Where its application connects to.
        outbound: SocketAddr,
        /// Where its peers connect to.
        inbound: SocketAddr,
    },
    /// A gateway, for clients outside of the mesh.
    Gateway(Vec<GatewayPort>),
}

/// Where a gateway listens for one of the ports of its Gateway.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayPort {
    /// The port, as the Gateway's listeners write it.
    pub port: u16,
    /// Where the proxy listens for it.
    pub address: SocketAddr,
}

/// Where the control plane is, and who it must prove to be.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ControlPlaneAddress {
    /// Where it serves discovery and certificates.
    pub address: SocketAddr,
    /// Its identity.
    pub identity: SpiffeId,
    /// The roots that it is verified against, PEM.
    pub bundle: String,
}

/// What a proxy accepts at most. Every limit has its own answer; see `mesh/proxy`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProxyLimits {
    /// Bytes of the request line and all headers; beyond it 431.
    pub header_bytes: usize,
    /// Bytes of a request body that are held so that it can be sent again; beyond it the request is not retried.
    pub buffered_body_bytes: usize,
    /// Connections from peers and from the application, at once, each; a further one is closed.
    pub connections: usize,
    /// Requests in flight, at once; a further one is answered with 503 and the flag `UO`.
    pub requests: usize,
    /// Route rules in a snapshot; one with more is refused (NACK).
    pub route_rules: usize,
}

impl Default for ProxyLimits {
    fn default() -> Self {
        Self {
            header_bytes: 64 * 1024,
            buffered_body_bytes: 64 * 1024,
            connections: 4096,
            requests: 4096,
            route_rules: 16 * 1024,
        }
    }
}

/// What a control plane is told.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ControlBootstrap {
    /// The trust domain that it is the authority of.
    pub trust_domain: TrustDomain,
    /// Where it serves discovery and certificates; port 0 takes a free one.
    pub discovery: SocketAddr,
    /// Its admin endpoint.
    pub admin: AdminEndpoint,
    /// A directory of rule files to watch; without one, rules come through the admin endpoint alone.
    pub rules: Option<PathBuf>,
    /// Secrets that rules can refer to without holding them, each a document as in a rule file: what a certificate manager keeps in a cluster.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Token>,
    /// What to do with references that lead nowhere.
    pub admission: Admission,
    /// A root certificate and its key to issue from, as with a plugged-in authority in Istio (the `cacerts` secret);
    /// without one, the control plane makes its own, whose key never leaves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<AuthorityMaterial>,
    /// How long an SVID lives.
    #[serde(with = "millis")]
    pub svid_lifetime: Duration,
    /// Roots of other trust domains that proxies are told to trust too, PEM.
    pub federated_bundles: Vec<String>,
    /// The seed of its random streams.
    pub seed: u64,
}

/// A root certificate and its key.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorityMaterial {
    /// The root certificate, PEM.
    pub certificate: String,
    /// Its private key, PKCS#8 PEM.
    pub key: Token,
}

/// What to do with references that lead nowhere (a backend, a port or a host that does not exist).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Admission {
    /// Refuse the whole push.
    #[default]
    Enforce,
    /// Accept it with a warning; the share of a missing backend is answered with 500.
    Warn,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Token(…)")
    }
}
