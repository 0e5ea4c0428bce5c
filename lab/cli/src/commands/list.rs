//! `hallway list`: the scenarios, and what each teaches.

use std::process::ExitCode;

use crate::catalogue::{self, Catalogue};
use crate::failure::Failure;

/// Prints one line per scenario.
pub(crate) fn list(catalogue: &Catalogue) -> Result<ExitCode, Failure> {
    for directory in catalogue.directories()? {
        let loaded = catalogue::load(&directory)?;
        anstream::println!("{:<16} {}", loaded.name, loaded.scenario.title);
        anstream::println!("{:<16} {}", "", loaded.scenario.teaches);
    }
    anstream::println!(
        "\nNext:  hallway show first-hop    its lesson and files\n       hallway run first-hop     run it"
    );
    Ok(ExitCode::SUCCESS)
}
