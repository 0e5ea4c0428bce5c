//! How often requests had an effect.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// No key has more than one effect.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AtMostOnce {
    /// Which service has the effects.
    pub service: String,
    /// What makes requests the same.
    pub by: SameBy,
}

/// Every request that its caller believes done has exactly one effect.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ExactlyOnce {
    /// Which service has the effects.
    pub service: String,
    /// What makes requests the same.
    pub by: SameBy,
    /// Which requests.
    #[serde(rename = "where")]
    pub believed: Believed,
}

/// What makes requests the same.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SameBy {
    /// The header `idempotency-key`: traffic with `idempotency_key: true` sends one.
    IdempotencyKey,
}

/// Which requests their caller believes done.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Believed {
    /// Those with an answer from 200 to 299.
    #[serde(rename = "caller saw 2xx")]
    CallerSaw2xx,
}
