//! What was readable, who was refused, and who called.

use hallway_model::telemetry::RefusalReason;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Nothing between these services was readable.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Encrypted {
    /// The calling service, the gateway, or `outside` for its clients.
    pub from: String,
    /// The called service, or the gateway.
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
    pub because: RefusalReason,
}

impl Rejected {
    /// The service whose sidecars refuse.
    pub fn service(&self) -> &str {
        self.by.strip_suffix(" sidecar").unwrap_or(&self.by)
    }
}

/// Every sidecar put new SVIDs to use.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rotations {
    /// Whose sidecars: `all`, or a service.
    pub of: String,
    /// How many times each, after its first SVID.
    #[schemars(range(min = 1))]
    pub at_least: u32,
}

/// No connection outlived either certificate.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Lifetimes {
    /// The calling service.
    pub from: String,
    /// The called service.
    pub to: String,
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
