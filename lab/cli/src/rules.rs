//! Rule files: read, and checked as one set before anything is started.

use std::io;
use std::path::Path;

use hallway_config::{Admission, Loaded, RuleFile};
use hallway_model::bootstrap::Token;
use hallway_scenario::{Files, Scenario};
use hallway_yaml::{Diagnostics, Severity, Style};
use thiserror::Error;

use crate::failure::Failure;

/// Why rules cannot be put in force.
#[derive(Debug, Error)]
pub(crate) enum RulesError {
    /// The machine refused to read them.
    #[error("cannot read the rule file {file}: {source}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the machine said.
        source: io::Error,
    },
    /// They are wrong.
    #[error("{0}")]
    Wrong(Diagnostics),
}

/// Loads the rule files at `paths` as one set of rules.
///
/// # Errors
/// [`RulesError`], with everything that is wrong with them.
pub(crate) fn load<'a>(
    paths: impl IntoIterator<Item = &'a Path>,
    admission: Admission,
) -> Result<Loaded, RulesError> {
    let files = paths.into_iter().map(read).collect::<Result<_, _>>()?;
    hallway_config::load(files, admission).map_err(RulesError::Wrong)
}

/// Checks the rules that are in force when `scenario` begins, one of `files`. The control plane would refuse wrong ones too, but it cannot show the
/// line.
///
/// # Errors
/// [`RulesError`].
pub(crate) fn admit(files: &Files, scenario: &Scenario) -> Result<Loaded, RulesError> {
    admit_as(files, scenario, &scenario.rules)
}

/// Checks the rule file `name`, one of `files`, as the rules of `scenario`.
///
/// # Errors
/// [`RulesError`].
pub(crate) fn admit_as(files: &Files, scenario: &Scenario, name: &str) -> Result<Loaded, RulesError> {
    let secrets = hallway_world::like_secrets_of(scenario);
    let mut rules: Vec<RuleFile> = secrets.into_iter().map(secret).collect();
    rules.push(read(&files.path(name))?);
    hallway_config::load(rules, scenario.topology.admission).map_err(RulesError::Wrong)
}

impl From<RulesError> for Failure {
    fn from(error: RulesError) -> Self {
        match error {
            RulesError::Wrong(diagnostics) => Self::Input(told(&diagnostics)),
            unreadable @ RulesError::Unreadable { .. } => Self::input(unreadable),
        }
    }
}

fn secret(document: Token) -> RuleFile {
    RuleFile {
        name: "a Secret of the lab".to_owned(),
        text: document.0,
    }
}

/// `1 error`, `2 errors`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn read(path: &Path) -> Result<RuleFile, RulesError> {
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(RuleFile { name, text }),
        Err(source) => Err(RulesError::Unreadable { file: name, source }),
    }
}

/// What is wrong with rules, and that nothing of them counts.
pub(crate) fn told(diagnostics: &Diagnostics) -> String {
    let errors = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .count();
    format!(
        "{}\n{}; nothing of these rules would be put in force",
        diagnostics.render(Style::Coloured).trim_end(),
        counted(errors, "error")
    )
}
