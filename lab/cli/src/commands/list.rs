//! `hallway list`: the scenarios, and what each teaches.

use std::process::ExitCode;

use hallway_scenario::load::Loaded;

use crate::catalogue::{self, Catalogue};
use crate::failure::Failure;
use crate::next;

/// Prints two lines per scenario.
pub(crate) fn list(catalogue: &Catalogue) -> Result<ExitCode, Failure> {
    let directories = catalogue.directories()?;
    let scenarios = directories.iter().map(|directory| catalogue::load(directory));
    let scenarios: Vec<Loaded> = scenarios.collect::<Result<_, _>>()?;
    let names = scenarios.iter().map(|loaded| loaded.name.chars().count());
    let width = names.max().unwrap_or(0) + 2;
    for loaded in &scenarios {
        anstream::println!("{:<width$}{}", loaded.name, loaded.scenario.title);
        anstream::println!("{:<width$}{}", "", loaded.scenario.teaches);
    }
    next::print(&[
        ("hallway show first-hop", "its lesson and files"),
        ("hallway run first-hop", "run it"),
        ("hallway new scenario checkout", "begin one of your own"),
    ]);
    Ok(ExitCode::SUCCESS)
}
