//! Lessons: what a learner reads, predicts, sees and repairs, and whether runs bear that out. Nothing here runs anything: it reads the files of a
//! lesson, and decides by verdicts that somebody else obtained.
//!
//! Beside its `scenario.yaml`, a scenario has a `README.md` to read, a `lesson.yaml` with a question to be answered before the run, and a directory
//! `exercise` with a file to be repaired.
//!
//! - [`text`]: `README.md`, in what is read before the run and after it
//! - [`prediction`]: `lesson.yaml`, and which answer a run shows to be right
//! - [`exercise`]: `exercise/exercise.yaml`, and the scenario that it becomes with a learner's file
//! - [`attempt`]: what came of a file in an exercise: whether it fails as the exercise declares, or solves it
//! - [`gradebook`]: what came of the files of many learners
//! - [`error`]: why there is no lesson
//! - [`schema`]: the JSON Schemas of both files

pub mod attempt;
pub mod error;
pub mod exercise;
mod file;
pub mod gradebook;
pub mod prediction;
pub mod schema;
pub mod text;

pub use attempt::{Attempt, Flaw};
pub use error::LessonError;
pub use exercise::{Exercise, Start};
pub use gradebook::{Gradebook, Mark};
pub use prediction::{Choice, Condition, Misprediction, Prediction};
pub use schema::{exercise_schema, lesson_schema};
pub use text::Text;
