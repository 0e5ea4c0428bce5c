//! What the control plane was asked, and what it answered.

use hallway_model::telemetry::Problem;
use serde::{Deserialize, Serialize};

/// A push of rules by the lab, the initial one included.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Push {
    /// The file that was pushed.
    pub rules: String,
    /// Whether it is the initial one, before any traffic.
    pub initial: bool,
    /// When it was sent.
    pub sent_us: u64,
    /// When the control plane answered.
    pub answered_us: u64,
    /// What it answered.
    pub outcome: PushOutcome,
    /// When the last proxy had put it in force, or refused it; absent when that did not happen while the run lasted.
    pub settled_us: Option<u64>,
    /// What the control plane's status said of each proxy once the push had settled.
    pub proxies: Vec<ProxyState>,
    /// The problems of the last refusal that the control plane's status showed after this push.
    pub status_problems: Vec<Problem>,
}

/// What the control plane answered to a push.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PushOutcome {
    /// In force as this generation.
    Accepted {
        /// The generation, counted from 1.
        generation: u64,
    },
    /// Refused; what was there stays in force.
    Refused {
        /// What is wrong with it, each with its place.
        problems: Vec<Problem>,
    },
}

/// What the control plane's status says of one proxy.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ProxyState {
    /// The workload.
    pub proxy: String,
    /// The version that it should have.
    pub wanted: u64,
    /// The version that it acknowledged.
    pub acknowledged: u64,
    /// The generation of the rules that it has in force.
    pub generation: u64,
    /// The reason of its last refusal, when that is newer than its last acknowledgement.
    pub refused: Option<String>,
    /// When its certificate expires.
    pub certificate_expires_us: Option<u64>,
}
