//! The first witness: the load generator.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// One request of the load generator.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ClientRecord {
    /// The traffic that it belongs to.
    pub traffic: String,
    /// Its unique id, sent as `x-hallway-request`.
    pub correlation: String,
    /// The `idempotency-key` that it was sent with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// When it should have started: open loop, so latency counts from here.
    pub intended_us: u64,
    /// When it did start.
    pub started_us: u64,
    /// When its outcome was known.
    pub finished_us: u64,
    /// The method.
    pub method: String,
    /// The URL.
    pub url: String,
    /// The address of the client's end of the connection, when there was one; joins it with the wire.
    pub local_address: Option<SocketAddr>,
    /// What came of it.
    pub outcome: Result<ResponseSeen, FailureSeen>,
}

/// An answer, as the client saw it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ResponseSeen {
    /// The status.
    pub status: u16,
    /// `x-request-id` of the answer, when it has one.
    pub request_id: Option<String>,
    /// The service that answered, when the body is a service's.
    pub service: Option<String>,
    /// The replica that answered, when the body is a service's.
    pub instance: Option<String>,
    /// What a proxy said when it was the one to answer.
    pub proxy_message: Option<String>,
    /// What came of the call, when the answer is a gRPC one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grpc: Option<GrpcSeen>,
}

/// What came of a gRPC call, as the client saw it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct GrpcSeen {
    /// `grpc-status`, from the trailers, or from the only head.
    pub status: u32,
    /// `grpc-message`.
    pub message: Option<String>,
    /// How many messages came.
    pub messages: u32,
}

/// A failure, as the client saw it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct FailureSeen {
    /// Its kind.
    pub kind: FailureKind,
    /// In the words of the library or the peer.
    pub detail: String,
}

/// The kinds of failure that a client can tell apart.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// Nobody listens there.
    ConnectionRefused,
    /// The connection was reset or closed before the answer was complete.
    ConnectionClosed,
    /// The TLS handshake failed, or the peer refused what was presented.
    Handshake,
    /// The answer was cut short while its connection went on: its stream was reset, or ended without what must come last.
    CutShort,
    /// The client's own patience ended.
    TimedOut,
    /// Anything else: the detail tells.
    Other,
}

impl ClientRecord {
    /// The status, when there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.outcome.as_ref().ok().map(|response| response.status)
    }

    /// From the intended start to the outcome, in microseconds.
    pub fn latency_us(&self) -> u64 {
        self.finished_us.saturating_sub(self.intended_us)
    }
}
