//! The contract of the sample services, as types: what a service is told, what it answers and what it records.
//!
//! `services/CONTRACT.md` is the text; these types are its JSON. Other languages implement the text, the lab and the
//! Rust service share the types. Durations are milliseconds, times are microseconds since the Unix epoch.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// The header by which the load generator recognises its requests wherever they show up.
pub const CORRELATION_HEADER: &str = "x-hallway-request";
/// The header that carries the request id through the mesh.
pub const REQUEST_ID_HEADER: &str = "x-request-id";
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

/// How a service behaves. The default answers 200 at once.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Behaviour {
    /// The status of every answer that no fault below decides; 200 when absent.
    pub status: Option<u16>,
    /// How long the work takes.
    pub latency: Option<Latency>,
    /// Fails the first attempts of each request id, exactly.
    pub fail_first: Option<FailFirst>,
    /// Fails a share of the attempts, at random.
    pub fail_share: Option<FailShare>,
    /// Resets the connection for a share of the attempts, before the work is done.
    pub reset_before: Option<f64>,
    /// Resets the connection for a share of the attempts, after the work is done and before the answer.
    pub reset_after: Option<f64>,
    /// Never answers.
    pub hang: bool,
    /// Sends the body of the answer slowly.
    pub slow_body: Option<SlowBody>,
}

/// How long the work of one request takes, in milliseconds.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Latency {
    /// Always the same.
    Fixed {
        /// Milliseconds.
        ms: f64,
    },
    /// Drawn from a distribution that is linear between these percentiles (0 ms at p0, `p99_ms` above p99).
    Percentiles {
        /// The median, in milliseconds.
        p50_ms: f64,
        /// The 90th percentile, in milliseconds.
        p90_ms: f64,
        /// The 99th percentile, in milliseconds.
        p99_ms: f64,
    },
}

/// The first attempts of every request id fail.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FailFirst {
    /// How many attempts fail.
    pub attempts: u32,
    /// The status that they get.
    pub status: u16,
}

/// A share of the attempts fails.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FailShare {
    /// The probability, from 0 to 1.
    pub share: f64,
    /// The status that they get.
    pub status: u16,
}

/// The body of an answer comes in `pieces`, evenly spread over `over_ms`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SlowBody {
    /// How many pieces.
    pub pieces: u32,
    /// Milliseconds from the first piece to the last.
    pub over_ms: f64,
}

/// What a service leaves on its standard output, one JSON line each.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// It serves now.
    Listening {
        /// Where the application is.
        application: SocketAddr,
        /// Where the control endpoint is.
        control: SocketAddr,
    },
    /// A request has arrived, written before any work is done.
    Received(Received),
    /// A request has ended, written before the answer leaves.
    Finished(Finished),
}

/// The ledger's first line on a request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Received {
    /// Which request of this process it is, counted from 1; joins `Received` with `Finished`.
    pub handling: u64,
    /// The service.
    pub service: String,
    /// Its version.
    pub version: String,
    /// Its replica.
    pub instance: String,
    /// When it arrived, in microseconds since the Unix epoch.
    pub at_us: u64,
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// `x-request-id`.
    pub request_id: Option<String>,
    /// `x-hallway-request`.
    pub correlation: Option<String>,
    /// `x-envoy-attempt-count`.
    pub attempt: Option<u32>,
    /// `x-forwarded-client-cert`: whom the sidecar authenticated.
    pub client_cert: Option<String>,
    /// `traceparent`.
    pub traceparent: Option<String>,
}

/// The ledger's last line on a request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Finished {
    /// Which request of this process it was.
    pub handling: u64,
    /// When it ended, in microseconds since the Unix epoch.
    pub at_us: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// The status of the answer, when there is one.
    pub status: Option<u16>,
}

/// How a service ended a request.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It answered.
    Answered,
    /// It was told to reset the connection before the work.
    ResetBefore,
    /// It was told to reset the connection after the work.
    ResetAfter,
    /// The caller went away before the answer, or the service gave up because it was told to stop.
    Cancelled,
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
