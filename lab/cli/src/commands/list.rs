//! `hallway list`: the scenarios, and what each teaches.

use std::process::ExitCode;

use crate::catalogue::Catalogue;
use crate::failure::Failure;
use crate::next;

/// Prints two lines per scenario.
pub(crate) fn list(catalogue: &Catalogue) -> Result<ExitCode, Failure> {
    let scenarios = catalogue.all()?;
    let names = scenarios.iter().map(|loaded| loaded.name.chars().count());
    let width = names.max().unwrap_or(0) + 2;
    for loaded in &scenarios {
        anstream::println!("{:<width$}{}", loaded.name, loaded.scenario.title);
        anstream::println!("{:<width$}{}", "", loaded.scenario.teaches);
    }
    next::print(&[
        ("hallway learn", "the guided path, from the beginning"),
        ("hallway show first-hop", "its lesson and files"),
        ("hallway run first-hop", "run it"),
        ("hallway new scenario checkout", "begin one of your own"),
    ]);
    Ok(ExitCode::SUCCESS)
}
