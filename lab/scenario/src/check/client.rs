//! What the client saw.

use hallway_config::GatewayDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Window;
use crate::quantity::{Comparison, ShareBound};

/// What the client saw.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Responses {
    /// Which traffic, by its name.
    pub traffic: String,
    /// The status in question.
    #[schemars(range(min = 200, max = 599))]
    pub status: u16,
    /// What a gRPC answer must have beside the status, which is 200 whatever came of the call.
    pub grpc: Option<GrpcOutcome>,
    /// Which share of the requests has it, such as `100%` or `>= 99%`. Give this, or `count`.
    pub share: Option<ShareBound>,
    /// How many requests have it, such as `>= 20`. Give this, or `share`.
    pub count: Option<Comparison>,
    /// In which part of the run; all of it when absent.
    pub during: Option<Window>,
}

/// What came of a gRPC call. It is known only with the trailers, or, when there is no message, from the only head.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GrpcOutcome {
    /// `grpc-status`: 0 when the call went well.
    #[schemars(range(max = 16))]
    pub status: u32,
    /// How many messages came before it; any number when absent.
    pub messages: Option<u32>,
}

/// Over how many connections the client sent its requests.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Connections {
    /// Which traffic, by its name.
    pub traffic: String,
    /// Exactly so many.
    #[schemars(range(min = 1))]
    pub count: u32,
}

/// How long answers took, failures included. With `status`, requests with another outcome count against the check: as infinitely long for
/// `at_most`, as no time at all for `at_least`.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// Which traffic, by its name.
    pub traffic: String,
    /// Which percentile.
    pub percentile: Percentile,
    /// The longest that is allowed.
    pub at_most: Option<GatewayDuration>,
    /// The shortest that is allowed.
    pub at_least: Option<GatewayDuration>,
    /// The status that they must have; any outcome counts with the time that it took when absent.
    #[schemars(range(min = 200, max = 599))]
    pub status: Option<u16>,
    /// In which part of the run; all of it when absent.
    pub during: Option<Window>,
}

/// After a fault, answers were good again in time.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Recovers {
    /// Which traffic, by its name.
    pub traffic: String,
    /// When the fault ended, counted from the start of the traffic: the time of a step.
    pub after: GatewayDuration,
    /// From then to the first of the requests that all have good answers.
    pub within: GatewayDuration,
    /// The status of a good answer; 200 when absent.
    #[schemars(range(min = 200, max = 599))]
    pub status: Option<u16>,
}

impl Recovers {
    /// The status of a good answer.
    pub fn good(&self) -> u16 {
        self.status.unwrap_or(200)
    }
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
