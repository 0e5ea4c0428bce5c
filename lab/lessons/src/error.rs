//! Why there is no lesson.

use std::io;
use std::path::PathBuf;

use hallway_scenario::LoadError;
use hallway_yaml::Diagnostics;
use thiserror::Error;

/// Why a part of a lesson cannot be had.
#[derive(Debug, Error)]
pub enum LessonError {
    /// A file is not there.
    #[error("there is no `{path}`: {needed}")]
    Missing {
        /// The file.
        path: PathBuf,
        /// What it is needed for.
        needed: &'static str,
    },
    /// The machine refused to read it.
    #[error("cannot read `{path}`: {source}; check its permissions, and that it is a text in UTF-8")]
    Unreadable {
        /// What could not be read.
        path: PathBuf,
        /// What the machine said.
        source: io::Error,
    },
    /// The lesson to read has not the parts that it is shown in.
    #[error("`{path}` has no paragraph that begins with `{marker}`: {needed}")]
    Unmarked {
        /// The file.
        path: PathBuf,
        /// How the paragraph begins.
        marker: &'static str,
        /// What it is needed for.
        needed: &'static str,
    },
    /// A file is wrong.
    #[error("{0}")]
    Invalid(Diagnostics),
    /// The scenario that an exercise becomes with its solution is none.
    #[error("the exercise with its solution is no scenario: {0}")]
    Scenario(LoadError),
}
