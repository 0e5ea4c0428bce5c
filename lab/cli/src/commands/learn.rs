//! `hallway learn`: the guided path through the scenarios, and what teachers need of it.
//!
//! - [`path`]: the chapters in their order, and where the learner stopped; [`chapter`]: one of them, up to its exercise
//! - [`exercise`]: a file that is repaired, and graded whenever it is saved; [`grading`]: once
//! - [`folder`]: the learner's files; [`progress`]: what the learner has done
//! - [`screen`]: what is read and typed; [`words`]: the words that are understood
//! - [`aside`]: hints, resets and the list of chapters, from another terminal
//! - [`hand_out`], [`class`]: exercises for many learners, and their grades

mod aside;
mod chapter;
mod class;
mod exercise;
mod folder;
mod grading;
mod hand_out;
mod path;
mod progress;
mod screen;
mod words;

use std::process::ExitCode;

use hallway_scenario::load::Loaded;

use self::folder::Folder;
use self::screen::Ended;
use crate::arguments::lessons::{Learn, LearnCommand};
use crate::catalogue::Catalogue;
use crate::failure::Failure;

/// Why a learner does not go on.
enum Stop {
    /// Nobody types any more, or somebody wants to stop.
    Ended,
    Failed(Failure),
}

/// Leads a learner along, or does one of the things beside.
pub(crate) fn learn(catalogue: &Catalogue, arguments: &Learn) -> Result<ExitCode, Failure> {
    let folder = Folder::new(&arguments.place.folder);
    match &arguments.command {
        None if arguments.list => aside::list(catalogue, &folder),
        None => path::walk(catalogue, &folder, arguments.name.as_deref()),
        Some(LearnCommand::Hint(hint)) => {
            aside::hint(catalogue, &Folder::new(&hint.place.folder), hint.name.as_deref())
        }
        Some(LearnCommand::Reset(reset)) => aside::reset(
            catalogue,
            &Folder::new(&reset.place.folder),
            reset.name.as_deref(),
        ),
        Some(LearnCommand::HandOut(hand_out)) => hand_out::hand_out(catalogue, hand_out),
        Some(LearnCommand::Grade(grade)) => class::grade(catalogue, grade),
    }
}

/// Those that have a chapter: all scenarios with a file for it. Those of one's own need none.
fn chapters(catalogue: &Catalogue) -> Result<Vec<Loaded>, Failure> {
    let mut chapters = catalogue.all()?;
    chapters.retain(|loaded| {
        loaded
            .files
            .path(hallway_lessons::prediction::PREDICTION_FILE)
            .is_file()
    });
    match chapters.is_empty() {
        true => Err(Failure::input(format_args!(
            "none of the scenarios has a `{}`: there is nothing to be led through",
            hallway_lessons::prediction::PREDICTION_FILE
        ))),
        false => Ok(chapters),
    }
}

impl From<Ended> for Stop {
    fn from(Ended: Ended) -> Self {
        Self::Ended
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Interrupted => Self::Ended,
            failure => Self::Failed(failure),
        }
    }
}
