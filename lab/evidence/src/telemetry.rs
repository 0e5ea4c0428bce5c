//! The fourth witness: what the mesh says of itself.

use std::collections::BTreeMap;

use hallway_model::telemetry::{Access, Configuration, Connection, Identity, Refusal, Span};
use serde::{Deserialize, Serialize};

/// The records and metrics of all proxies.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Telemetry {
    /// Access logs.
    pub access: Vec<Access>,
    /// Spans.
    pub spans: Vec<Span>,
    /// Refused connections.
    pub refusals: Vec<Refusal>,
    /// Ended connections.
    pub connections: Vec<Connection>,
    /// Configurations put in force or refused.
    pub configurations: Vec<Configuration>,
    /// SVIDs put to use.
    pub identities: Vec<Identity>,
    /// The last scrape of each proxy's metrics, by workload.
    pub metrics: BTreeMap<String, Vec<Sample>>,
}

/// One sample of a scrape.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Sample {
    /// The name of the series, such as `hallway_requests_total`.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}
