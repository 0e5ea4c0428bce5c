//! What a service writes down.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

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
    /// A request has had an effect, written before anything else happens.
    Effect(Effect),
    /// A request has ended, written before the answer leaves.
    Finished(Finished),
    /// One of the calls that are made at first has its result.
    FirstCall(FirstCall),
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

/// The ledger's line on an effect.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Effect {
    /// Which request of this process had it.
    pub handling: u64,
    /// When, in microseconds since the Unix epoch.
    pub at_us: u64,
    /// Which effect of this process it is, counted from 1.
    pub number: u64,
    /// `idempotency-key` of the request.
    pub key: Option<String>,
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
    /// It was told to send only half of the answer.
    Truncated,
    /// The caller went away before the answer, or the service gave up because it was told to stop.
    Cancelled,
}

/// What came of a call that a service makes as soon as it listens.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct FirstCall {
    /// Which of them it is, counted from 1.
    pub number: u64,
    /// When the result was known, in microseconds since the Unix epoch.
    pub at_us: u64,
    /// The URL that was called.
    pub url: String,
    /// The status of the answer, when there was one.
    pub status: Option<u16>,
    /// What went wrong, when there was no answer.
    pub error: Option<String>,
}
