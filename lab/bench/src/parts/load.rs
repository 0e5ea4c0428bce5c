//! Who sends requests, and believes no answer that it has not checked.
//!
//! - [`closed`]: as many as possible; [`open`]: at a fixed rate
//! - [`hold`]: connections that wait; [`handshakes`]: connections that are new
//! - [`sender`]: one request at a time, in HTTP/1.1 or HTTP/2

mod closed;
mod handshakes;
mod hold;
mod open;
mod sender;
mod ticker;

use std::net::SocketAddr;
use std::time::Duration;

use hallway_host::Host;
use serde::{Deserialize, Serialize};

use super::tls::Files;
use crate::setup::Protocol;
pub(crate) use sender::{GRPC_PREFIX, exchange_http1, grpc_message, probe};

/// What to send, and how.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Load {
    pub(crate) request: Request,
    pub(crate) manner: Manner,
}

/// What to send, and what must come back.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Request {
    /// Where to connect to.
    pub(crate) target: SocketAddr,
    /// The service that is called.
    pub(crate) authority: String,
    pub(crate) path: String,
    /// The bytes of the body; 0 makes it a GET.
    pub(crate) body: usize,
    /// The bytes of the answer.
    pub(crate) answer: usize,
    pub(crate) protocol: Protocol,
    /// Whether it has an id already, since it does not go through the first sidecar.
    pub(crate) request_id: bool,
}

/// How to send it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Manner {
    /// So many at once, each as soon as the last answer is there.
    Closed {
        concurrency: usize,
        warm_up: Duration,
        duration: Duration,
    },
    /// At a fixed rate, whether or not answers come. Latency counts from when a request should have been sent.
    Open { rate: u32, duration: Duration },
    /// One over each of so many connections, which then stay open.
    Hold { connections: usize },
    /// One over each of as many new connections with mutual TLS as possible, so many at once.
    Handshakes {
        concurrency: usize,
        credentials: Files,
        warm_up: Duration,
        duration: Duration,
    },
}

/// What the load generator tells.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Told {
    /// The time that counts begins; or all connections are there.
    Begin,
    /// It is over, after so many answers.
    Counted { answers: u64, elapsed: Duration },
    /// It is over: quantiles of latency.
    Latencies(Latencies),
}

/// Quantiles of latency, from when a request should have been sent to the last byte of its answer.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Latencies {
    pub(crate) p50: Duration,
    pub(crate) p90: Duration,
    pub(crate) p99: Duration,
}

/// Sends until the time is over.
///
/// # Errors
/// In one sentence, what was wrong with the first answer that was wrong.
pub(super) async fn run(host: Host, load: Load) -> Result<(), String> {
    let request = &load.request;
    match &load.manner {
        Manner::Closed {
            concurrency,
            warm_up,
            duration,
        } => closed::run(&host, request, *concurrency, *warm_up, *duration).await,
        Manner::Open { rate, duration } => open::run(&host, request, *rate, *duration).await,
        Manner::Hold { connections } => hold::run(&host, request, *connections).await,
        Manner::Handshakes {
            concurrency,
            credentials,
            warm_up,
            duration,
        } => handshakes::run(&host, request, *concurrency, credentials, *warm_up, *duration).await,
    }
}
