//! `security.istio.io/v1 PeerAuthentication`: whether callers must prove who they are.
//! Source: <https://istio.io/latest/docs/reference/config/security/peer_authentication/>.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::manifest::Manifest;
use crate::workload_selector::WorkloadSelector;

/// A `security.istio.io/v1 PeerAuthentication`.
pub type PeerAuthentication = Manifest<PeerAuthenticationSpec>;

/// Whether the workloads of a namespace, or some of them, demand that their callers prove who they are (mutual TLS).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = { "portLevelMtls": "is not supported: the mode applies to all ports of a workload" }))]
pub struct PeerAuthenticationSpec {
    /// The workloads that it applies to; when absent, all of the namespace.
    #[serde(default)]
    pub selector: Option<WorkloadSelector>,
    /// What they demand.
    #[serde(default)]
    pub mtls: MutualTls,
}

/// What is demanded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct MutualTls {
    /// The mode. The default is `UNSET`.
    #[serde(default)]
    pub mode: MtlsMode,
}

/// How connections are accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum MtlsMode {
    /// As the namespace, or else the mesh, has it.
    #[default]
    Unset,
    /// Without TLS.
    Disable,
    /// With mutual TLS or without TLS.
    Permissive,
    /// With mutual TLS only.
    Strict,
}
