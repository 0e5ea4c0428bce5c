//! Controls: the same run with one thing removed or spoilt.

use hallway_config::GatewayDuration;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Step;

/// The same run with one thing removed or spoilt. A control counts only if the lab was healthy, every `must_fail` check
/// failed for its stated cause, and every other check held unless it is listed in `may_fail`.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Another rule file in force at the start.
    pub rules: Option<String>,
    /// A JSON merge patch (RFC 7396) on the topology.
    pub topology: Option<IndexMap<String, Value>>,
    /// A JSON merge patch (RFC 7396) on the traffic.
    pub traffic: Option<IndexMap<String, Value>>,
    /// Steps that do not happen, and steps that happen too.
    pub timeline: Option<TimelineChange>,
    /// Evidence that is spoilt after the run, for checks that compare witnesses.
    pub evidence: Option<Tamper>,
    /// Checks that must fail, each with words that must be in what was seen (not in what was expected).
    pub must_fail: IndexMap<String, String>,
    /// Checks that may fail too.
    #[serde(default)]
    pub may_fail: Vec<String>,
}

/// A change of the timeline.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct TimelineChange {
    /// The steps that do not happen: pushes by rule file, faults by kind (`restart`: all of that kind).
    pub remove: Vec<String>,
    /// Steps that happen too.
    pub add: Vec<Step>,
}

/// How recorded evidence is spoilt.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Tamper {
    /// So many entries of each replica's ledger are lost, the first ones; and of those that stay, so many that were answered lose their
    /// effect.
    DropLedger(#[schemars(range(min = 1))] u32),
    /// So many records of each life of each replica of what came of its first calls are lost, the first ones.
    DropFirstCalls(#[schemars(range(min = 1))] u32),
    /// So many lines of each side of each sidecar's access log are lost, the first ones.
    DropAccess(#[schemars(range(min = 1))] u32),
    /// So many spans of each side of each sidecar are lost, the first ones.
    DropSpans(#[schemars(range(min = 1))] u32),
    /// All counters of the proxies' metrics are greater by this.
    InflateMetrics(#[schemars(range(min = 1))] u32),
    /// All connections on the wire end so much later.
    DelayCloses(GatewayDuration),
    /// So many lines of each side of each sidecar's access log carry another request id, the first ones.
    ChangeRequestIds(#[schemars(range(min = 1))] u32),
}
