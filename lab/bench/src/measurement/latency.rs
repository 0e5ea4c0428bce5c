//! What a request waits at a fixed, low rate: open loop, from the intended start.

use super::{Figures, Sending, Told};
use crate::error::BenchError;
use crate::metric::Metric;
use crate::pairs::{Pair, Workshop};
use crate::parts::load::Manner;
use crate::plan::Durations;

/// Requests per second: far below what anybody here can do.
pub(crate) const RATE: u32 = 800;

pub(super) async fn measure(
    workshop: &Workshop,
    pair: &Pair,
    durations: Durations,
) -> Result<Figures, BenchError> {
    let manner = Manner::Open {
        rate: RATE,
        duration: durations.window,
    };
    let mut sending = Sending::start(workshop, pair, pair.request(), manner).await?;
    let Told::Latencies(latencies) = sending.next(durations.window).await? else {
        return Err(pair.failed(&sending.child));
    };
    Ok([
        (Metric::LatencyP50, latencies.p50),
        (Metric::LatencyP90, latencies.p90),
        (Metric::LatencyP99, latencies.p99),
    ]
    .map(|(metric, latency)| (metric, latency.as_secs_f64() * 1e6))
    .into())
}
