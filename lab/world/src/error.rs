//! Why a run could not be made.

use std::io;
use std::path::PathBuf;

use hallway_evidence::Incident;
use hallway_model::telemetry::Problem;
use thiserror::Error;

use crate::languages::{Absence, LanguageError};

/// Why a run could not be made. A run that was made but went wrong on the lab's side has incidents instead.
#[derive(Debug, Error)]
pub enum WorldError {
    /// The run was cancelled.
    #[error("the run was cancelled")]
    Cancelled,
    /// A language cannot be used on this machine.
    #[error("{needed_by} needs {}: {absence}; {}", absence.language, absence.next_step())]
    MissingRuntime {
        /// Who needs it, such as `orders-1`.
        needed_by: String,
        /// Why it cannot be used.
        absence: Absence,
    },
    /// A sample service could not be built.
    #[error("{needed_by} cannot be started: {source}")]
    Build {
        /// Who needs it, such as `orders-1`.
        needed_by: String,
        /// Why not.
        source: LanguageError,
    },
    /// A program could not be started.
    #[error("cannot start {who} ({program}): {source}")]
    Spawn {
        /// Who, such as `orders-1 sidecar`.
        who: String,
        /// What was to be executed.
        program: PathBuf,
        /// What the machine said.
        source: io::Error,
    },
    /// A program ended before it was ready.
    #[error("{who} ended before it was ready ({status}){}", last_words(.said))]
    Died {
        /// Who, such as `orders-1 sidecar`.
        who: String,
        /// Its exit status.
        status: String,
        /// The last lines of its standard error.
        said: String,
    },
    /// Something did not become ready in time.
    #[error("{who} was not ready within {seconds} s: {waiting_for}; is the machine overloaded?")]
    NotReady {
        /// Who.
        who: String,
        /// How long the lab waited.
        seconds: u64,
        /// What it waited for.
        waiting_for: String,
    },
    /// A port could not be had.
    #[error("cannot listen for {purpose}: {source}")]
    Listen {
        /// What for.
        purpose: String,
        /// What the machine said.
        source: io::Error,
    },
    /// The control plane did not do what it was asked.
    #[error("the control plane did not {what}: {reason}")]
    ControlPlane {
        /// What it was asked.
        what: String,
        /// What went wrong.
        reason: String,
    },
    /// The rules that should be in force at the start were refused.
    #[error("the control plane refuses the rules of the scenario{}", listed(.0))]
    RulesRefused(Vec<Problem>),
    /// A rule file could not be read.
    #[error("cannot read the rules {}: {source}", path.display())]
    Rules {
        /// Which.
        path: PathBuf,
        /// What the machine said.
        source: io::Error,
    },
    /// Something went wrong with the lab while it measured.
    #[error("{}: {}", .0.who, .0.what)]
    Incident(Incident),
    /// The scenario asks for something that cannot be done.
    #[error("{what}: {why}")]
    Scenario {
        /// What it asks for, such as ``traffic `checkout` ``.
        what: String,
        /// Why that cannot be done.
        why: String,
    },
}

impl WorldError {
    pub(crate) fn scenario(what: impl Into<String>, why: impl ToString) -> Self {
        Self::Scenario {
            what: what.into(),
            why: why.to_string(),
        }
    }
}

fn last_words(said: &str) -> String {
    match said.trim() {
        "" => String::new(),
        said => format!(", after it said:\n{said}"),
    }
}

fn listed(problems: &[Problem]) -> String {
    let line = |problem: &Problem| {
        format!(
            "\n{}:{}:{}: {}",
            problem.file, problem.line, problem.column, problem.message
        )
    };
    problems.iter().map(line).collect()
}
