//! A scenario and its controls, run and graded.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::try_join_all;
use futures_util::stream::FuturesOrdered;
use hallway_evidence::{Observations, Variant};
use hallway_grade::{Grade, Observed};
use hallway_scenario::load::Loaded;
use hallway_scenario::{Check, Control, Ground, Scenario};
use hallway_world::{Options, WorldError};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::arguments::On;
use crate::catalogue::Catalogue;
use crate::failure::Failure;
use crate::progress::Board;

/// Runs scenarios side by side, as far as that does not disturb them.
pub(crate) struct Conductor {
    seed: u64,
    ground: Ground,
    binary: PathBuf,
    python_service: PathBuf,
    /// One permit per run at once. A run that measures latency takes them all.
    slots: Semaphore,
    slot_count: u32,
    cancel: CancellationToken,
    board: Board,
}

/// What was observed of one run, and how long it took.
pub(crate) struct Finished {
    pub(crate) observations: Observations,
    pub(crate) took: Duration,
}

impl Conductor {
    pub(crate) fn new(
        catalogue: &Catalogue,
        on: On,
        seed: u64,
        cancel: CancellationToken,
    ) -> Result<Arc<Self>, Failure> {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let slot_count = u32::try_from(cores).unwrap_or(u32::MAX);
        let binary = std::env::current_exe()
            .map_err(|error| Failure::lab(format_args!("cannot find this program itself: {error}")))?;
        Ok(Arc::new(Self {
            seed,
            ground: match on {
                On::Processes => Ground::Processes,
            },
            binary,
            python_service: catalogue.python_service(),
            slots: Semaphore::new(cores),
            slot_count,
            cancel,
            board: Board::new(),
        }))
    }

    /// Runs all of `scenarios` with their controls, and hands over each outcome in their order, as soon as it is there. A
    /// scenario that cannot be graded does not keep others from it.
    pub(crate) async fn grade_all(&self, scenarios: &[Loaded], mut each: impl FnMut(Result<Grade, Failure>)) {
        self.board.expect(scenarios.iter().map(runs).sum());
        let mut grades: FuturesOrdered<_> = scenarios.iter().map(|loaded| self.grade(loaded)).collect();
        while let Some(grade) = grades.next().await {
            self.board.aside(|| each(grade));
        }
        self.board.clear();
    }

    /// Runs one scenario without its controls, or one of its controls.
    pub(crate) async fn run_one(&self, loaded: &Loaded, control: Option<&str>) -> Result<Finished, Failure> {
        self.board.expect(1);
        let scenario = control.map_or(&loaded.scenario, |name| &loaded.controls[name]);
        let finished = self.run(loaded, scenario, variant(control)).await;
        self.board.clear();
        finished.map_err(|error| told(loaded, &error))
    }

    async fn grade(&self, loaded: &Loaded) -> Result<Grade, Failure> {
        let scenario = &loaded.scenario;
        let original = self.run(loaded, scenario, Variant::Scenario);
        let (needing_a_run, on_paper): (Vec<_>, Vec<_>) = scenario
            .controls
            .iter()
            .partition(|(_, control)| needs_a_run(control));
        let controls = try_join_all(needing_a_run.into_iter().map(async |(name, _)| {
            let run = self
                .run(loaded, &loaded.controls[name], variant(Some(name)))
                .await?;
            Ok((name.clone(), run))
        }));
        let (original, controls) = match tokio::try_join!(original, controls) {
            Ok(finished) => finished,
            Err(WorldError::MissingRuntime {
                runtime,
                needed_by,
                install,
            }) => {
                let reason = format!("no {runtime} on this machine, which {needed_by} needs; {install}");
                return Ok(Grade::skipped(scenario, reason));
            }
            Err(error) => return Err(told(loaded, &error)),
        };
        let controls: BTreeMap<String, Finished> = controls.into_iter().collect();
        let mut graded: BTreeMap<String, Observed<'_>> = controls
            .iter()
            .map(|(name, finished)| (name.clone(), finished.observed()))
            .collect();
        // What is only spoilt on paper needs no run of its own.
        graded.extend(
            on_paper
                .into_iter()
                .map(|(name, _)| (name.clone(), original.observed())),
        );
        let took = original.took + controls.values().map(|finished| finished.took).sum::<Duration>();
        Ok(hallway_grade::grade(scenario, original.observed(), &graded, took))
    }

    async fn run(
        &self,
        loaded: &Loaded,
        scenario: &Scenario,
        variant: Variant,
    ) -> Result<Finished, WorldError> {
        let _slot = self.slot(scenario).await;
        let name = match &variant {
            Variant::Scenario => loaded.name.clone(),
            Variant::Control(control) => format!("{} · control {control}", loaded.name),
        };
        let line = self.board.line(name);
        let options = Options {
            seed: self.seed,
            variant,
            ground: self.ground,
            binary: self.binary.clone(),
            python: PathBuf::from("python3"),
            python_service: self.python_service.clone(),
            progress: Some(line.listen()),
        };
        let started = Instant::now();
        let observations =
            hallway_world::run(scenario, &loaded.directory, &options, self.cancel.clone()).await?;
        line.finish();
        Ok(Finished {
            observations,
            took: started.elapsed(),
        })
    }

    async fn slot(&self, scenario: &Scenario) -> SemaphorePermit<'_> {
        let wanted = if measures_latency(scenario) {
            self.slot_count
        } else {
            1
        };
        self.slots
            .acquire_many(wanted)
            .await
            .expect("the semaphore is never closed")
    }
}

impl Finished {
    pub(crate) fn observed(&self) -> Observed<'_> {
        Observed {
            observations: &self.observations,
            took: self.took,
        }
    }
}

fn variant(control: Option<&str>) -> Variant {
    control.map_or(Variant::Scenario, |name| Variant::Control(name.to_owned()))
}

/// How many runs grading takes.
fn runs(loaded: &Loaded) -> u64 {
    1 + loaded
        .scenario
        .controls
        .values()
        .filter(|control| needs_a_run(control))
        .count() as u64
}

/// Whether a control changes the run itself, and not only the evidence afterwards.
fn needs_a_run(control: &Control) -> bool {
    control.rules.is_some()
        || control.topology.is_some()
        || control.traffic.is_some()
        || control.timeline.is_some()
}

/// Whether neighbours on the machine would disturb what this run measures.
fn measures_latency(scenario: &Scenario) -> bool {
    scenario
        .checks
        .values()
        .any(|check| matches!(check, Check::Latency(_)))
}

fn told(loaded: &Loaded, error: &WorldError) -> Failure {
    let message = format!("{}: {error}", loaded.name);
    match error {
        WorldError::RulesRefused(_) | WorldError::Rules { .. } | WorldError::Scenario { .. } => {
            Failure::input(message)
        }
        WorldError::Cancelled => Failure::lab("interrupted; every process that was started has been stopped"),
        _ => Failure::lab(message),
    }
}
