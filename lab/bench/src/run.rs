//! The rounds: everybody has their turn in each, so that all meet the same disturbances.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use hallway_host::Host;

use crate::child::Starter;
use crate::credentials::Credentials;
use crate::error::BenchError;
use crate::inspection::inspect;
use crate::machine::Cores;
use crate::measurement::measure;
use crate::pairs::{Pair, Workshop};
use crate::plan::{Case, Durations, Measurement};
use crate::report::{Conditions, Report};
use crate::results::Results;
use crate::subject::Subject;
use crate::tools::Tools;

/// How to measure.
#[derive(Clone, Debug)]
pub struct Options {
    /// This binary, which has the roles `proxy` and `control-plane`.
    pub binary: PathBuf,
    /// How this binary is told to become a part of the bench ([`crate::exec`] or [`crate::play`]).
    pub role: Vec<OsString>,
    /// Where Envoy is, when it is not to be looked for.
    pub envoy: Option<PathBuf>,
    /// How often everybody has their turn.
    pub rounds: u32,
    /// Who is measured, beside Hallway and direct calls.
    pub subjects: Vec<Subject>,
    /// What is measured.
    pub measurements: Vec<Measurement>,
    /// Whether less is measured, and for a shorter time.
    pub quick: bool,
    /// Whether it is an error when a peer is not installed.
    pub needs_all: bool,
}

/// How far a bench is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The turns that are over.
    pub done: usize,
    /// All of them.
    pub total: usize,
    /// Whose turn it is.
    pub subject: Subject,
}

/// Measures. Dropping the future kills every process that was started, and removes every file that was written.
///
/// # Errors
/// [`BenchError`]: nothing is reported then, since what is left would not be what was asked for.
pub async fn sidecar(options: &Options, tell: impl Fn(Progress)) -> Result<Report, BenchError> {
    let (subjects, missing, tools) = present(options)?;
    let versions = tools.versions(&subjects);
    let workshop = workshop(options, tools)?;
    let mut inspections = Vec::new();
    for subject in &subjects {
        inspections.extend(inspect(&workshop, *subject).await?);
    }
    let cases = Case::plan(&options.measurements, options.quick);
    let results = rounds(&workshop, options, &cases, &subjects, tell).await?;
    Ok(Report::new(
        Conditions {
            versions,
            missing,
            inspections,
            quick: options.quick,
            rounds: options.rounds,
        },
        results,
    ))
}

/// A place to make pairs in.
pub(crate) fn workshop(options: &Options, tools: Tools) -> Result<Workshop, BenchError> {
    let directory = tempfile::Builder::new()
        .prefix("hallway-bench-")
        .tempdir()
        .map_err(BenchError::machine("make a temporary directory"))?;
    let host = Host::real_unseeded();
    Ok(Workshop {
        starter: Starter {
            binary: options.binary.clone(),
            role: options.role.clone(),
        },
        cores: Cores::choose()?,
        tools,
        credentials: Credentials::create(&host, directory.path())?,
        directory,
        callgrind: None,
        host,
    })
}

type Present = (Vec<Subject>, Vec<crate::tools::Missing>, Tools);

/// Those that can be measured.
fn present(options: &Options) -> Result<Present, BenchError> {
    let tools = Tools::find(options.envoy.as_deref())?;
    let always = [Subject::Direct, Subject::Hallway];
    let wanted = |subject: &Subject| always.contains(subject) || options.subjects.contains(subject);
    let (mut subjects, mut missing) = (Vec::new(), BTreeMap::new());
    for subject in Subject::ALL.into_iter().filter(wanted) {
        match tools.missing(subject) {
            None => subjects.push(subject),
            Some(peer) => drop(missing.insert(peer.peer, peer)),
        }
    }
    match missing.values().next() {
        Some(peer) if options.needs_all => Err(BenchError::Input(peer.to_string())),
        _ => Ok((subjects, missing.into_values().collect(), tools)),
    }
}

async fn rounds(
    workshop: &Workshop,
    options: &Options,
    cases: &[Case],
    subjects: &[Subject],
    tell: impl Fn(Progress),
) -> Result<Vec<Results>, BenchError> {
    let mut results: Vec<Results> = cases
        .iter()
        .map(|case| Results::new(case.topic, case.setup))
        .collect();
    let turns = |case: &Case| {
        let concerned = subjects.iter().filter(|subject| case.concerns(**subject));
        case.rounds(options.rounds) as usize * concerned.count()
    };
    let total = cases.iter().map(turns).sum();
    let mut done = 0;
    for round in 0..options.rounds {
        // Nobody is always the first.
        let (front, back) = subjects.split_at(round as usize % subjects.len());
        let taking_part = cases
            .iter()
            .zip(&mut results)
            .filter(|(case, _)| round < case.rounds(options.rounds));
        for (case, results) in taking_part {
            for subject in back
                .iter()
                .chain(front)
                .copied()
                .filter(|subject| case.concerns(*subject))
            {
                tell(Progress { done, total, subject });
                let pair = Pair::start(workshop, subject, case.setup).await?;
                for action in &case.actions {
                    let durations = Durations::of(options.quick).with(case.setup);
                    results.add(subject, measure(workshop, &pair, *action, durations).await?);
                }
                done += 1;
            }
        }
    }
    Ok(results)
}
