//! What programs take of the machine.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::quantity::Comparison;

/// So many processes, with so much memory, while the traffic ends. On processes only: a simulated machine has neither.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Footprint {
    /// Of which programs.
    pub of: Part,
    /// How many processes, such as `4` or `<= 10`.
    pub processes: Comparison,
    /// How much memory all of them have together, in MiB, where it matters. What several processes share counts once.
    pub mebibytes: Option<Comparison>,
}

/// Some of the programs of a run.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The services' own programs.
    Services,
    /// What the mesh adds: sidecars, control plane, gateway.
    Mesh,
}
