//! One run of a scenario or of one of its controls, on either ground.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use hallway_evidence::{Observations, Variant};
use hallway_grade::Observed;
use hallway_scenario::load::Loaded;
use hallway_scenario::{Files, Ground, Scenario};
use hallway_world::{Languages, Options, Progress, ReplayEvent, StandIns, WorldError};
use thiserror::Error;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::catalogue::Catalogue;
use crate::failure::Failure;
use crate::{ground, report, shell};

/// What is to be run.
#[derive(Clone, Copy)]
pub(crate) struct Order<'a> {
    pub(crate) loaded: &'a Loaded,
    /// The control, or the scenario as written.
    pub(crate) control: Option<&'a str>,
    pub(crate) ground: Ground,
    pub(crate) seed: u64,
}

/// What came of a run.
pub(crate) struct Finished {
    pub(crate) observations: Observations,
    /// On the clock of whoever waited for it.
    pub(crate) took: Duration,
    /// What only a simulation has.
    pub(crate) simulated: Option<Simulated>,
}

/// What only a simulation has.
pub(crate) struct Simulated {
    pub(crate) virtual_time: Duration,
    /// Two runs with the same one went the same way.
    pub(crate) fingerprint: String,
    /// What happened, in order; empty unless it was asked for.
    pub(crate) events: Vec<ReplayEvent>,
}

/// The programs that runs are made of.
#[derive(Clone)]
pub(crate) struct Programs {
    languages: Languages,
    stand_ins: StandIns,
}

/// Why there is no result of a run.
#[derive(Debug, Error)]
pub(crate) enum RunError {
    /// The run could not be made.
    #[error(transparent)]
    World(#[from] WorldError),
    /// The simulation ran into a bug, of the mesh or of itself.
    #[error("the simulation panicked: {0}")]
    Panicked(String),
    /// There is no thread for it.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

impl Programs {
    pub(crate) fn find(catalogue: &Catalogue) -> Result<Self, Failure> {
        Ok(Self {
            languages: catalogue.languages()?,
            // In continuous integration nothing that is missing is hidden.
            stand_ins: match report::in_ci() {
                true => StandIns::Forbidden,
                false => StandIns::Allowed,
            },
        })
    }

    /// How `order` is run.
    pub(crate) fn options(&self, order: &Order<'_>, progress: Option<UnboundedSender<Progress>>) -> Options {
        Options {
            seed: order.seed,
            variant: order
                .control
                .map_or(Variant::Scenario, |name| Variant::Control(name.to_owned())),
            ground: order.ground,
            languages: self.languages.clone(),
            stand_ins: self.stand_ins,
            progress,
            trace: false,
        }
    }
}

impl<'a> Order<'a> {
    /// What runs: the scenario, with the change of the control.
    pub(crate) fn scenario(&self) -> &'a Scenario {
        self.control
            .map_or(&self.loaded.scenario, |name| &self.loaded.controls[name])
    }

    /// What to call it.
    pub(crate) fn name(&self) -> String {
        match self.control {
            None => self.loaded.name.clone(),
            Some(control) => format!("{} · control {control}", self.loaded.name),
        }
    }

    /// Runs it on processes.
    pub(crate) async fn on_processes(
        self,
        programs: &Programs,
        progress: UnboundedSender<Progress>,
        cancel: CancellationToken,
    ) -> Result<Finished, RunError> {
        let options = programs.options(&self, Some(progress));
        let started = Instant::now();
        let run = hallway_world::run(self.scenario(), &self.loaded.files, &options, cancel);
        Ok(Finished {
            observations: run.await?,
            took: started.elapsed(),
            simulated: None,
        })
    }

    /// Simulates it on a thread of its own, since a simulation computes from its start to its end. When the token is cancelled, that thread is
    /// abandoned: it holds nothing that outlives this program.
    pub(crate) async fn on_a_thread(
        self,
        programs: &Programs,
        progress: UnboundedSender<Progress>,
        cancel: CancellationToken,
    ) -> Result<Finished, RunError> {
        let options = programs.options(&self, Some(progress));
        let (scenario, files) = (self.scenario().clone(), self.loaded.files.clone());
        let (sender, receiver) = oneshot::channel();
        std::thread::Builder::new()
            .name(self.name())
            .spawn(move || {
                // Nobody waits for it any more after an interrupt.
                let _ = sender.send(simulate(&scenario, &files, &options));
            })
            .map_err(RunError::Thread)?;
        match cancel.run_until_cancelled(receiver).await {
            Some(finished) => finished.expect("the thread sends whatever comes of it"),
            None => Err(WorldError::Cancelled.into()),
        }
    }

    /// Simulates it on this thread.
    pub(crate) fn here(self, programs: &Programs, trace: bool) -> Result<Finished, RunError> {
        let options = Options {
            trace,
            ..programs.options(&self, None)
        };
        simulate(self.scenario(), &self.loaded.files, &options)
    }

    /// The command that runs it again: the same way, if it is simulated.
    pub(crate) fn command(&self) -> String {
        let ground = ground::word(self.ground);
        format!(
            "hallway run {} --on {ground} --seed {}",
            self.subject(),
            self.seed
        )
    }

    /// The command that shows it event by event.
    pub(crate) fn replay(&self) -> String {
        format!("hallway replay {} --seed {}", self.subject(), self.seed)
    }

    /// As arguments of a command.
    fn subject(&self) -> String {
        let scenario = shell::quoted(&self.loaded.argument);
        match self.control {
            None => scenario,
            Some(control) => format!("{scenario} --control {control}"),
        }
    }

    /// What went wrong, and how to see it again where that is certain.
    pub(crate) fn words(&self, error: &RunError) -> String {
        match self.ground {
            Ground::Processes => error.to_string(),
            Ground::Simulated => format!("{error}\nreplay: {}", self.command()),
        }
    }

    /// Why there is no result.
    pub(crate) fn told(&self, error: &RunError) -> Failure {
        let name = &self.loaded.name;
        match error {
            RunError::World(
                WorldError::RulesRefused(_) | WorldError::Rules { .. } | WorldError::Scenario { .. },
            ) => Failure::input(format_args!("{name}: {error}")),
            RunError::World(WorldError::Cancelled) => Failure::Interrupted,
            _ => Failure::lab(format_args!("{name}: {}", self.words(error))),
        }
    }
}

impl Finished {
    pub(crate) fn observed(&self) -> Observed<'_> {
        Observed {
            observations: &self.observations,
            took: self.took,
        }
    }

    /// How long it took on its own clock, where that is a virtual one.
    pub(crate) fn virtual_time(&self) -> Duration {
        self.simulated
            .as_ref()
            .map_or(Duration::ZERO, |simulated| simulated.virtual_time)
    }
}

/// Simulates a run. A panic in it is an error like any other: the runs beside it go on.
fn simulate(scenario: &Scenario, files: &Files, options: &Options) -> Result<Finished, RunError> {
    let started = Instant::now();
    let simulating = AssertUnwindSafe(|| hallway_world::simulate(scenario, files, options));
    let simulated = catch_unwind(simulating).map_err(|panic| RunError::Panicked(words(&*panic)))??;
    Ok(Finished {
        observations: simulated.observations,
        took: started.elapsed(),
        simulated: Some(Simulated {
            virtual_time: simulated.virtual_time,
            fingerprint: simulated.fingerprint.to_string(),
            events: simulated.events,
        }),
    })
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without words")
        .to_owned()
}
