//! Checks as scenarios use them.

use hallway_scenario::Loaded;

/// The first check of that `kind` in `scenarios`, as it is written there; none if no scenario has one.
pub(crate) fn example(scenarios: &[Loaded], kind: &str) -> Option<String> {
    let mut checks = scenarios
        .iter()
        .flat_map(|loaded| loaded.scenario.checks.iter().map(move |check| (loaded, check)));
    let (loaded, (name, _)) = checks.find(|(_, (_, check))| check.kind() == kind)?;
    let lines = loaded.check_as_written(name).into_iter();
    let indented: String = lines.map(|line| format!("  {line}\n")).collect();
    Some(format!("\nSuch as, in {}:\n{indented}", loaded.name))
}
