//! The command lines for learners and teachers.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{DEFAULT_SEED, On};

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Learn {
    #[command(subcommand)]
    pub(crate) command: Option<LearnCommand>,
    /// The scenario to go to; where you stopped when absent.
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Lists the chapters, and what you have done of them.
    #[arg(long, conflicts_with = "name")]
    pub(crate) list: bool,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LearnCommand {
    /// Shows the next hint for an exercise.
    Hint(OfExercise),
    /// Puts the broken file of an exercise back; yours is kept beside it.
    Reset(OfExercise),
    /// Writes a folder for each exercise: the broken file, and the task.
    HandOut(HandOut),
    /// Grades a folder of learners' folders: a table, and a report.
    Grade(GradeLearners),
}

/// Where a learner's files are.
#[derive(Args, Debug)]
pub(crate) struct Place {
    /// Your own folder, with your files and your progress.
    #[arg(long, value_name = "DIR", default_value = "hallway-lessons")]
    pub(crate) folder: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct OfExercise {
    /// The scenario; the one where you stopped when absent.
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Args, Debug)]
pub(crate) struct HandOut {
    /// The directory that is written into; it is made where it is not there.
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// Scenarios; all when absent.
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct GradeLearners {
    /// The folder with a folder for each learner, such as FOLDER/ada/first-hop/rules.yaml.
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
    /// Writes grades.json and junit.xml into this directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct CheckLessons {
    /// Scenarios, by name or directory; all when absent.
    #[arg(value_name = "NAME|DIR")]
    pub(crate) names: Vec<String>,
    /// Where to run; wherever the scenario can when absent.
    #[arg(long, value_enum, default_value_t = On::Both)]
    pub(crate) on: On,
    /// The seed of everything random.
    #[arg(long, default_value_t = DEFAULT_SEED)]
    pub(crate) seed: u64,
}
