//! Connections: what those cost that wait, and those that are new.

use std::time::Duration;

use super::{Figures, Sending, Told, larger};
use crate::error::BenchError;
use crate::metric::Metric;
use crate::pairs::{Pair, Workshop};
use crate::parts::load::{Manner, Request};
use crate::plan::Durations;

/// How many wait.
const WAITING: usize = 1_000;
/// How many new ones are made at once.
const CONCURRENCY: usize = 8;

/// 1,000 connections of clients, each after one answer.
pub(super) async fn hold(workshop: &Workshop, pair: &Pair) -> Result<Figures, BenchError> {
    let before = pair.resident_bytes()?;
    let manner = Manner::Hold { connections: WAITING };
    let mut sending = Sending::start(workshop, pair, pair.request(), manner).await?;
    sending.begins(Duration::ZERO).await?;
    let holding = pair.resident_bytes()?;
    let sum = |resident: &[u64]| resident.iter().sum::<u64>() as f64;
    let grown = sum(&holding) - sum(&before);
    Ok(vec![
        (Metric::MemoryHolding, larger(&holding)),
        (Metric::MemoryPerConnection, grown / 1024.0 / WAITING as f64),
    ])
}

/// New connections with mutual TLS at the door of the second sidecar, each for one request. The first takes no part: it would keep its own.
pub(super) async fn handshakes(
    workshop: &Workshop,
    pair: &Pair,
    Durations { warm_up, window }: Durations,
) -> Result<Figures, BenchError> {
    let Some(door) = pair.door() else {
        return Ok(Vec::new());
    };
    let request = Request {
        target: door.address,
        request_id: true,
        ..pair.request()
    };
    let manner = Manner::Handshakes {
        concurrency: CONCURRENCY,
        credentials: door.credentials.clone(),
        warm_up,
        duration: window,
    };
    let mut sending = Sending::start(workshop, pair, request, manner).await?;
    sending.begins(warm_up).await?;
    let before = pair.cpu_time()?;
    match sending.next(window).await? {
        Told::Counted { answers, elapsed } => {
            let used = pair.cpu_time()?.since(before);
            let cpu = (used.user + used.system).as_secs_f64() * 1e6 / answers as f64;
            Ok(vec![
                (Metric::ConnectionCpu, cpu),
                (
                    Metric::ConnectionsPerSecond,
                    answers as f64 / elapsed.as_secs_f64(),
                ),
            ])
        }
        Told::Begin | Told::Latencies(_) => Err(pair.failed(&sending.child)),
    }
}
