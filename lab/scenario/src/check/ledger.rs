//! What reached the services, and how often.

use hallway_config::GatewayDuration;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Window;
use crate::quantity::Percentage;

/// One replica's share of the first attempts.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// Which traffic, by its name.
    pub traffic: String,
    /// Which replica, such as `payments-3`.
    pub instance: String,
    /// The share that it must stay below.
    pub below: Percentage,
}

/// The share of every replica of a service.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// Which traffic, by its name.
    pub traffic: String,
    /// Which service, by its name.
    pub service: String,
    /// The share of the first attempts that each of its replicas must be above.
    pub each_above: Percentage,
}

/// How first attempts are split between services.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// Which traffic, by its name.
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
    /// Which traffic, by its name.
    pub traffic: String,
    /// Which service, by its name.
    pub service: String,
    /// Exactly so often.
    pub each: u32,
}

/// How many attempts reached a service for each request, on average.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Amplification {
    /// Which traffic, by its name.
    pub traffic: String,
    /// Which service, however many hops away.
    pub service: String,
    /// At most so many: 1 without retries, 3 with two retries at one hop, 27 with two at each of three hops.
    #[schemars(range(min = 1))]
    pub at_most: f64,
}

/// No request reached any service.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NeverHandled {
    /// Which traffic, by its name.
    #[schemars(length(min = 1))]
    pub traffic: Vec<String>,
}

/// The service saw every request cancelled.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Cancelled {
    /// Which traffic, by its name.
    pub traffic: String,
    /// Which service, by its name.
    pub service: String,
    /// At most so long after the caller had its answer.
    pub within: GatewayDuration,
}
