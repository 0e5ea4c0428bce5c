//! What programs got that called as soon as they ran.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Every replica of a service made each of its `first_calls` once in each of its lives, and got this status every time.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FirstCalls {
    /// Whose first calls.
    pub service: String,
    /// The status.
    #[schemars(range(min = 100, max = 599))]
    pub status: u16,
}
