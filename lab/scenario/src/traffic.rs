//! Who sends what, and how often.

use hallway_config::GatewayDuration;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::quantity::Rate;

/// One stream of requests: open loop (arrivals do not wait for answers), with unique ids.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    /// The load generator speaks to the outbound listener of this service's first sidecar; `intruder` has no sidecar and
    /// brings what it presents.
    pub from: Option<String>,
    /// The process of this service's first replica is asked to make the calls itself.
    pub via: Option<String>,
    /// A URL (`http://payments/charge`); for an intruder the name of a service.
    pub to: String,
    /// The method; `GET` when absent.
    #[serde(default = "default_method")]
    pub method: String,
    /// Headers to send.
    #[serde(default)]
    pub headers: IndexMap<String, String>,
    /// The body to send.
    pub body: Option<String>,
    /// How many requests per time; `20/s` when absent.
    #[serde(default)]
    pub rate: Rate,
    /// For how long. Give this, or `count`.
    #[serde(rename = "for")]
    pub duration: Option<GatewayDuration>,
    /// How many requests. Give this, or `for`.
    pub count: Option<u32>,
    /// When it starts, counted from the start of the run; at once when absent.
    pub start: Option<GatewayDuration>,
    /// How long the client itself waits for an answer; 10 s when absent.
    #[serde(default = "default_patience")]
    pub patience: GatewayDuration,
    /// What an intruder presents.
    pub present: Option<Present>,
}

/// What an intruder presents.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Present {
    /// No TLS at all.
    Plaintext(PlaintextWord),
    /// A certificate.
    Certificate(Certificate),
}

/// The word `plaintext`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaintextWord {
    /// No TLS at all.
    Plaintext,
}

/// The certificate of an intruder.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Certificate {
    /// Issued by the authority of this trust domain; the mesh's own when absent.
    pub trust_domain: Option<String>,
    /// The service account that it names; `intruder` when absent.
    pub identity: Option<String>,
    /// It expired so long ago; valid when absent.
    pub expired_for: Option<GatewayDuration>,
}

fn default_method() -> String {
    "GET".to_owned()
}

fn default_patience() -> GatewayDuration {
    GatewayDuration::from_millis(10_000).expect("ten seconds are a duration")
}
