//! `hallway bench sidecar`: the data plane beside its peers.

use std::process::ExitCode;
use std::time::Duration;

use hallway_bench::{BenchError, Exec, Options, Subject};

use crate::arguments::{BenchPart, BenchSidecar};
use crate::failure::Failure;
use crate::runtime;

/// Measures, and prints a table or JSON.
pub(crate) fn sidecar(arguments: &BenchSidecar) -> Result<ExitCode, Failure> {
    let binary = std::env::current_exe()
        .map_err(|error| Failure::lab(format_args!("cannot find this program: {error}")))?;
    let subjects = Subject::ALL.into_iter().filter(|subject| {
        arguments.peer.is_empty() || arguments.peer.iter().any(|name| name == subject.name())
    });
    let options = Options {
        binary,
        role: vec!["bench".into(), "part".into()],
        envoy: arguments.envoy.clone(),
        rounds: arguments.rounds,
        subjects: subjects.collect(),
        duration: Duration::from_secs_f64(arguments.seconds),
    };
    let measured = runtime::run(async |cancel| {
        tokio::select! {
            measured = hallway_bench::sidecar(&options) => measured,
            () = cancel.cancelled() => Err(BenchError::Interrupted),
        }
    })?;
    measured.map_err(failure)?;
    Ok(ExitCode::SUCCESS)
}

/// Becomes a process that a bench consists of.
pub(crate) fn part(part: &BenchPart) -> Result<ExitCode, Failure> {
    match part {
        BenchPart::Exec {
            core,
            parent,
            command,
        } => {
            let exec = Exec {
                core: *core,
                parent: *parent,
                command: command.clone(),
            };
            let Err(error) = hallway_bench::exec(&exec);
            Err(Failure::lab(format_args!("cannot become {command:?}: {error}")))
        }
        BenchPart::Play => match hallway_bench::play() {
            Ok(()) => Ok(ExitCode::SUCCESS),
            Err(error) => Err(Failure::lab(error)),
        },
    }
}

fn failure(error: BenchError) -> Failure {
    match error {
        BenchError::Interrupted => Failure::Interrupted,
        BenchError::Input(_) => Failure::input(error),
        _ => Failure::lab(error),
    }
}
