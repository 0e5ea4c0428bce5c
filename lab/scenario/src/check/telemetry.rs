//! What the mesh says of itself.

use hallway_model::telemetry::ResponseFlag;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Window;
use crate::quantity::ShareBound;

/// Every request passed these proxies under one request id.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Hops {
    /// Which traffic, by its name.
    pub traffic: String,
    /// A service and a direction each, such as `orders outbound`, or the gateway, as `front gateway`, from the caller to the callee.
    #[schemars(length(min = 1), extend("items" = proxy_side()))]
    pub proxies: Vec<String>,
}

impl Hops {
    /// The service or gateway of each proxy, and whether it is a gateway.
    pub fn owners(&self) -> impl Iterator<Item = (&str, bool)> {
        let proxies = self.proxies.iter();
        proxies.map(|proxy| match proxy.split_once(' ') {
            Some((name, side)) => (name, side == "gateway"),
            None => (proxy.as_str(), false),
        })
    }
}

/// Every request is one connected trace.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TraceComplete {
    /// Which traffic, by its name.
    pub traffic: String,
}

/// What a sidecar's access log says.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FlagShare {
    /// Which traffic, by its name.
    pub traffic: String,
    /// Whose sidecar, on its outbound side.
    pub proxy: String,
    /// The flag, such as `UT`.
    pub flag: ResponseFlag,
    /// Which share of the requests has it.
    pub share: ShareBound,
    /// In which part of the run; all of it when absent.
    pub during: Option<Window>,
}

/// The telemetry counts what the ledger counts.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryAgrees {
    /// Which service, by its name.
    pub service: String,
}

/// The schema of a service and a direction, or of the gateway.
fn proxy_side() -> Value {
    json!({
        "type": "string",
        "title": "a service and a direction",
        "pattern": "^[-a-z0-9]+ (inbound|outbound|gateway)$",
        "examples": ["orders outbound"],
    })
}
