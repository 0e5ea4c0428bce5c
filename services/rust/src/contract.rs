//! The contract of the sample services, as types: what a service is told, what it answers and what it records.
//!
//! `services/CONTRACT.md` is the text; these types are its JSON. Other languages implement the text, the lab and the
//! Rust service share the types. Durations are milliseconds, times are microseconds since the Unix epoch.
//!
//! - here: what a service is told when it starts, and what it answers
//! - [`behaviour`]: how it is told to behave
//! - [`records`]: what it writes down

mod behaviour;
mod records;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

pub use behaviour::{
    Behaviour, Capacity, EffectRule, FailFirst, FailPattern, FailShare, IdleClose, Latency, SlowBody, Ticks,
};
pub use records::{Effect, Finished, FirstCall, Outcome, Received, Record};

/// The header by which the load generator recognises its requests wherever they show up.
pub const CORRELATION_HEADER: &str = "x-hallway-request";
/// The header that carries the request id through the mesh.
pub const REQUEST_ID_HEADER: &str = "x-request-id";
/// The header by which a caller says that several requests mean the same: they are to have one effect.
pub const IDEMPOTENCY_KEY_HEADER: &str = "idempotency-key";
/// The header in which the calling sidecar counts attempts, from 1. The name is Envoy's.
pub const ATTEMPT_HEADER: &str = "x-envoy-attempt-count";
/// The header in which the callee's sidecar names the authenticated peer. The name and format are Envoy's.
pub const CLIENT_CERT_HEADER: &str = "x-forwarded-client-cert";

/// What a service is told when it starts: one line of JSON on its standard input. The end of that input is the order to
/// stop.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Bootstrap {
    /// The name of the service, such as `payments`.
    pub service: String,
    /// The version that it reports, such as `v1`.
    pub version: String,
    /// The name of this replica, such as `payments-1`.
    pub instance: String,
    /// Where to serve the application; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What to serve there. A service that cannot serve HTTP/2 does not know the field.
    #[serde(default, skip_serializing_if = "Protocol::is_http1")]
    pub protocol: Protocol,
    /// Where to serve the control endpoint, and who may use it.
    pub control: ControlEndpoint,
    /// The sidecar's outbound listener: calls go there in absolute form. Without one, `addresses` is used.
    pub proxy: Option<SocketAddr>,
    /// Where other services are when there is no sidecar: host name to address.
    pub addresses: BTreeMap<String, SocketAddr>,
    /// The calls to make for every request handled.
    pub calls: Vec<Call>,
    /// Whether those calls are made one after the other or all at once.
    pub call_order: CallOrder,
    /// How to behave at first.
    pub behaviour: Behaviour,
    /// The seed of everything random that the service does.
    pub seed: u64,
    /// The calls to make as soon as it listens, one after the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub first_calls: Vec<Call>,
}

/// What an application serves.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2 in the clear with prior knowledge (RFC 9113, section 3.3), and gRPC over it.
    H2c,
}

impl Protocol {
    fn is_http1(&self) -> bool {
        *self == Self::Http1
    }
}

/// The control endpoint of a service.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ControlEndpoint {
    /// Where to serve it; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The bearer token that it asks for.
    pub token: String,
}

impl std::fmt::Debug for ControlEndpoint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ControlEndpoint")
            .field("listen", &self.listen)
            .finish_non_exhaustive()
    }
}

/// One call to another service.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The method, such as `GET`.
    pub method: String,
    /// The absolute URL, such as `http://payments/charge`.
    pub url: String,
    /// Headers to send beside those that are propagated.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body to send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// In which order a service makes its calls.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallOrder {
    /// One after the other, in the given order.
    #[default]
    Sequence,
    /// All at once.
    Parallel,
}

/// The body of an answer: an echo of the request, and what the service called.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Answer {
    /// The service.
    pub service: String,
    /// Its version.
    pub version: String,
    /// Its replica.
    pub instance: String,
    /// The method of the request.
    pub method: String,
    /// The path of the request, with its query.
    pub path: String,
    /// The host of the request.
    pub host: Option<String>,
    /// The protocol of the request, such as `HTTP/1.1`.
    pub protocol: String,
    /// The headers of the request; repeated ones are joined with a comma and a space.
    pub headers: BTreeMap<String, String>,
    /// What the service called, in the order of its calls.
    pub calls: Vec<CallResult>,
    /// The effect that the request had, or had had before.
    pub effect: Option<EffectSeen>,
}

/// The effect of a request, as its caller is told.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct EffectSeen {
    /// Which effect of this process it is, counted from 1.
    pub number: u64,
    /// `idempotency-key` of the request.
    pub key: Option<String>,
    /// Whether it is that of an earlier request with the same key, so that this request had none.
    pub repeated: bool,
}

/// One event of an answer that is a stream of them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tick {
    /// The service.
    pub service: String,
    /// Its version.
    pub version: String,
    /// Its replica.
    pub instance: String,
    /// Which event it is, counted from 1.
    pub number: u32,
}

/// What came of a call to another service, whether made for a request or on the order of the control endpoint.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CallResult {
    /// The URL that was called.
    pub url: String,
    /// The status of the answer, when there was one.
    pub status: Option<u16>,
    /// What went wrong, when there was no answer.
    pub error: Option<String>,
    /// The headers of the answer.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body of the answer, JSON when it is JSON and else a string.
    pub body: serde_json::Value,
    /// How long the call took, in microseconds.
    pub elapsed_us: u64,
}
