//! What is measured of a pair.
//!
//! - [`throughput`]: CPU per request, requests per second, memory; and 1 MiB down and up
//! - [`latency`]: what a request waits, at a fixed rate
//! - [`connections`]: those that wait, and new ones

mod connections;
mod latency;
mod throughput;

pub(crate) use throughput::window;

use std::time::Duration;

use tokio::io::{BufReader, Lines};
use tokio::process::ChildStdout;

use crate::child::Child;
use crate::error::BenchError;
use crate::metric::Metric;
use crate::pairs::{Pair, Workshop};
use crate::parts::Part;
use crate::parts::load::{Load, Manner, Request, Told};
use crate::plan::{Action, Durations};

/// How much longer than it should a load generator may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes in a MB, as memory and rates are told.
const MB: f64 = 1e6;

/// What one round gave.
pub(crate) type Figures = Vec<(Metric, f64)>;

/// Does `action` with a pair.
///
/// # Errors
/// [`BenchError`].
pub(crate) async fn measure(
    workshop: &Workshop,
    pair: &Pair,
    action: Action,
    durations: Durations,
) -> Result<Figures, BenchError> {
    match action {
        Action::Throughput => throughput::small(workshop, pair, durations).await,
        Action::Bulk => throughput::bulk(workshop, pair, durations).await,
        Action::Latency => latency::measure(workshop, pair, durations).await,
        Action::Hold => connections::hold(workshop, pair).await,
        Action::Handshakes => connections::handshakes(workshop, pair, durations).await,
    }
}

/// A load generator at work.
struct Sending<'a> {
    pair: &'a Pair,
    child: Child,
    told: Lines<BufReader<ChildStdout>>,
}

impl<'a> Sending<'a> {
    async fn start(
        workshop: &Workshop,
        pair: &'a Pair,
        request: Request,
        manner: Manner,
    ) -> Result<Self, BenchError> {
        let load = Part::Load(Load { request, manner });
        let (core, directory) = (workshop.cores.load, pair.directory());
        let (child, told) = workshop
            .starter
            .start_talking_part("load", &load, core, directory)
            .await?;
        Ok(Self { pair, child, told })
    }

    /// The next that the load generator tells, which must come within `expected` and some patience.
    async fn next(&mut self, expected: Duration) -> Result<Told, BenchError> {
        let patience = expected + PATIENCE;
        let Ok(line) = tokio::time::timeout(patience, self.told.next_line()).await else {
            return Err(self.pair.wrong(format!("answers are missing after {patience:?}")));
        };
        let told = line.ok().flatten();
        let told = told.and_then(|line| serde_json::from_str(&line).ok());
        told.ok_or_else(|| self.pair.failed(&self.child))
    }

    /// Waits until it begins, within `expected` and some patience, or has all its connections.
    async fn begins(&mut self, expected: Duration) -> Result<(), BenchError> {
        match self.next(expected).await? {
            Told::Begin => Ok(()),
            Told::Counted { .. } | Told::Latencies(_) => Err(self.pair.failed(&self.child)),
        }
    }
}

/// The larger of the sidecars, in MB.
fn larger(resident: &[u64]) -> f64 {
    resident.iter().copied().max().unwrap_or_default() as f64 / MB
}
