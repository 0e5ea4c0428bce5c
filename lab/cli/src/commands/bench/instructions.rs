//! `hallway bench instructions`: what a request costs in instructions, which no other load on the machine can change.

use std::process::ExitCode;

use hallway_bench::BenchError;

use super::sidecar::{failure, standard};
use crate::arguments::BenchInstructions;
use crate::failure::Failure;
use crate::runtime;

/// Counts, and prints words or JSON.
pub(crate) fn instructions(arguments: &BenchInstructions) -> Result<ExitCode, Failure> {
    let options = standard()?;
    let counted = runtime::run(async |cancel| {
        tokio::select! {
            counted = hallway_bench::instructions(&options) => counted,
            () = cancel.cancelled() => Err(BenchError::Interrupted),
        }
    })?
    .map_err(failure)?;
    if arguments.json {
        anstream::println!("{}", super::json(&counted));
        return Ok(ExitCode::SUCCESS);
    }
    anstream::println!(
        "Instructions per request, by callgrind, over {} requests, {} at once\n\n  \
         the caller's sidecar   {:>8}\n  the callee's sidecar   {:>8}\n  both                   {:>8}",
        counted.requests,
        counted.concurrency,
        counted.outbound,
        counted.inbound,
        counted.outbound + counted.inbound
    );
    Ok(ExitCode::SUCCESS)
}
