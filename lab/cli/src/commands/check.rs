//! `hallway check`: rule files, without running anything.

use std::path::Path;
use std::process::ExitCode;

use hallway_config::{Admission, Resources, RuleFile};
use hallway_yaml::{Diagnostics, Severity, Style};

use crate::arguments::Check;
use crate::failure::Failure;

/// Checks the files as one set of rules and prints everything that is wrong with them.
pub(crate) fn check(arguments: &Check) -> Result<ExitCode, Failure> {
    let files = arguments
        .files
        .iter()
        .map(|path| read(path))
        .collect::<Result<Vec<_>, _>>()?;
    let admission = if arguments.relaxed {
        Admission::Warn
    } else {
        Admission::Enforce
    };
    let count = files.len();
    match hallway_config::load(files, admission) {
        Ok(loaded) => {
            anstream::eprint!("{}", loaded.warnings.render(Style::Coloured));
            let resources = resource_count(&loaded.resources);
            anstream::println!("{}: {}", counted(count, "file"), counted(resources, "resource"));
            anstream::println!("no errors, {}", counted(loaded.warnings.len(), "warning"));
            Ok(ExitCode::SUCCESS)
        }
        Err(diagnostics) => Err(Failure::Input(format!(
            "{}\n{}",
            diagnostics.render(Style::Coloured).trim_end(),
            summary(&diagnostics)
        ))),
    }
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

fn summary(diagnostics: &Diagnostics) -> String {
    let errors = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .count();
    format!(
        "{}; nothing of these rules would be put in force",
        counted(errors, "error")
    )
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn resource_count(resources: &Resources) -> usize {
    resources.services.len()
        + resources.http_routes.len()
        + resources.peer_authentications.len()
        + resources.destination_rules.len()
}
