//! What the witnesses of a run saw, as plain data.
//!
//! Four witnesses observe a run, and none of them believes another: the client ([`client`]), the services' own
//! ledger ([`ledger`]), the wire between sidecars ([`wire`]) and the mesh's telemetry ([`telemetry`]). What the control
//! plane was asked and answered is in [`control`]; [`observations`] holds it all, with what happened to the lab itself.
//!
//! Times are microseconds since the Unix epoch, durations microseconds.

pub mod client;
pub mod control;
pub mod ledger;
pub mod observations;
pub mod telemetry;
pub mod wire;

pub use client::{ClientRecord, FailureKind, ResponseSeen};
pub use control::{ProxyState, Push, PushOutcome};
pub use ledger::LedgerEntry;
pub use observations::{Incident, Observations, Run, Variant};
pub use telemetry::{Sample, Telemetry};
pub use wire::{Closed, WireConnection};
