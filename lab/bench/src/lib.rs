//! Measures the data plane beside its peers, on real processes.
#![cfg(target_os = "linux")]

mod child;
mod credentials;
pub mod error;
mod http1;
mod machine;
mod measurement;
mod pairs;
mod parts;
pub mod setup;
pub mod subject;
pub mod tools;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use hallway_host::Host;

pub use error::BenchError;
pub use parts::{Exec, exec, play};
pub use setup::Setup;
pub use subject::Subject;

use crate::child::Starter;
use crate::credentials::Credentials;
use crate::machine::Cores;
use crate::measurement::throughput;
use crate::pairs::{Pair, Workshop};
use crate::tools::Tools;

/// How to measure.
#[derive(Clone, Debug)]
pub struct Options {
    /// This binary, which has the roles `proxy` and `control-plane`.
    pub binary: PathBuf,
    /// How this binary is told to become a part of the bench.
    pub role: Vec<OsString>,
    /// Where Envoy is.
    pub envoy: Option<PathBuf>,
    /// How often everybody has their turn.
    pub rounds: u32,
    /// Who is measured.
    pub subjects: Vec<Subject>,
    /// How long each measurement takes.
    pub duration: Duration,
}

/// Measures.
///
/// # Errors
/// [`BenchError`].
pub async fn sidecar(options: &Options) -> Result<(), BenchError> {
    let directory = tempfile::tempdir().map_err(BenchError::machine("make a temporary directory"))?;
    let workshop = Workshop {
        host: Host::real_unseeded(),
        starter: Starter {
            binary: options.binary.clone(),
            role: options.role.clone(),
        },
        cores: Cores::choose()?,
        tools: Tools::find(options.envoy.as_deref()),
        credentials: Credentials::create(directory.path())?,
        directory,
    };
    for _ in 0..options.rounds {
        for subject in &options.subjects {
            let pair = Pair::start(&workshop, *subject, Setup::STANDARD).await?;
            let throughput = throughput::measure(&workshop, &pair, options.duration).await?;
            println!(
                "{:<14} {:>8.0}/s  user {:>6.1} system {:>6.1} sum {:>6.1} µs",
                subject.name(),
                throughput.requests_per_second,
                throughput.user_us_per_request,
                throughput.system_us_per_request,
                throughput.user_us_per_request + throughput.system_us_per_request
            );
            pair.stop().await;
        }
    }
    Ok(())
}
