//! What happens while traffic flows.

use hallway_config::GatewayDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One step.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// When, counted from the start of the traffic.
    pub at: GatewayDuration,
    /// Pushes this rule file.
    pub push: String,
    /// What the control plane must answer; anything else is a failure of the run.
    pub expect: Expectation,
}

/// What the control plane answers to a push.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Expectation {
    /// It puts the rules in force.
    Accepted,
    /// It refuses the whole push.
    Refused,
}
