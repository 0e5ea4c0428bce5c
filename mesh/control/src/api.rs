//! The admin API: requests and answers, as JSON. It is served on loopback and asks for a bearer token on every path.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `POST /v1/workloads` | [`RegisterWorkload`] | 200 [`Registered`] |
//! | `PUT /v1/workloads` | a list of [`KnownWorkload`] | 204 |
//! | `PUT /v1/workloads/{name}/endpoint` | [`WorkloadEndpoint`] | 204 |
//! | `DELETE /v1/workloads/{name}` | | 204 |
//! | `PUT /v1/rules` | [`PutRules`] | 200 [`RulesAccepted`], or 422 [`RulesRefused`] |
//! | `GET /v1/rules` | | 200 [`RulesInForce`] |
//! | `GET /v1/status` | | 200 [`Status`] |
//! | `GET /v1/proxies/{name}/snapshot` | | 200 [`ProxySnapshot`] |
//!
//! Every other answer is a [`Failure`]: 400 for a body that cannot be read, 401 without the token, 404 for a workload that is
//! not registered, 422 for one that cannot be.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use hallway_model::bootstrap::{Admission, Token};
use hallway_model::discovery::Version;
use hallway_model::telemetry::Problem;
use hallway_model::{Snapshot, SpiffeId};
use serde::{Deserialize, Serialize};

mod conditions;

pub use conditions::{
    Condition, ConditionStatus, ConditionType, GatewayStatus, ListenerStatus, RouteParentStatus,
};

/// A workload that is about to start. Registering it again, for a restart, voids its earlier join token and takes its endpoint away.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterWorkload {
    /// Its own name, unique in the mesh, such as `payments-1`: a Kubernetes pod's.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its label `app`, by which Services select it, such as `payments`.
    pub service: String,
    /// The service account that it runs as; with the namespace and the trust domain it makes its identity.
    pub service_account: String,
    /// The Gateway of its namespace that it is, if it is one: a proxy without an application, to which no Service leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
}

/// The answer to [`RegisterWorkload`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Registered {
    /// Who the workload is.
    pub identity: SpiffeId,
    /// What its sidecar joins with: once, within five minutes.
    pub join_token: Token,
}

/// A workload that runs already, for a control plane that was started again and has forgotten all of them. It takes the whole list at once, so that
/// no proxy hears of a part of the mesh only. Nobody gets a join token by it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KnownWorkload {
    /// As it was registered.
    pub registration: RegisterWorkload,
    /// Where it is; absent when it has not said yet.
    pub endpoint: Option<WorkloadEndpoint>,
}

/// Where a workload is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadEndpoint {
    /// Where its sidecar listens for peers.
    pub inbound: SocketAddr,
    /// Where its application listens for the sidecar.
    pub application: SocketAddr,
    /// Whether others may send requests to it.
    pub ready: bool,
    /// Whether a sidecar stands before it. Without one, `inbound` is where the application itself listens, and it is spoken to in the clear
    /// whatever policies say, as in Istio.
    #[serde(default = "beside_a_sidecar")]
    pub sidecar: bool,
    /// Where the sidecar is as seen by single callers, by their workload names; everybody else uses `inbound`. Istio's multi-network meshes
    /// call it split-horizon endpoints; here it puts a relay on each edge between two sidecars.
    #[serde(default)]
    pub seen_from: BTreeMap<String, SocketAddr>,
}

const fn beside_a_sidecar() -> bool {
    true
}

/// A set of rules that replaces the one in force, as a whole or not at all.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PutRules {
    /// The files, in order.
    pub files: Vec<RuleFile>,
    /// What to do with references that lead nowhere; absent for what the control plane was started with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admission: Option<Admission>,
}

/// One rule file. Its `Debug` output is without the text, which may hold secrets.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RuleFile {
    /// Its name, as diagnostics and origins repeat it.
    pub name: String,
    /// Its text: YAML documents.
    pub text: String,
}

/// The rules are in force, and proxies are being told.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RulesAccepted {
    /// The generation, counted from 1.
    pub generation: u64,
    /// Rendered warnings.
    pub warnings: Vec<String>,
}

/// The rules were refused; the ones before stay in force.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RulesRefused {
    /// What is wrong, each with its place.
    pub problems: Vec<Problem>,
    /// The same for people, with the lines in question.
    pub rendered: String,
}

/// The rules in force, as they were given, but for what Secrets hold: that is masked.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RulesInForce {
    /// The generation; 0 before any were accepted.
    pub generation: u64,
    /// The files.
    pub files: Vec<RuleFile>,
}

/// How the mesh is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Status {
    /// The rules.
    pub rules: RulesStatus,
    /// The proxies, by the names of their workloads.
    pub proxies: BTreeMap<String, ProxyStatus>,
    /// The gateways, such as `shop/front`.
    pub gateways: BTreeMap<String, GatewayStatus>,
    /// The routes, such as `shop/checkout`, at each of their parents.
    pub routes: BTreeMap<String, Vec<RouteParentStatus>>,
}

/// How the rules are.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RulesStatus {
    /// The generation in force; 0 before any were accepted.
    pub generation: u64,
    /// The rules that were refused since; absent when the last ones were accepted.
    pub last_refusal: Option<RulesRefusal>,
}

/// Rules that were refused.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RulesRefusal {
    /// When, in microseconds since the Unix epoch.
    pub at_us: u64,
    /// What was wrong.
    #[serde(flatten)]
    pub refused: RulesRefused,
}

/// How one proxy is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ProxyStatus {
    /// Who it is.
    pub identity: SpiffeId,
    /// Whether others may send requests to its workload.
    pub ready: bool,
    /// Whether it holds a discovery stream open.
    pub connected: bool,
    /// The version that it should have in force.
    pub version_wanted: Version,
    /// The version that it last put in force (ACK); 0 for none.
    pub version_acknowledged: Version,
    /// The newest generation of the rules that the acknowledged version carries; absent when none is acknowledged.
    pub generation_in_force: Option<u64>,
    /// The last version that it refused (NACK), even if it has accepted a later one since.
    pub last_refusal: Option<VersionRefused>,
    /// When its certificate expires, in microseconds since the Unix epoch; absent before it has joined.
    pub certificate_expires_us: Option<u64>,
}

/// A version that a proxy refused.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct VersionRefused {
    /// The version.
    pub version: Version,
    /// The proxy's reason.
    pub reason: String,
}

/// What one proxy should have in force, without the private keys.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ProxySnapshot {
    /// Its version.
    pub version: Version,
    /// The newest generation of the rules that it carries.
    pub generation: u64,
    /// The configuration.
    pub snapshot: Snapshot,
}

/// Why a request failed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Failure {
    /// What happened, why, and what to do next.
    pub error: String,
}

impl fmt::Debug for RuleFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RuleFile")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
