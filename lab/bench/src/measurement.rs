//! What is measured of a pair.

pub(crate) mod throughput;

use std::time::Duration;

use tokio::io::{BufReader, Lines};
use tokio::process::ChildStdout;

use crate::child::Child;
use crate::error::BenchError;
use crate::pairs::{Pair, Workshop};
use crate::parts::Part;
use crate::parts::load::{Load, Told};

/// How much longer than it should a load generator may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A load generator at work.
struct Sending<'a> {
    pair: &'a Pair,
    child: Child,
    told: Lines<BufReader<ChildStdout>>,
}

impl<'a> Sending<'a> {
    async fn start(workshop: &Workshop, pair: &'a Pair, load: Load) -> Result<Self, BenchError> {
        let starter = &workshop.starter;
        let (child, told) = starter
            .start_talking_part("load", &Part::Load(load), workshop.cores.load, pair.directory())
            .await?;
        Ok(Self { pair, child, told })
    }

    /// The next that the load generator tells, which must come within `expected` and some patience.
    async fn next(&mut self, expected: Duration) -> Result<Told, BenchError> {
        let line = tokio::time::timeout(expected + PATIENCE, self.told.next_line()).await;
        let told = line.ok().and_then(Result::ok).flatten();
        let told = told.and_then(|line| serde_json::from_str(&line).ok());
        told.ok_or_else(|| self.pair.failed(&self.child))
    }
}
