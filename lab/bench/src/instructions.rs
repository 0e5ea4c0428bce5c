//! How many instructions a request takes in each sidecar of a pair, counted by callgrind (valgrind): unlike time it is the same whatever
//! else the machine does, so that a change of a few percent can be seen in review.
//!
//! Only the programs' own instructions are counted, not the kernel's. The sidecars run many times slower than they are,
//! which changes how many messages come together: figures of two releases can be compared, those of instructions and of time cannot.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Serialize;

use crate::error::BenchError;
use crate::measurement::window;
use crate::pairs::{Pair, Workshop};
use crate::plan::Durations;
use crate::run::{Options, workshop};
use crate::setup::Setup;
use crate::subject::Subject;
use crate::tools::Tools;

/// What was counted, per request.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Instructions {
    /// In the sidecar of the caller.
    pub outbound: u64,
    /// In that of the callee.
    pub inbound: u64,
    /// How many requests were counted.
    pub requests: u64,
    /// How many were under way at once.
    pub concurrency: usize,
}

/// How many requests are under way at once: enough for a busy connection, few enough for slow sidecars.
const CONCURRENCY: usize = 16;

/// How long is counted, after how long a warm-up. Whatever is counted once (a renewed certificate, a new configuration) must not
/// show among some thousand requests.
const DURATIONS: Durations = Durations {
    warm_up: Duration::from_secs(5),
    window: Duration::from_secs(20),
};

/// The line of callgrind's output that has the sum.
const SUM: &str = "totals: ";

/// Counts. Dropping the future kills every process that was started.
///
/// # Errors
/// When valgrind is not installed, or nothing could be counted.
pub async fn instructions(options: &Options) -> Result<Instructions, BenchError> {
    let tools = Tools::find(None)?;
    let mut workshop = workshop(options, tools)?;
    workshop.callgrind = Some(workshop.tools.valgrind()?.to_owned());
    let pair = Pair::start(&workshop, Subject::Hallway, Setup::STANDARD).await?;
    count(&workshop, &pair).await
}

async fn count(workshop: &Workshop, pair: &Pair) -> Result<Instructions, BenchError> {
    let sidecars = pair.sidecars();
    let begin = || sidecars.iter().try_for_each(|pid| order(*pid, "zero"));
    let ((), requests, _) = window(workshop, pair, pair.request(), CONCURRENCY, DURATIONS, begin).await?;
    let mut counts = Vec::new();
    for pid in &sidecars {
        order(*pid, "dump")?;
        counts.push(dumped(pair.directory(), *pid)?);
    }
    let per_request = |count: u64| count / requests.max(1);
    let [inbound, outbound] = counts[..] else {
        unreachable!("a pair has two sidecars");
    };
    Ok(Instructions {
        outbound: per_request(outbound),
        inbound: per_request(inbound),
        requests,
        concurrency: CONCURRENCY,
    })
}

/// Where the process `pid` is told to write its counts; valgrind puts the number of the dump behind it.
pub(crate) fn output(directory: &Path) -> PathBuf {
    directory.join("callgrind.%p")
}

/// Tells callgrind in the process `pid` something.
fn order(pid: u32, what: &str) -> Result<(), BenchError> {
    let told = Command::new("vgdb")
        .args([&format!("--pid={pid}"), what])
        .output()
        .map_err(BenchError::machine("run vgdb, a part of valgrind"))?;
    match told.status.success() {
        true => Ok(()),
        false => Err(BenchError::Input(format!(
            "vgdb does not reach callgrind: {}",
            String::from_utf8_lossy(&told.stderr).trim()
        ))),
    }
}

/// The sum of the first dump of the process `pid`.
fn dumped(directory: &Path, pid: u32) -> Result<u64, BenchError> {
    let path = directory.join(format!("callgrind.{pid}.1"));
    let text =
        std::fs::read_to_string(&path).map_err(BenchError::machine("read what callgrind has counted"))?;
    let sum = text
        .lines()
        .find_map(|line| line.strip_prefix(SUM)?.trim().parse().ok());
    sum.ok_or_else(|| BenchError::Input(format!("{} has no line `{SUM}`", path.display())))
}
