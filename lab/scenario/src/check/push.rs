//! What became of pushes.

use hallway_config::GatewayDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
