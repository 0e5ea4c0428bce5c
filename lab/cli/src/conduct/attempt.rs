//! Files in exercises: checked, and judged when they have been run.

use std::path::Path;

use hallway_lessons::{Attempt, Exercise};
use hallway_scenario::LoadError;
use hallway_scenario::load::Loaded;
use hallway_scenario::timeline::Expectation;
use hallway_yaml::Diagnostics;

use super::judged::Judged;
use super::run::{Finished, Order};
use crate::failure::Failure;
use crate::rules::{self, RulesError};

/// A file in an exercise, before anything is run.
pub(crate) enum Entered {
    /// It is wrong, and nothing can be run.
    Refused(Diagnostics),
    /// It can be run.
    Ready(Box<Loaded>),
}

/// Puts the file at `path` into its place in an exercise, and checks it as its rules will be.
///
/// # Errors
/// [`Failure::Input`], when the file cannot be read.
pub(crate) fn enter(exercise: &Exercise, path: &Path) -> Result<Entered, Failure> {
    let loaded = match exercise.with(path) {
        Ok(loaded) => loaded,
        Err(LoadError::Invalid(diagnostics)) => return Ok(Entered::Refused(diagnostics)),
        Err(other) => return Err(Failure::input(other)),
    };
    for name in rule_files(&loaded, exercise) {
        match rules::admit_as(&loaded.files, &loaded.scenario, &name) {
            Ok(_) => {}
            Err(RulesError::Wrong(diagnostics)) => return Ok(Entered::Refused(diagnostics)),
            Err(unreadable) => return Err(unreadable.into()),
        }
    }
    Ok(Entered::Ready(Box::new(loaded)))
}

/// What came of a file that was run, as an attempt at its exercise.
pub(crate) fn ran(order: &Order<'_>, finished: &Finished) -> Attempt {
    Attempt::Ran(Box::new(Judged::of(order, finished).grade))
}

/// The rule files that must be accepted: the first one, and the one to be repaired where it is pushed later.
fn rule_files(loaded: &Loaded, exercise: &Exercise) -> Vec<String> {
    let mut files = vec![loaded.scenario.rules.clone()];
    let is_pushed = loaded
        .scenario
        .pushes()
        .any(|step| step.push == exercise.edit && step.expect == Expectation::Accepted);
    if is_pushed && exercise.edit != loaded.scenario.rules {
        files.push(exercise.edit.clone());
    }
    files
}
