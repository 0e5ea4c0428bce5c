//! `hallway check`: rule files, without running anything.

use std::path::PathBuf;
use std::process::ExitCode;

use hallway_config::{Admission, Resources};
use hallway_yaml::Style;

use crate::arguments::Check;
use crate::failure::Failure;
use crate::rules::{self, counted};

/// Checks the files as one set of rules and prints everything that is wrong with them.
pub(crate) fn check(arguments: &Check) -> Result<ExitCode, Failure> {
    let admission = if arguments.relaxed {
        Admission::Warn
    } else {
        Admission::Enforce
    };
    let loaded = rules::load(arguments.files.iter().map(PathBuf::as_path), admission)?;
    anstream::eprint!("{}", loaded.warnings.render(Style::Coloured));
    let files = counted(arguments.files.len(), "file");
    let resources = counted(resource_count(&loaded.resources), "resource");
    anstream::println!("{files}: {resources}");
    anstream::println!("no errors, {}", counted(loaded.warnings.len(), "warning"));
    Ok(ExitCode::SUCCESS)
}

fn resource_count(resources: &Resources) -> usize {
    resources.services.len()
        + resources.http_routes.len()
        + resources.peer_authentications.len()
        + resources.request_authentications.len()
        + resources.authorization_policies.len()
        + resources.destination_rules.len()
        + resources.backend_traffic_policies.len()
}
