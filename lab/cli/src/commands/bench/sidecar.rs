//! `hallway bench sidecar`: the data plane beside its peers.

use std::process::ExitCode;
use std::time::Duration;

use hallway_bench::{BenchError, Exec, Measurement, Options, Progress, Subject};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::arguments::{BenchPart, BenchSidecar};
use crate::failure::Failure;
use crate::runtime;

/// How often everybody has their turn when nobody says, and when it is to be quick.
const ROUNDS: u32 = 5;
const QUICK_ROUNDS: u32 = 1;

/// Measures, and prints tables or JSON.
pub(crate) fn sidecar(arguments: &BenchSidecar) -> Result<ExitCode, Failure> {
    let options = options(arguments)?;
    let bar = progress_bar();
    let tell = |progress: Progress| {
        bar.set_length(progress.total as u64);
        bar.set_position(progress.done as u64);
        bar.set_message(progress.subject.name());
    };
    let measured = runtime::run(async |cancel| {
        tokio::select! {
            measured = hallway_bench::sidecar(&options, tell) => measured,
            () = cancel.cancelled() => Err(BenchError::Interrupted),
        }
    })?;
    bar.finish_and_clear();
    let report = measured.map_err(failure)?;
    if let Some(directory) = &arguments.report {
        report.write(directory).map_err(failure)?;
    }
    match arguments.json {
        true => anstream::println!("{}", report.to_json()),
        false => anstream::print!("{}", report.to_text()),
    }
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
            Err(reason) => {
                // Whoever started this process tells the reason in its own words.
                eprintln!("{reason}");
                Ok(ExitCode::from(3))
            }
        },
    }
}

fn options(arguments: &BenchSidecar) -> Result<Options, Failure> {
    let rounds = arguments
        .rounds
        .unwrap_or(if arguments.quick { QUICK_ROUNDS } else { ROUNDS });
    Ok(Options {
        envoy: arguments.envoy.clone(),
        rounds,
        subjects: subjects(&arguments.peer)?,
        measurements: measurements(arguments)?,
        quick: arguments.quick,
        needs_all: std::env::var("CI").is_ok_and(|value| value == "true"),
        ..standard()?
    })
}

/// What a bench does when nothing else is said.
pub(super) fn standard() -> Result<Options, Failure> {
    let binary = std::env::current_exe()
        .map_err(|error| Failure::lab(format_args!("cannot find this program: {error}")))?;
    Ok(Options {
        binary,
        role: vec!["bench".into(), "part".into()],
        envoy: None,
        rounds: ROUNDS,
        subjects: Vec::new(),
        measurements: Vec::new(),
        quick: false,
        needs_all: false,
    })
}

fn subjects(names: &[String]) -> Result<Vec<Subject>, Failure> {
    if names.is_empty() {
        return Ok(Subject::ALL.into());
    }
    let mut subjects = Vec::new();
    for name in names {
        match Subject::named(name) {
            named if named.is_empty() => {
                let known: Vec<&str> = Subject::ALL.iter().map(|subject| subject.name()).collect();
                return Err(unknown("peer", name, &known));
            }
            named => subjects.extend(named),
        }
    }
    Ok(subjects)
}

fn measurements(arguments: &BenchSidecar) -> Result<Vec<Measurement>, Failure> {
    let (known, names) = (Measurement::ALL, &arguments.only);
    if names.is_empty() {
        return Ok(Measurement::by_default(arguments.quick));
    }
    let find = |name: &String| {
        let found = known.iter().find(|(_, known)| known == name);
        let names = known.map(|(_, name)| name);
        found
            .map(|(measurement, _)| *measurement)
            .ok_or_else(|| unknown("measurement", name, &names))
    };
    names.iter().map(find).collect()
}

fn unknown(what: &str, name: &str, known: &[&str]) -> Failure {
    Failure::input(format_args!(
        "there is no {what} `{name}`; there are {}",
        known.join(", ")
    ))
}

/// On a terminal, whose turn it is; elsewhere nothing.
fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar:.dim} {pos} of {len} turns · {msg} · {elapsed}")
        .expect("the template is well-formed");
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr()).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

pub(super) fn failure(error: BenchError) -> Failure {
    match error {
        BenchError::Interrupted => Failure::Interrupted,
        BenchError::Input(_) => Failure::input(error),
        _ => Failure::lab(error),
    }
}
