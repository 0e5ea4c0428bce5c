//! The records that proxies and the control plane leave behind: JSON lines on standard output.
//! Times are microseconds since the Unix epoch, durations microseconds.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bootstrap::Listeners;
use crate::{ClusterName, Origin, SpiffeId};

/// One record of a proxy.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum ProxyRecord {
    /// Its listeners are open.
    Listening {
        /// Where it listens.
        listeners: Listeners,
        /// Where its admin endpoint is.
        admin: SocketAddr,
    },
    /// A request has ended.
    Access(Box<Access>),
    /// An attempt has ended.
    Span(Box<Span>),
    /// A connection was refused before any request.
    Refusal(Refusal),
    /// A connection between sidecars has ended.
    Connection(Connection),
    /// A configuration was put in force, or was refused.
    Configuration(Configuration),
    /// An SVID was issued to it.
    Identity(Identity),
}

/// On which side of the mesh a proxy handled a request. What came through a gateway is north-south traffic, the rest east-west.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From its application to the mesh.
    Outbound,
    /// From the mesh to its application.
    Inbound,
    /// From outside of the mesh into it, through a gateway.
    Gateway,
}

impl Direction {
    /// Whether the proxy sends requests into the mesh on this side: it routes them, makes attempts, and tries again.
    pub fn calls(self) -> bool {
        self != Self::Inbound
    }

    /// Its name in records, metrics and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Outbound => "outbound",
            Self::Inbound => "inbound",
            Self::Gateway => "gateway",
        }
    }
}

/// One line of the access log: one request, with all its attempts.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Access {
    /// The workload of the proxy.
    pub proxy: String,
    /// On which side.
    pub direction: Direction,
    /// When the request arrived.
    pub start_us: u64,
    /// From its arrival to the end of the response.
    pub duration_us: u64,
    /// `x-request-id`.
    pub request_id: String,
    /// The trace that it belongs to, 32 hexadecimal digits.
    pub trace_id: String,
    /// The method.
    pub method: String,
    /// The authority, as it was asked for.
    pub authority: String,
    /// The path, with its query.
    pub path: String,
    /// The rule that routed it.
    pub rule: Option<String>,
    /// Where that rule was written.
    pub origin: Option<Origin>,
    /// The cluster of the last attempt.
    pub cluster: Option<ClusterName>,
    /// How many endpoints that cluster had.
    pub endpoints: u32,
    /// The workload of the last attempt.
    pub endpoint: Option<String>,
    /// Who called, as authenticated; absent for the proxy's own application and for plaintext.
    pub downstream_peer: Option<SpiffeId>,
    /// Who answered, as authenticated.
    pub upstream_peer: Option<SpiffeId>,
    /// The status of the answer; absent when the caller left before there was one.
    pub status: Option<u16>,
    /// Envoy's response flags, none when all went well.
    pub flags: Vec<ResponseFlag>,
    /// What exactly happened when it was the proxy that answered, such as `expired` or `connection refused`.
    pub detail: Option<String>,
    /// The rules that refused it; absent when they did not, or were not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denial: Option<Denial>,
    /// How many attempts were made.
    pub attempts: u32,
    /// Bytes of the request body.
    pub request_bytes: u64,
    /// Bytes of the response body.
    pub response_bytes: u64,
    /// The request headers that the bootstrap asked for.
    pub headers: BTreeMap<String, String>,
}

/// Why the rules of a workload refused a request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "because")]
pub enum Denial {
    /// A rule denies it.
    Denied {
        /// The policy, and the position of the rule in it, such as `shop/no-admin#1`.
        rule: String,
        /// Where the rule was written.
        origin: Origin,
    },
    /// There are policies that allow something, and none allows this.
    NotAllowed,
    /// It brought a token that is not believed.
    BadToken {
        /// Why; no part of the token.
        reason: String,
    },
}

impl Denial {
    /// The name of the rule that denied it, or `none`: what logs and metrics have, as in Envoy.
    pub fn rule(&self) -> &str {
        match self {
            Self::Denied { rule, .. } => rule,
            Self::NotAllowed | Self::BadToken { .. } => "none",
        }
    }

    /// The word for it in metrics.
    pub fn because(&self) -> &'static str {
        match self {
            Self::Denied { .. } => "denied",
            Self::NotAllowed => "not_allowed",
            Self::BadToken { .. } => "bad_token",
        }
    }
}

/// What a proxy did with a request that did not simply pass. The names are Envoy's
/// (<https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage>, `%RESPONSE_FLAGS%`).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
pub enum ResponseFlag {
    /// No route: nothing matches the authority and request.
    NR,
    /// No healthy upstream: the cluster has no endpoint.
    UH,
    /// The connection to the upstream failed.
    UF,
    /// The upstream reset or closed the connection before its answer was complete.
    UC,
    /// The request or attempt timed out.
    UT,
    /// Overflow: a limit was reached.
    UO,
    /// The retries were used up.
    URX,
    /// The caller left before the answer was complete.
    DC,
    /// The caller broke the protocol.
    DPE,
    /// No cluster: the route names one that does not exist.
    NC,
    /// A rate limit was reached.
    RL,
}

/// One attempt of an outbound request, or the one handling of an inbound request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Span {
    /// The workload of the proxy.
    pub proxy: String,
    /// On which side.
    pub direction: Direction,
    /// The trace, 32 hexadecimal digits.
    pub trace_id: String,
    /// This span, 16 hexadecimal digits; the upstream sees it as its parent.
    pub span_id: String,
    /// The span of the caller, when the request brought one.
    pub parent_span_id: Option<String>,
    /// `x-request-id`; joins the span with its access record.
    pub request_id: String,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// When the attempt began.
    pub start_us: u64,
    /// From its beginning to the judgement, or the end of the response if it was returned.
    pub duration_us: u64,
    /// The cluster.
    pub cluster: Option<ClusterName>,
    /// The workload that was asked; absent when no endpoint could be chosen.
    pub endpoint: Option<String>,
    /// Who answered, as authenticated.
    pub upstream_peer: Option<SpiffeId>,
    /// Whether the connection was opened for this attempt.
    pub new_connection: bool,
    /// The status, when there was an answer.
    pub status: Option<u16>,
    /// What went wrong, when there was none.
    pub error: Option<String>,
    /// What the retry policy made of it.
    pub judgement: Judgement,
}

/// What a retry policy made of an attempt.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Judgement {
    /// The answer went to the caller.
    Returned {
        /// Why there was no further attempt, when the answer was a failure: such as `no retry policy` or `attempts used up`.
        reason: Option<String>,
    },
    /// There was another attempt.
    Retried {
        /// Why: such as `503 is in retry.codes`.
        reason: String,
        /// How many retries the rule allows, beside the first attempt.
        limit: u32,
        /// The pause before it, jitter included.
        backoff_us: u64,
    },
}

/// A connection that was refused before any request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Refusal {
    /// The workload of the proxy that refused.
    pub proxy: String,
    /// On which side.
    pub direction: Direction,
    /// When.
    pub at_us: u64,
    /// The address of the refused end, as the proxy saw it.
    pub peer_address: SocketAddr,
    /// Why.
    pub reason: RefusalReason,
    /// The exact words of the TLS library or of the check.
    pub detail: String,
}

/// Why a peer was refused.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalReason {
    /// It spoke plaintext where mutual TLS is required.
    Plaintext,
    /// It spoke TLS where only plaintext is served.
    UnexpectedTls,
    /// It presented no certificate.
    NoCertificate,
    /// Its certificate was issued by an authority that is not trusted.
    UnknownIssuer,
    /// Its certificate has expired.
    Expired,
    /// Its certificate is not valid yet.
    NotYetValid,
    /// Its certificate names no SPIFFE ID, or one that the bundle does not vouch for.
    InvalidIdentity,
    /// It proved to be somebody else than who was expected.
    UnexpectedIdentity,
    /// The handshake broke off or took too long.
    HandshakeFailed,
}

/// A connection between sidecars.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Connection {
    /// The workload of the proxy.
    pub proxy: String,
    /// On which side.
    pub direction: Direction,
    /// The address of the other end.
    pub peer_address: SocketAddr,
    /// Who is there, as authenticated; absent for plaintext.
    pub peer: Option<SpiffeId>,
    /// When it was established.
    pub opened_us: u64,
    /// When it ended.
    pub closed_us: u64,
    /// When the first of both certificates expires; absent for plaintext.
    pub certificates_expire_us: Option<u64>,
    /// How many requests it carried.
    pub requests: u64,
}

/// A configuration that was put in force, or refused.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Configuration {
    /// The workload of the proxy.
    pub proxy: String,
    /// When.
    pub at_us: u64,
    /// The version.
    pub version: u64,
    /// Why it was refused; absent when it is in force.
    pub refused: Option<String>,
}

/// An SVID that was issued.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Identity {
    /// The workload of the proxy.
    pub proxy: String,
    /// When it was put to use.
    pub at_us: u64,
    /// Who it says the proxy is.
    pub identity: SpiffeId,
    /// When it expires.
    pub expires_us: u64,
    /// Its serial number, hexadecimal.
    pub serial: String,
}

/// One record of the control plane.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum ControlRecord {
    /// Its endpoints are open.
    Listening {
        /// Where proxies connect to.
        discovery: SocketAddr,
        /// Where its admin endpoint is.
        admin: SocketAddr,
        /// Who it is.
        identity: SpiffeId,
        /// The root of its authority, PEM, for the supervisor to hand to proxies.
        bundle: String,
    },
    /// Rules were accepted.
    Accepted {
        /// When.
        at_us: u64,
        /// The generation of the rules, counted from 1.
        generation: u64,
        /// Rendered warnings.
        warnings: Vec<String>,
    },
    /// Rules were refused; the ones before stay in force.
    Refused {
        /// When.
        at_us: u64,
        /// What is wrong, each with its place.
        problems: Vec<Problem>,
    },
    /// An update was sent to a proxy.
    Sent {
        /// When.
        at_us: u64,
        /// The workload of the proxy.
        proxy: String,
        /// The version.
        version: u64,
        /// The generation of the rules that it carries.
        generation: u64,
    },
    /// A proxy has answered an update.
    Answered {
        /// When.
        at_us: u64,
        /// The workload of the proxy.
        proxy: String,
        /// The version.
        version: u64,
        /// Why the proxy refused it (NACK); absent for an ACK.
        refused: Option<String>,
    },
    /// An SVID was issued.
    Issued {
        /// When.
        at_us: u64,
        /// To whom.
        identity: SpiffeId,
        /// The workload.
        workload: String,
        /// When it expires.
        expires_us: u64,
    },
    /// Somebody was refused a certificate or a stream.
    Denied {
        /// When.
        at_us: u64,
        /// Why; never with the secret that was tried.
        reason: String,
    },
}

/// One thing that is wrong with a set of rules.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}
