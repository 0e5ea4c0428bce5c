//! Requests to the callers at a steady rate. None waits for the answer of another.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use hallway_host::Host;
use hallway_service::contract::CORRELATION_HEADER;
use http::{Request, header};
use http_body_util::Full;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::http_client::HttpClient;

/// How long an answer is waited for: longer than any caller waits itself.
const PATIENCE: Duration = Duration::from_secs(15);

/// A request that was sent.
pub(super) struct Sent {
    /// The service that it was sent to.
    pub(super) caller: String,
    /// What it is known by in the ledger.
    pub(super) correlation: String,
    /// When.
    pub(super) started: Instant,
    /// Whether there was an answer, whatever it said.
    pub(super) answered: bool,
}

/// Sends a request to each of `callers` in every `period` until `stop`, waits for the last answers, and tells of all.
pub(super) async fn steady(
    host: &Host,
    callers: &[(String, SocketAddr)],
    period: Duration,
    stop: &CancellationToken,
) -> Vec<Sent> {
    let sending = callers
        .iter()
        .map(|(caller, address)| to_one(host, caller, *address, period, stop));
    join_all(sending).await.into_iter().flatten().collect()
}

async fn to_one(
    host: &Host,
    caller: &str,
    address: SocketAddr,
    period: Duration,
    stop: &CancellationToken,
) -> Vec<Sent> {
    let client = HttpClient::new(host.clone());
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut under_way, mut sent, mut number) = (FuturesUnordered::new(), Vec::new(), 0_u64);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = ticks.tick() => {
                number += 1;
                under_way.push(send(&client, caller, address, format!("{caller}-{number}")));
            }
            Some(one) = under_way.next() => sent.push(one),
        }
    }
    sent.extend(under_way.collect::<Vec<_>>().await);
    sent
}

async fn send(client: &HttpClient, caller: &str, address: SocketAddr, correlation: String) -> Sent {
    let request = Request::get("/")
        .header(header::HOST, caller)
        .header(CORRELATION_HEADER, &correlation)
        .body(Full::<Bytes>::default())
        .expect("names of services are printable ASCII");
    let started = Instant::now();
    let answer = timeout(PATIENCE, client.send(address, request, &mut None)).await;
    Sent {
        caller: caller.to_owned(),
        correlation,
        started,
        answered: matches!(answer, Ok(Ok(_))),
    }
}
