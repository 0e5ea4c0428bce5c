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
    /// The called service, or the gateway; `all` for whoever is called.
    pub to: String,
}

/// Every request of this traffic was refused, by itself or with its connection.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rejected {
    /// Which traffic, by its name.
    pub traffic: String,
    /// By whose sidecars: a service name and the word `sidecar`, such as `payments sidecar`.
    #[schemars(
        title = "the sidecar of a service",
        example = &"payments sidecar",
        regex(pattern = r"^[-a-z0-9]+ sidecar$")
    )]
    pub by: String,
    /// Why it was refused.
    pub because: RejectionReason,
}

impl Rejected {
    /// The service whose sidecars refuse.
    pub fn service(&self) -> &str {
        self.by.strip_suffix(" sidecar").unwrap_or(&self.by)
    }
}

/// Why something was refused.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(untagged)]
pub enum RejectionReason {
    /// Nothing was heard on the connection.
    Connection(RefusalReason),
    /// The request was heard, and got no further.
    Request(RequestRefusal),
}

/// Why a request was refused that was heard.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestRefusal {
    /// The authorization policies of the callee do not let it pass: 403, or gRPC's status 7.
    NotAuthorized,
    /// It brought a token that the callee does not believe: 401, or gRPC's status 16.
    InvalidToken,
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
