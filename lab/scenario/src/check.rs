//! What must hold, as a closed set of typed checks. A check without evidence is red.
//!
//! - [`client`]: what the client saw
//! - [`ledger`]: what reached the services, and how often; [`effects`]: what it left behind
//! - [`footprint`]: what programs take of the machine
//! - [`first_calls`]: what programs got that called as soon as they ran
//! - [`security`]: what was readable, who was refused, and who called
//! - [`telemetry`]: what the mesh says of itself
//! - [`push`]: what became of pushes

pub mod client;
pub mod effects;
pub mod first_calls;
pub mod footprint;
pub mod ledger;
pub mod push;
pub mod security;
pub mod telemetry;

pub use client::{Connections, GrpcOutcome, Latency, Percentile, Recovers, Responses};
pub use effects::{AtMostOnce, Believed, ExactlyOnce, SameBy};
pub use first_calls::FirstCalls;
pub use footprint::{Footprint, Part};
pub use ledger::{Amplification, Attempts, Cancelled, Load, NeverHandled, Split, Spread};
pub use push::{Nacked, Propagation, RefusalPart, Refusals};
pub use security::{Encrypted, Identity, Lifetimes, Rejected, RejectionReason, RequestRefusal, Rotations};
pub use telemetry::{FlagShare, Hops, TelemetryAgrees, TraceComplete};

use hallway_config::GatewayDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A check.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// What the client saw. Witness: the client.
    Responses(Responses),
    /// Over how many connections the client sent its requests. Witness: the client.
    Connections(Connections),
    /// How long answers took, from the intended start. Witness: the client.
    Latency(Latency),
    /// After a fault, answers were good again in time. Witness: the client.
    Recovers(Recovers),
    /// One replica's share of the first attempts, by an exact binomial test. Witness: the ledger.
    Load(Load),
    /// The share of the first attempts that every replica of a service got, by exact binomial tests. Witness: the ledger.
    Spread(Spread),
    /// How first attempts were split between services, by an exact binomial test. Witness: the ledger.
    Split(Split),
    /// How often every single request reached a service. Witness: the ledger.
    Attempts(Attempts),
    /// How many attempts reached a service for each request, on average. Witness: the ledger.
    Amplification(Amplification),
    /// No request of this traffic reached any service. Witness: the ledger.
    NeverHandled(NeverHandled),
    /// Nothing was done twice at this service. Witness: the ledger.
    AtMostOnce(AtMostOnce),
    /// What its caller believes done was done once at this service. Witnesses: the client and the ledger.
    ExactlyOnce(ExactlyOnce),
    /// What a service called as soon as it ran went well, every time. Witnesses: the service itself, and its sidecars' access logs.
    FirstCalls(FirstCalls),
    /// What programs take of the machine. Witness: the operating system.
    Footprint(Footprint),
    /// Nothing between these services was readable. Witness: the wire.
    Encrypted(Encrypted),
    /// Every request of this traffic was refused, by the stated side, for the stated reason. Witnesses: the client, the wire (for
    /// connections) and the refusing sidecar.
    Rejected(Rejected),
    /// Every request that a service handled came from this identity. Witness: the ledger (what the sidecar told the service).
    Identity(Identity),
    /// Every sidecar put new SVIDs to use, each before the one before had expired. Witness: the sidecars.
    Rotations(Rotations),
    /// No connection outlived either certificate. Witnesses: the wire and the sidecars.
    Lifetimes(Lifetimes),
    /// Every request passed these proxies, in this order, under one request id. Witnesses: access logs and ledger.
    Hops(Hops),
    /// Every request is one connected trace, down to the service. Witnesses: spans and ledger.
    TraceComplete(TraceComplete),
    /// The service saw every request of this traffic cancelled. Witness: the ledger.
    Cancelled(Cancelled),
    /// What a sidecar's access log says of the traffic's requests. Witness: access logs.
    ResponseFlag(FlagShare),
    /// A push was in force in time. Witnesses: the control plane's record and the proxies'.
    Propagation(Propagation),
    /// Pushes were refused, each with its place. Witness: the control plane.
    Refusals(Refusals),
    /// A proxy refused a push that the control plane had accepted, and kept what it had. Witnesses: the proxy and the
    /// control plane's status.
    Nacked(Nacked),
    /// The mesh's telemetry counts what the ledger counts. Witnesses: metrics, access logs and ledger.
    TelemetryAgrees(TelemetryAgrees),
}

impl Check {
    /// What the scenario file calls a check of this kind, such as `never_handled`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Responses(_) => "responses",
            Self::Connections(_) => "connections",
            Self::Latency(_) => "latency",
            Self::Recovers(_) => "recovers",
            Self::Load(_) => "load",
            Self::Spread(_) => "spread",
            Self::Split(_) => "split",
            Self::Attempts(_) => "attempts",
            Self::Amplification(_) => "amplification",
            Self::NeverHandled(_) => "never_handled",
            Self::AtMostOnce(_) => "at_most_once",
            Self::ExactlyOnce(_) => "exactly_once",
            Self::FirstCalls(_) => "first_calls",
            Self::Footprint(_) => "footprint",
            Self::Encrypted(_) => "encrypted",
            Self::Rejected(_) => "rejected",
            Self::Identity(_) => "identity",
            Self::Rotations(_) => "rotations",
            Self::Lifetimes(_) => "lifetimes",
            Self::Hops(_) => "hops",
            Self::TraceComplete(_) => "trace_complete",
            Self::Cancelled(_) => "cancelled",
            Self::ResponseFlag(_) => "response_flag",
            Self::Propagation(_) => "propagation",
            Self::Refusals(_) => "refusals",
            Self::Nacked(_) => "nacked",
            Self::TelemetryAgrees(_) => "telemetry_agrees",
        }
    }

    /// Whether it compares what several witnesses say, so that it can be turned red by spoiling what one of them said.
    pub fn compares_witnesses(&self) -> bool {
        match self {
            Self::Hops(_)
            | Self::TraceComplete(_)
            | Self::Rejected(_)
            | Self::Lifetimes(_)
            | Self::Propagation(_)
            | Self::Nacked(_)
            | Self::ExactlyOnce(_)
            | Self::FirstCalls(_)
            | Self::TelemetryAgrees(_) => true,
            Self::Responses(_)
            | Self::Connections(_)
            | Self::Latency(_)
            | Self::Footprint(_)
            | Self::Recovers(_)
            | Self::Load(_)
            | Self::Spread(_)
            | Self::Split(_)
            | Self::Attempts(_)
            | Self::Amplification(_)
            | Self::NeverHandled(_)
            | Self::AtMostOnce(_)
            | Self::Encrypted(_)
            | Self::Identity(_)
            | Self::Rotations(_)
            | Self::Cancelled(_)
            | Self::ResponseFlag(_)
            | Self::Refusals(_) => false,
        }
    }
}

/// A part of the run: before or after a push, or between two times.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Window {
    /// Between changes of the rules.
    Push(PushWindow),
    /// Between two times.
    Time(TimeWindow),
}

/// Requests between two times, counted from the start of the traffic. They belong by when they should have started, however
/// long they took: a fault must not choose its own witnesses.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TimeWindow {
    /// From then on; from the start when absent.
    pub from: Option<GatewayDuration>,
    /// Before then; to the end when absent.
    pub until: Option<GatewayDuration>,
}

/// Requests between two changes of the rules.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PushWindow {
    /// Requests that ended before this push was sent.
    Before(String),
    /// Requests that began after the last proxy had put this push in force, and ended before the next one was sent.
    After(String),
}
