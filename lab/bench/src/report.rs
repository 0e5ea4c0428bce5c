//! The result of a bench: [`Report`] as JSON, [`table`] for people, [`chart`] to look at.

pub(crate) mod chart;
mod table;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::error::BenchError;
use crate::inspection::Inspection;
use crate::machine::Machine;
use crate::plan::Durations;
use crate::results::Results;
use crate::target::{Outcome, outcomes};
use crate::tools::Missing;

/// What was measured, how, and what is missing.
#[derive(Debug, Serialize)]
pub struct Conditions {
    /// The versions of all programs, by their names.
    pub versions: BTreeMap<&'static str, String>,
    /// Peers that could not be measured.
    pub missing: Vec<Missing>,
    /// What the sidecars of each pair were seen to agree on.
    pub inspections: Vec<Inspection>,
    /// Whether measurements were left out and shortened.
    pub quick: bool,
    /// How often everybody had their turn.
    pub rounds: u32,
}

/// All that was measured, and on what.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Where.
    pub machine: Machine,
    /// Under which conditions.
    #[serde(flatten)]
    pub conditions: Conditions,
    /// Whether Hallway was built with optimisations; without, no figure says anything.
    pub optimised: bool,
    /// How long each measurement took, in seconds.
    pub seconds: f64,
    /// How long load flowed before each that counts.
    pub warm_up_seconds: f64,
    /// By setup.
    pub results: Vec<Results>,
    /// What Hallway has to reach.
    pub targets: Vec<Outcome>,
}

impl Report {
    pub(crate) fn new(conditions: Conditions, mut results: Vec<Results>) -> Self {
        results.iter_mut().for_each(Results::subtract_direct);
        let Durations { warm_up, window } = Durations::of(conditions.quick);
        Self {
            machine: Machine::describe(),
            conditions,
            optimised: !cfg!(debug_assertions),
            seconds: window.as_secs_f64(),
            warm_up_seconds: warm_up.as_secs_f64(),
            targets: outcomes(&results),
            results,
        }
    }

    /// The whole result, for programs.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("figures are plain data")
    }

    /// The same for people.
    pub fn to_text(&self) -> String {
        table::render(self)
    }

    /// Writes `bench.json`, `bench.txt` and a chart for each kind of figure into `directory`, which is made if there is none.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub fn write(&self, directory: &Path) -> Result<(), BenchError> {
        std::fs::create_dir_all(directory).map_err(BenchError::write(directory.to_owned()))?;
        let mut files = chart::charts(self);
        files.push(("bench.json", self.to_json() + "\n"));
        files.push(("bench.txt", self.to_text()));
        for (name, text) in files {
            let path = directory.join(name);
            std::fs::write(&path, text).map_err(BenchError::write(path))?;
        }
        Ok(())
    }
}
