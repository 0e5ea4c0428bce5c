//! `hallway bench`: measurements that anybody can repeat.
//!
//! - [`simulator`]: how fast the simulator is, and what a machine in it costs; `mesh` is what it measures
//! - [`sidecar`]: the data plane beside its peers (on Linux)
//! - [`instructions`]: the same in instructions instead of time (on Linux)
//! - [`host`]: what the seam under every program costs on real sockets
//! - [`control`]: what a control plane costs that very many proxies follow
//! - [`lab`]: what a mesh costs a lab as a whole
//! - [`teams`]: what one decision about retries costs with and without a mesh

pub(crate) mod control;
pub(crate) mod host;
#[cfg(target_os = "linux")]
pub(crate) mod instructions;
pub(crate) mod lab;
mod mesh;
#[cfg(target_os = "linux")]
pub(crate) mod sidecar;
pub(crate) mod simulator;
pub(crate) mod teams;

use std::path::PathBuf;

use hallway_evidence::Variant;
use hallway_scenario::Ground;
use hallway_world::languages::Environment;
use hallway_world::{Languages, Options, StandIns, WorldError};
use serde::Serialize;

use crate::arguments::DEFAULT_SEED;
use crate::failure::Failure;

/// How the programs that are measured run; the sample services are those in Rust.
fn options(ground: Ground) -> Result<Options, Failure> {
    let binary = std::env::current_exe()
        .map_err(|error| Failure::lab(format_args!("cannot find this program itself: {error}")))?;
    Ok(Options {
        seed: DEFAULT_SEED,
        variant: Variant::Scenario,
        ground,
        languages: Languages::new(binary, PathBuf::new(), Environment::default()),
        stand_ins: StandIns::Forbidden,
        progress: None,
        trace: false,
    })
}

fn json(measured: &impl Serialize) -> String {
    serde_json::to_string_pretty(measured).expect("figures are plain data")
}

/// Says that a slow build gave the figures, if one did.
fn note_build(command: &str) {
    if cfg!(debug_assertions) {
        anstream::println!("\nThis is a development build; `cargo run --release -- {command}` is faster.");
    }
}

fn failed(error: WorldError) -> Failure {
    match error {
        WorldError::Cancelled => Failure::Interrupted,
        error => Failure::lab(error),
    }
}
