//! Who plays the services on real processes: the program of each language, or Rust where a runtime is missing and the scenario allows it.

use std::collections::BTreeMap;

use hallway_scenario::topology::{Fallback, Language};
use tokio::process::Command;

use crate::error::WorldError;
use crate::languages::{Absence, LanguageError, Starter};
use crate::options::{Options, StandIns};
use crate::plan::{Plan, Workload};

/// How each workload's application is started.
#[derive(Default)]
pub(crate) struct Players {
    /// By workload.
    starters: BTreeMap<String, Starter>,
    stand_ins: Vec<String>,
}

impl Players {
    /// Looks for the runtimes that `plan` needs, and builds what must be built.
    ///
    /// # Errors
    /// [`WorldError::MissingRuntime`], [`WorldError::Build`].
    pub(crate) async fn find(plan: &Plan, options: &Options) -> Result<Self, WorldError> {
        let mut players = Self::default();
        for workload in &plan.workloads {
            let starter = match options.languages.starter(workload.language).await {
                Err(LanguageError::Absent(absence)) if may_stand_in(workload, options) => {
                    players.stand_ins.push(words(workload, Some(&absence)));
                    options.languages.starter(Language::Rust).await
                }
                found => found,
            };
            let starter = starter.map_err(|error| cannot_start(&workload.name, error))?;
            players.starters.insert(workload.name.clone(), starter);
        }
        Ok(players)
    }

    /// What starts the application of `workload`.
    pub(crate) fn command(&self, workload: &Workload) -> Command {
        self.starters[&workload.name].command()
    }

    /// For whom Rust stands in, in words.
    pub(crate) fn stand_ins(&self) -> &[String] {
        &self.stand_ins
    }
}

/// Says that Rust plays `workload`, and why, where that is not the same for everybody.
pub(crate) fn words(workload: &Workload, absence: Option<&Absence>) -> String {
    let Workload { name, language, .. } = workload;
    match absence {
        None => format!("{name}: Rust stands in for {language}"),
        Some(absence) => format!("{name}: Rust stands in for {language}: {absence}"),
    }
}

fn may_stand_in(workload: &Workload, options: &Options) -> bool {
    workload.fallback == Some(Fallback::Rust) && options.stand_ins == StandIns::Allowed
}

/// Why the application of `who` cannot be started.
pub(crate) fn cannot_start(who: &str, error: LanguageError) -> WorldError {
    let needed_by = who.to_owned();
    match error {
        LanguageError::Absent(absence) => WorldError::MissingRuntime { needed_by, absence },
        LanguageError::Build(_) => WorldError::Build {
            needed_by,
            source: error,
        },
    }
}
