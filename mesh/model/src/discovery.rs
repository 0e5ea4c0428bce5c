//! The messages between a proxy and the control plane.
//!
//! A proxy holds one long request open (`GET /v1/discovery?proxy=NAME`, mutual TLS) and reads [`Update`]s from it, one JSON line
//! each. It answers every update with a `POST /v1/discovery/acknowledgements` of an [`Acknowledgement`].
//! The first update of a stream is whole (`base` is absent); each later one changes the one before.

use serde::{Deserialize, Serialize};

use crate::snapshot::Delta;

/// A version of the configuration of one proxy. It grows with each update; 0 is "none yet".
pub type Version = u64;

/// One change of a proxy's configuration.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Update {
    /// The version that this update leads to.
    pub version: Version,
    /// The version that `delta` starts from; absent when it starts from the empty snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Version>,
    /// What changes.
    pub delta: Delta,
}

/// A proxy's answer to an update.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Acknowledgement {
    /// Which proxy answers.
    pub proxy: String,
    /// Which version it answers.
    pub version: Version,
    /// Why the proxy could not put it in force (NACK), and so keeps what it had; absent when it did (ACK).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// Joins the mesh with a one-time token (`POST /v1/join`, server-authenticated TLS).
#[derive(Clone, Deserialize, Serialize)]
pub struct JoinRequest {
    /// The token that the supervisor was given for this start of the workload.
    pub token: String,
    /// The certificate signing request, PEM.
    pub csr: String,
}

/// Renews an SVID (`POST /v1/svid`, mutual TLS with the current one).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RenewRequest {
    /// The certificate signing request, PEM.
    pub csr: String,
}

/// An issued identity.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SvidResponse {
    /// The certificate chain, leaf first, PEM.
    pub chain: String,
    /// The roots that peers are verified against, PEM.
    pub bundle: String,
}

impl std::fmt::Debug for JoinRequest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("JoinRequest")
            .field("csr", &self.csr)
            .finish_non_exhaustive()
    }
}
