//! What happens while traffic flows.

use hallway_config::GatewayDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// One step: a push of rules, or a fault.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Step {
    /// Rules are pushed.
    Push(PushStep),
    /// Something goes wrong, or is put right.
    Fault(FaultStep),
}

/// A push of rules.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PushStep {
    /// When, counted from the start of the traffic.
    pub at: GatewayDuration,
    /// Pushes this rule file.
    pub push: String,
    /// What the control plane must answer; anything else is a failure of the run.
    pub expect: Expectation,
}

/// Something goes wrong, or is put right.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FaultStep {
    /// When, counted from the start of the traffic.
    pub at: GatewayDuration,
    /// What.
    pub fault: Fault,
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

impl Step {
    /// When, counted from the start of the traffic.
    pub fn at(&self) -> GatewayDuration {
        match self {
            Self::Push(step) => step.at,
            Self::Fault(step) => step.at,
        }
    }

    /// The push, if it is one.
    pub fn as_push(&self) -> Option<&PushStep> {
        match self {
            Self::Push(step) => Some(step),
            Self::Fault(_) => None,
        }
    }

    /// The fault, if it is one.
    pub fn as_fault(&self) -> Option<&FaultStep> {
        match self {
            Self::Push(_) => None,
            Self::Fault(step) => Some(step),
        }
    }

    /// What controls call it: the rule file of a push, the kind of a fault.
    pub fn name(&self) -> &str {
        match self {
            Self::Push(step) => &step.push,
            Self::Fault(step) => step.fault.kind(),
        }
    }
}
