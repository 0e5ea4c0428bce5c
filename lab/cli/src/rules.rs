//! Rule files: read, and checked as one set before anything is started.

use std::path::Path;

use hallway_config::{Admission, Loaded, RuleFile};
use hallway_model::bootstrap::Token;
use hallway_scenario::Scenario;
use hallway_yaml::{Diagnostics, Severity, Style};

use crate::failure::Failure;

/// Loads the rule files at `paths` as one set of rules.
///
/// # Errors
/// [`Failure::Input`] with everything that is wrong with them.
pub(crate) fn load<'a>(
    paths: impl IntoIterator<Item = &'a Path>,
    admission: Admission,
) -> Result<Loaded, Failure> {
    let files = paths.into_iter().map(read).collect::<Result<_, _>>()?;
    load_files(files, admission)
}

fn load_files(files: Vec<RuleFile>, admission: Admission) -> Result<Loaded, Failure> {
    hallway_config::load(files, admission).map_err(|diagnostics| Failure::Input(told(&diagnostics)))
}

/// Checks the rules that are in force when `scenario`, which is written in `directory`, begins. The control plane would
/// refuse wrong ones too, but it cannot show the line.
///
/// # Errors
/// [`Failure::Input`].
pub(crate) fn admit(directory: &Path, scenario: &Scenario) -> Result<Loaded, Failure> {
    let secrets = hallway_world::like_secrets_of(scenario);
    let mut files: Vec<RuleFile> = secrets.into_iter().map(secret).collect();
    files.push(read(&directory.join(&scenario.rules))?);
    load_files(files, scenario.topology.admission)
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

fn read(path: &Path) -> Result<RuleFile, Failure> {
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(RuleFile { name, text }),
        Err(error) => Err(Failure::input(format_args!(
            "cannot read the rule file {name}: {error}"
        ))),
    }
}

fn told(diagnostics: &Diagnostics) -> String {
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
