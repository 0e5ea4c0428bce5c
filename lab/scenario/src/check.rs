//! What must hold, as a closed set of typed checks. A check without evidence is red.

use hallway_config::GatewayDuration;
use hallway_model::telemetry::{Direction, ResponseFlag};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::quantity::{Comparison, Percentage, ShareBound};

/// A check.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// What the client saw. Witness: the client.
    Responses(Responses),
    /// How long answers took, from the intended start. Witness: the client.
    Latency(Latency),
    /// One replica's share of the first attempts, by an exact binomial test. Witness: the ledger.
    Load(Load),
    /// How first attempts were split between services, by an exact binomial test. Witness: the ledger.
    Split(Split),
    /// How often every single request reached a service. Witness: the ledger.
    Attempts(Attempts),
    /// No request of this traffic reached any service. Witness: the ledger.
    NeverHandled(NeverHandled),
    /// Nothing between these services was readable. Witness: the wire.
    Encrypted(Encrypted),
    /// Every connection of this traffic was refused, by the stated side, for the stated reason. Witnesses: client, wire and
    /// the refusing sidecar.
    Rejected(Rejected),
    /// Every request that a service handled came from this identity. Witness: the ledger (what the sidecar told the service).
    Identity(Identity),
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
            Self::Latency(_) => "latency",
            Self::Load(_) => "load",
            Self::Split(_) => "split",
            Self::Attempts(_) => "attempts",
            Self::NeverHandled(_) => "never_handled",
            Self::Encrypted(_) => "encrypted",
            Self::Rejected(_) => "rejected",
            Self::Identity(_) => "identity",
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
            | Self::Propagation(_)
            | Self::Nacked(_)
            | Self::TelemetryAgrees(_) => true,
            Self::Responses(_)
            | Self::Latency(_)
            | Self::Load(_)
            | Self::Split(_)
            | Self::Attempts(_)
            | Self::NeverHandled(_)
            | Self::Encrypted(_)
            | Self::Identity(_)
            | Self::Cancelled(_)
            | Self::ResponseFlag(_)
            | Self::Refusals(_) => false,
        }
    }
}

/// A part of the run.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Window {
    /// Requests that ended before this push was sent.
    Before(String),
    /// Requests that began after the last proxy had put this push in force.
    After(String),
}

/// What the client saw.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Responses {
    /// Which traffic.
    pub traffic: String,
    /// The status in question.
    #[schemars(range(min = 200, max = 599))]
    pub status: u16,
    /// Which share of the requests has it, such as `100%` or `>= 99%`. Give this, or `count`.
    pub share: Option<ShareBound>,
    /// How many requests have it, such as `>= 20`. Give this, or `share`.
    pub count: Option<Comparison>,
    /// In which part of the run; all of it when absent.
    pub during: Option<Window>,
}

/// How long answers took. Failures count as infinitely long unless the bound is on any outcome.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// Which traffic.
    pub traffic: String,
    /// Which percentile.
    pub percentile: Percentile,
    /// The longest that is allowed.
    pub at_most: Option<GatewayDuration>,
    /// The shortest that is allowed.
    pub at_least: Option<GatewayDuration>,
    /// Which answers count: those with this status; all outcomes when absent.
    #[schemars(range(min = 200, max = 599))]
    pub status: Option<u16>,
}

/// A percentile, by the nearest-rank method.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Percentile {
    /// The median.
    P50,
    /// The 90th.
    P90,
    /// The 99th.
    P99,
    /// The greatest.
    Max,
}

/// One replica's share of the first attempts.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// Which traffic.
    pub traffic: String,
    /// Which replica, such as `payments-3`.
    pub instance: String,
    /// The share that it must stay below.
    pub below: Percentage,
}

/// How first attempts are split between services.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// Which traffic.
    pub traffic: String,
    /// The weights, by service.
    pub expect: IndexMap<String, u32>,
    /// A wrong split that this check must be able to tell apart: the sample has to be large enough for it.
    pub tells_apart: IndexMap<String, u32>,
    /// In which part of the run; all of it when absent.
    pub during: Option<Window>,
    /// The least number of first attempts that must be in that part.
    #[schemars(range(min = 1))]
    pub sample: u32,
}

/// How often every single request reached a service.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Attempts {
    /// Which traffic.
    pub traffic: String,
    /// Which service.
    pub service: String,
    /// Exactly so often.
    pub each: u32,
}

/// No request reached any service.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NeverHandled {
    /// Which traffic.
    #[schemars(length(min = 1))]
    pub traffic: Vec<String>,
}

/// Nothing between these services was readable.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Encrypted {
    /// The calling service.
    pub from: String,
    /// The called service.
    pub to: String,
}

/// Every connection of this traffic was refused.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rejected {
    /// Which traffic.
    pub traffic: String,
    /// By whose sidecars: a service name and the word `sidecar`, such as `payments sidecar`.
    #[schemars(
        title = "the sidecar of a service",
        example = &"payments sidecar",
        regex(pattern = r"^[-a-z0-9]+ sidecar$")
    )]
    pub by: String,
    /// Why.
    pub because: hallway_model::telemetry::RefusalReason,
}

impl Rejected {
    /// The service whose sidecars refuse.
    pub fn service(&self) -> &str {
        self.by.strip_suffix(" sidecar").unwrap_or(&self.by)
    }
}

/// Every request came from this identity.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Which service was called.
    pub service: String,
    /// The service account of the caller.
    pub caller: String,
}

/// Every request passed these proxies under one request id.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Hops {
    /// Which traffic.
    pub traffic: String,
    /// A service and a direction each, such as `orders outbound`, from the caller to the callee.
    #[schemars(length(min = 1), extend("items" = proxy_side()))]
    pub proxies: Vec<String>,
}

/// The schema of a service and a direction.
fn proxy_side() -> serde_json::Value {
    serde_json::json!({
        "type": "string",
        "title": "a service and a direction",
        "pattern": "^[-a-z0-9]+ (inbound|outbound)$",
        "examples": ["orders outbound"],
    })
}

impl Hops {
    /// The service and the direction of each proxy.
    pub fn sides(&self) -> impl Iterator<Item = (&str, Direction)> {
        self.proxies.iter().map(|proxy| match proxy.rsplit_once(' ') {
            Some((service, "inbound")) => (service, Direction::Inbound),
            Some((service, _)) => (service, Direction::Outbound),
            None => (proxy.as_str(), Direction::Outbound),
        })
    }
}

/// Every request is one connected trace.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TraceComplete {
    /// Which traffic.
    pub traffic: String,
}

/// The service saw every request cancelled.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Cancelled {
    /// Which traffic.
    pub traffic: String,
    /// Which service.
    pub service: String,
    /// At most so long after the caller had its answer.
    pub within: GatewayDuration,
}

/// What a sidecar's access log says.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FlagShare {
    /// Which traffic.
    pub traffic: String,
    /// Whose sidecar, on its outbound side.
    pub proxy: String,
    /// The flag, such as `UT`.
    pub flag: ResponseFlag,
    /// Which share of the requests has it.
    pub share: ShareBound,
}

/// A push was in force in time.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Propagation {
    /// The rule file that was pushed.
    pub push: String,
    /// By whom: `all`, or a service.
    pub acknowledged_by: String,
    /// From the push to the last acknowledgement.
    pub within: GatewayDuration,
}

/// Pushes were refused.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Refusals {
    /// How many.
    #[schemars(range(min = 1))]
    pub count: u32,
    /// What every refusal, and the control plane's status after it, must name.
    #[schemars(length(min = 1))]
    pub each_names: Vec<RefusalPart>,
}

/// What a refusal names.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalPart {
    /// The file.
    File,
    /// The line.
    Line,
    /// What is wrong.
    Reason,
}

/// A proxy refused a push.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Nacked {
    /// The rule file that was pushed.
    pub push: String,
    /// Whose sidecar refused it.
    pub by: String,
    /// Words that its reason contains.
    #[schemars(length(min = 1))]
    pub because: String,
}

/// The telemetry counts what the ledger counts.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryAgrees {
    /// Which service.
    pub service: String,
}
