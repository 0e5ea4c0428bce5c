//! Why a language cannot be used on this machine, and what to do about it.

use std::path::PathBuf;

use hallway_scenario::topology::Language;
use thiserror::Error;

use super::facts;
use super::version::Version;

/// Why a language cannot be used on this machine.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{why}")]
pub struct Absence {
    /// Which language.
    pub language: Language,
    why: Why,
}

#[derive(Clone, Debug, Eq, Error, PartialEq)]
enum Why {
    #[error("there is no {program} in PATH")]
    NotInPath { program: &'static str },
    #[error("{variable} is {}, where no program is", path.display())]
    NotWhereNamed { variable: &'static str, path: PathBuf },
    #[error("{} does not work: {why}", path.display())]
    Broken { path: PathBuf, why: String },
    #[error("{} is {language} {version}, which is too old", path.display())]
    TooOld {
        language: Language,
        path: PathBuf,
        version: Version,
    },
    #[error("there is no {}", path.display())]
    NoService { path: PathBuf },
}

impl Absence {
    /// What to do about it.
    pub fn next_step(&self) -> String {
        let Some(facts) = facts::of(self.language) else {
            return "install Hallway again".to_owned();
        };
        match self.why {
            Why::NoService { .. } => {
                "run Hallway in its own directory, which has the sample services".to_owned()
            }
            _ => format!(
                "install {} {} or newer ({}), or name the program with {}",
                self.language,
                facts.least(),
                facts.install,
                facts.variable
            ),
        }
    }

    pub(super) fn not_in_path(language: Language) -> Self {
        let program = facts::of(language).map_or("hallway", |facts| facts.program);
        Self {
            language,
            why: Why::NotInPath { program },
        }
    }

    pub(super) fn not_where_named(language: Language, path: PathBuf) -> Self {
        let variable = facts::of(language).map_or("", |facts| facts.variable);
        Self {
            language,
            why: Why::NotWhereNamed { variable, path },
        }
    }

    pub(super) fn broken(language: Language, path: PathBuf, why: String) -> Self {
        Self {
            language,
            why: Why::Broken { path, why },
        }
    }

    pub(super) fn too_old(language: Language, path: PathBuf, version: Version) -> Self {
        Self {
            language,
            why: Why::TooOld {
                language,
                path,
                version,
            },
        }
    }

    pub(super) fn no_service(language: Language, path: PathBuf) -> Self {
        Self {
            language,
            why: Why::NoService { path },
        }
    }
}
