//! Scenarios and their controls, run and graded.
//!
//! - [`run`]: one run, on either ground
//! - [`judged`]: what came of a single run
//! - [`attempt`]: files in exercises

pub(crate) mod attempt;
pub(crate) mod judged;
pub(crate) mod run;

use std::collections::BTreeMap;
use std::iter::once;
use std::num::NonZeroUsize;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesOrdered;
use hallway_evidence::Incident;
use hallway_grade::Grade;
use hallway_scenario::load::Loaded;
use hallway_scenario::{Check, Control, Ground, Scenario};
use hallway_world::WorldError;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

use self::run::{Finished, Order, Programs, RunError};
use crate::catalogue::Catalogue;
use crate::failure::Failure;
use crate::progress::Board;

/// Runs scenarios side by side, as far as that does not disturb them.
pub(crate) struct Conductor {
    ground: Ground,
    seed: u64,
    programs: Programs,
    /// One permit per run at once. A run on processes that measures latency takes them all.
    slots: Semaphore,
    slot_count: u32,
    cancel: CancellationToken,
    board: Board,
}

/// What came of a scenario with its controls.
pub(crate) struct Graded {
    pub(crate) grade: Grade,
    /// How much virtual time passed in all its runs; none on processes.
    pub(crate) virtual_time: Duration,
}

/// Why there is no result of a run.
pub(crate) enum RunFailure {
    /// This machine lacks a language runtime.
    Skipped(String),
    /// The lab or its input failed, or somebody interrupted it.
    Failed(Failure),
}

/// How many runs can compute at once.
pub(crate) fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

impl Conductor {
    pub(crate) fn new(
        catalogue: &Catalogue,
        ground: Ground,
        seed: u64,
        cancel: CancellationToken,
    ) -> Result<Self, Failure> {
        let cores = cores().get();
        Ok(Self {
            ground,
            seed,
            programs: Programs::find(catalogue)?,
            slots: Semaphore::new(cores),
            slot_count: u32::try_from(cores).unwrap_or(u32::MAX),
            cancel,
            board: Board::new(),
        })
    }

    /// Runs all of `scenarios` with their controls, and hands over each outcome in their order, as soon as it is there. A
    /// scenario that cannot be graded does not keep others from it.
    pub(crate) async fn grade_all(
        &self,
        scenarios: &[&Loaded],
        mut each: impl FnMut(Result<Graded, Failure>),
    ) {
        self.board
            .expect(scenarios.iter().map(|loaded| runs(loaded)).sum());
        let mut grades: FuturesOrdered<_> = scenarios.iter().map(|loaded| self.grade(loaded)).collect();
        while let Some(grade) = grades.next().await {
            self.board.aside(|| each(grade));
        }
        self.board.clear();
    }

    /// Makes the runs of each of `groups`, and hands over what came of them, group by group in their order, as soon as it is there. A run is that of a
    /// scenario, or of one of its controls.
    pub(crate) async fn run_groups<'a>(
        &self,
        groups: &[Vec<(&'a Loaded, Option<&'a str>)>],
        mut each: impl FnMut(Vec<Result<Finished, RunFailure>>),
    ) {
        self.board
            .expect(groups.iter().map(Vec::len).sum::<usize>() as u64);
        let make = async |(loaded, control): (&'a Loaded, Option<&'a str>)| {
            let finished = self.run(loaded, control, self.cancel.clone()).await;
            finished.map_err(|(order, error)| RunFailure::of(&order, &error))
        };
        let groups = groups
            .iter()
            .map(|group| join_all(group.iter().map(|run| make(*run))));
        let mut groups: FuturesOrdered<_> = groups.collect();
        while let Some(outcomes) = groups.next().await {
            self.board.aside(|| each(outcomes));
        }
        self.board.clear();
    }

    /// Runs one scenario without its controls, or one of its controls.
    pub(crate) async fn run_one(&self, loaded: &Loaded, control: Option<&str>) -> Result<Finished, Failure> {
        self.board.expect(1);
        let finished = self.run(loaded, control, self.cancel.clone()).await;
        self.board.clear();
        finished.map_err(|(order, error)| order.told(&error))
    }

    async fn grade(&self, loaded: &Loaded) -> Result<Graded, Failure> {
        let scenario = &loaded.scenario;
        let finished = match self.run_with_controls(loaded).await {
            Ok(finished) => finished,
            Err((order, error)) => return without_a_run(&order, &error),
        };
        let original = &finished[&None];
        let controls = scenario.controls.keys().map(|name| {
            // What is only spoilt on paper has no run of its own.
            let run = finished.get(&Some(name.as_str())).unwrap_or(original);
            (name.clone(), run.observed())
        });
        let took = finished.values().map(|run| run.took).sum();
        Ok(Graded {
            grade: hallway_grade::grade(scenario, original.observed(), &controls.collect(), took),
            virtual_time: finished.values().map(Finished::virtual_time).sum(),
        })
    }

    /// Runs the scenario, under no name, and those of its controls that need a run. When one cannot be made, the others are
    /// stopped too: it returns when no process of any of them is left.
    async fn run_with_controls<'a>(
        &self,
        loaded: &'a Loaded,
    ) -> Result<BTreeMap<Option<&'a str>, Finished>, (Order<'a>, RunError)> {
        let cancel = self.cancel.child_token();
        let controls = loaded.scenario.controls.iter();
        let needing_a_run = controls.filter(|(_, control)| needs_a_run(control));
        let variants = once(None).chain(needing_a_run.map(|(name, _)| Some(name.as_str())));
        let runs = join_all(variants.map(async |control| {
            let outcome = self.run(loaded, control, cancel.clone()).await;
            if outcome.is_err() {
                cancel.cancel();
            }
            (control, outcome)
        }));
        let mut finished = BTreeMap::new();
        let mut reason = None;
        for (control, outcome) in runs.await {
            match (outcome, &reason) {
                (Ok(run), _) => drop(finished.insert(control, run)),
                // A run that was stopped because of another is not the reason.
                (Err(failed), None | Some((_, RunError::World(WorldError::Cancelled)))) => {
                    reason = Some(failed)
                }
                (Err(_), Some(_)) => {}
            }
        }
        reason.map_or(Ok(finished), Err)
    }

    async fn run<'a>(
        &self,
        loaded: &'a Loaded,
        control: Option<&'a str>,
        cancel: CancellationToken,
    ) -> Result<Finished, (Order<'a>, RunError)> {
        let order = Order {
            loaded,
            control,
            ground: self.ground,
            seed: self.seed,
        };
        let _slot = self.slot(order.scenario()).await;
        let line = self.board.line(order.name());
        let progress = line.listen();
        let finished = match self.ground {
            Ground::Processes => order.on_processes(&self.programs, progress, cancel).await,
            Ground::Simulated => order.on_a_thread(&self.programs, progress, cancel).await,
        };
        line.finish();
        finished.map_err(|error| (order, error))
    }

    async fn slot(&self, scenario: &Scenario) -> SemaphorePermit<'_> {
        let wanted = if self.ground == Ground::Processes && measures_latency(scenario) {
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

impl RunFailure {
    fn of(order: &Order<'_>, error: &RunError) -> Self {
        match error {
            RunError::World(missing @ WorldError::MissingRuntime { .. }) => {
                Self::Skipped(missing.to_string())
            }
            other => Self::Failed(order.told(other)),
        }
    }
}

/// What only lacks a language runtime is skipped, and what the lab could not run has a grade that says so. A mistake of the
/// scenario has none, and no more has an interrupt.
fn without_a_run(order: &Order<'_>, error: &RunError) -> Result<Graded, Failure> {
    let scenario = &order.loaded.scenario;
    let grade = match error {
        RunError::World(missing @ WorldError::MissingRuntime { .. }) => {
            Grade::skipped(scenario, missing.to_string())
        }
        _ => match order.told(error) {
            Failure::Lab(_) => {
                let incident = Incident {
                    who: "the lab".to_owned(),
                    what: order.words(error),
                };
                Grade::lab_failed(scenario, incident)
            }
            failure => return Err(failure),
        },
    };
    Ok(Graded {
        grade,
        virtual_time: Duration::ZERO,
    })
}

/// How many runs grading takes.
fn runs(loaded: &Loaded) -> u64 {
    let controls = loaded.scenario.controls.values();
    1 + controls.filter(|control| needs_a_run(control)).count() as u64
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
