//! Everything that was observed of one run.

use std::collections::BTreeMap;

use hallway_model::telemetry::ControlRecord;
use serde::{Deserialize, Serialize};

use crate::ledger::FirstCall;
use crate::{ClientRecord, LedgerEntry, Push, Telemetry, WireConnection};

/// Everything that was observed of one run.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Observations {
    /// Which run it was.
    pub run: Run,
    /// The client's records, in the order of their intended starts.
    pub client: Vec<ClientRecord>,
    /// The services' ledger, in the order of arrival.
    pub ledger: Vec<LedgerEntry>,
    /// What came of the calls that programs made as soon as they ran, by workload and for each of its lives.
    #[serde(default)]
    pub first_calls: BTreeMap<String, Vec<Vec<FirstCall>>>,
    /// The processes that ran when the traffic ended; none in a simulation.
    #[serde(default)]
    pub programs: Vec<ProgramSize>,
    /// The wire's connections, in the order in which they were opened.
    pub wire: Vec<WireConnection>,
    /// The mesh's telemetry.
    pub telemetry: Telemetry,
    /// The pushes, in order; the first is the initial one.
    pub pushes: Vec<Push>,
    /// The control plane's records.
    pub control: Vec<ControlRecord>,
    /// What went wrong with the lab itself. A run with incidents proves nothing.
    pub incidents: Vec<Incident>,
}

/// A process, and what it took.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ProgramSize {
    /// Its workload; of the control plane, its name.
    pub name: String,
    /// What it is.
    pub kind: ProgramKind,
    /// Its memory, in KiB: the proportional set size, in which what several processes share counts once in all; absent where the system does
    /// not tell.
    pub kibibytes: Option<u64>,
}

/// What a program is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProgramKind {
    /// The application of a workload.
    Service,
    /// The proxy beside it.
    Sidecar,
    /// The proxy at the door.
    Gateway,
    /// The control plane.
    ControlPlane,
}

/// Which run it was.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Run {
    /// The scenario.
    pub scenario: String,
    /// The scenario itself, or one of its controls.
    pub variant: Variant,
    /// The ground.
    pub ground: String,
    /// The seed.
    pub seed: u64,
    /// When the traffic began.
    pub started_us: u64,
    /// When the last request had its outcome.
    pub finished_us: u64,
    /// The sidecars that took part, by workload.
    pub sidecars: Vec<String>,
    /// Programs that were played by another one, such as `orders-1: Rust stands in for Python`.
    #[serde(default)]
    pub stand_ins: Vec<String>,
}

/// The scenario itself, or one of its controls.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// As written.
    Scenario,
    /// With one thing removed or spoilt.
    Control(String),
}

/// Something that went wrong with the lab itself: a process that died by itself, a record that could not be read.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Incident {
    /// Who, such as `orders-1 sidecar`.
    pub who: String,
    /// What happened, and what to do about it.
    pub what: String,
}
