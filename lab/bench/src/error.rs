//! Why nothing could be measured.

use std::io;
use std::path::PathBuf;

use hallway_world::WorldError;
use thiserror::Error;

/// Why nothing could be measured, or not all that was asked for.
#[derive(Debug, Error)]
pub enum BenchError {
    /// What was asked for cannot be.
    #[error("{0}")]
    Input(String),
    /// The machine does not allow it.
    #[error("cannot {what}: {source}")]
    Machine {
        /// What was tried.
        what: String,
        /// What the machine said.
        source: io::Error,
    },
    /// A program does not work.
    #[error("{name} {what}{}", said(.output))]
    Program {
        /// Which.
        name: String,
        /// What happened.
        what: String,
        /// The end of what it wrote.
        output: String,
    },
    /// An answer was not what was asked for: a proxy that refuses quickly would look fast.
    #[error("{subject}: {reason}")]
    WrongAnswer {
        /// Through whom.
        subject: String,
        /// What was wrong with it.
        reason: String,
    },
    /// The control plane did not do what it was asked.
    #[error(transparent)]
    ControlPlane(#[from] WorldError),
    /// Somebody told the bench to stop.
    #[error("interrupted")]
    Interrupted,
}

impl BenchError {
    /// Says what was tried when the machine refused.
    pub(crate) fn machine(what: impl ToString) -> impl FnOnce(io::Error) -> Self {
        let what = what.to_string();
        move |source| Self::Machine { what, source }
    }

    /// Says which file could not be written.
    pub(crate) fn write(path: PathBuf) -> impl FnOnce(io::Error) -> Self {
        Self::machine(format!("write {}", path.display()))
    }
}

fn said(output: &str) -> String {
    match output.trim() {
        "" => String::new(),
        output => format!("; it wrote:\n{output}"),
    }
}
