//! Who sends what, and how often.

use std::time::Duration;

use hallway_config::GatewayDuration;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::Deployment;
use crate::quantity::Rate;

/// The most requests that one stream may send.
pub(crate) const MOST_REQUESTS: u32 = 1_000_000;

/// The sender that has no sidecar: `from: intruder`.
pub const INTRUDER: &str = "intruder";

/// The sender that is no part of the mesh and comes through the gateway: `from: outside`.
pub const OUTSIDE: &str = "outside";

/// One stream of requests: open loop (arrivals do not wait for answers), with unique ids.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    /// The load generator speaks to the outbound listener of this service's first sidecar; `intruder` has no sidecar and
    /// brings what it presents; `outside` is a client of the gateway, which knows nothing of the mesh.
    pub from: Option<String>,
    /// The process of this service's first replica is asked to make the calls itself.
    pub via: Option<String>,
    /// A URL (`http://payments/charge`); for an intruder also the name of a service; from outside, a host name that the gateway serves, with
    /// `http` or `https`.
    pub to: String,
    /// What a client outside calls where there is no gateway: the URL of a service, which it finds at its own port.
    pub direct: Option<String>,
    /// What the client speaks.
    #[serde(default)]
    pub protocol: TrafficProtocol,
    /// How many connections the client keeps open, to send its requests over them in turn; 1 when absent. In HTTP/1.1 it has as many
    /// as it has requests under way.
    #[schemars(range(min = 1, max = 64))]
    pub connections: Option<u32>,
    /// The method; `GET` when absent, and `POST` for gRPC.
    pub method: Option<String>,
    /// Headers to send.
    #[serde(default)]
    pub headers: IndexMap<String, String>,
    /// Whether each request has an `idempotency-key` of its own, which all attempts to send it have in common.
    #[serde(default)]
    pub idempotency_key: bool,
    /// The body to send: a text, or `{ bytes: 32000 }` for so many bytes of filling. In gRPC it is the one message, `{}` when absent.
    #[serde(default, deserialize_with = "written_out")]
    #[schemars(with = "Option<Body>")]
    pub body: Option<String>,
    /// How many requests per time; `20/s` when absent.
    #[serde(default)]
    pub rate: Rate,
    /// For how long. Give this, or `count`.
    #[serde(rename = "for")]
    pub duration: Option<GatewayDuration>,
    /// How many requests. Give this, or `for`.
    #[schemars(range(min = 1, max = MOST_REQUESTS))]
    pub count: Option<u32>,
    /// When it starts, counted from the start of the run; at once when absent.
    pub start: Option<GatewayDuration>,
    /// How long the client itself waits for an answer; 10 s when absent.
    #[serde(default = "default_patience")]
    pub patience: GatewayDuration,
    /// What an intruder presents.
    pub present: Option<Present>,
}

impl Traffic {
    /// The method of its requests.
    pub fn method(&self) -> &str {
        self.method.as_deref().unwrap_or(match self.protocol {
            TrafficProtocol::Http1 | TrafficProtocol::H2 => "GET",
            TrafficProtocol::Grpc => "POST",
        })
    }

    /// What it calls under `deployment`.
    pub fn destination(&self, deployment: Deployment) -> &str {
        match &self.direct {
            Some(direct) if !deployment.has_gateway() => direct,
            _ => &self.to,
        }
    }

    /// Whether a client outside of the mesh sends it.
    pub fn is_from_outside(&self) -> bool {
        self.from.as_deref() == Some(OUTSIDE)
    }

    /// The host of its URL, or the name that an intruder has in place of one.
    pub fn host(&self) -> &str {
        host(&self.to)
    }

    /// How many requests it has.
    pub fn requests(&self) -> u64 {
        match (self.count, self.duration) {
            (Some(count), _) => count.into(),
            (None, Some(duration)) => self.rate.requests_within(duration.to_std()),
            (None, None) => 0,
        }
    }

    /// How many of its requests come before `offset`, counted from the start of the run.
    pub fn requests_before(&self, offset: Duration) -> u64 {
        let flowing = offset.saturating_sub(self.start());
        self.rate.requests_within(flowing).min(self.requests())
    }

    /// When its last request has come, counted from the start of the run.
    pub fn end(&self) -> Duration {
        let nanoseconds = self.rate.interval().as_nanos() * u128::from(self.requests());
        self.start() + Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }

    fn start(&self) -> Duration {
        self.start.map_or(Duration::ZERO, GatewayDuration::to_std)
    }
}

/// The host of a URL, or the name that stands in place of one.
pub fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', ':', '?']).next().unwrap_or(rest)
}

/// What a client speaks.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TrafficProtocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2: with prior knowledge, or as agreed on in the handshake (ALPN) where there is TLS.
    H2,
    /// gRPC over HTTP/2, with JSON in its messages: an answer counts only with its trailers.
    Grpc,
}

/// A body as it is written in a scenario file.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Body {
    /// This text.
    Text(String),
    /// Filling.
    Filling(Filling),
}

/// A body of which only the size matters.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Filling {
    /// How many bytes.
    #[schemars(range(min = 1, max = 1_000_000))]
    bytes: usize,
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

fn written_out<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let body = Option::<Body>::deserialize(deserializer)?;
    Ok(body.map(|body| match body {
        Body::Text(text) => text,
        Body::Filling(filling) => "x".repeat(filling.bytes),
    }))
}

fn default_patience() -> GatewayDuration {
    GatewayDuration::from_millis(10_000).expect("ten seconds are a duration")
}
