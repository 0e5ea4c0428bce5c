//! How the program ends, and what it says when it could not do what it was asked to.

use std::process::ExitCode;

use thiserror::Error;

/// Why a command could not do what it was asked to. The text is rendered already.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// The command line, a scenario or a rule file is wrong.
    #[error("{0}")]
    Input(String),
    /// The lab itself failed.
    #[error("{0}")]
    Lab(String),
}

impl Failure {
    /// A mistake in the input, told in one sentence.
    pub(crate) fn input(message: impl std::fmt::Display) -> Self {
        Self::Input(format!("error: {message}"))
    }

    /// A failure of the lab, told in one sentence.
    pub(crate) fn lab(message: impl std::fmt::Display) -> Self {
        Self::Lab(format!("error: {message}"))
    }

    /// The exit code, as README.md documents it.
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(self.number())
    }

    fn number(&self) -> u8 {
        match self {
            Self::Input(_) => 2,
            Self::Lab(_) => 3,
        }
    }
}

/// The worst of an exit code and those of `failures`.
pub(crate) fn worst(code: u8, failures: &[Failure]) -> u8 {
    failures.iter().map(Failure::number).fold(code, u8::max)
}
