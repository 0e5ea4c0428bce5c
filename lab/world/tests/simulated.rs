//! The scenarios of this repository, run in simulations.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hallway_evidence::Variant;
use hallway_grade::report::{Styles, Terminal};
use hallway_grade::{Observed, Outcome};
use hallway_scenario::load::{Loaded, discover, load_directory};
use hallway_scenario::{Ground, Scenario};
use hallway_world::{Options, Simulated, simulate};

fn scenarios() -> Vec<Loaded> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let directories = discover(root).expect("the scenarios are there");
    let loaded = directories.into_iter().map(|directory| load_directory(directory).unwrap());
    loaded
        .filter(|loaded| loaded.scenario.grounds.include(Ground::Simulated))
        .collect()
}

fn options(seed: u64, variant: Variant) -> Options {
    Options {
        seed,
        variant,
        ground: Ground::Simulated,
        binary: PathBuf::new(),
        python: PathBuf::new(),
        python_service: PathBuf::new(),
        progress: None,
    }
}

fn run(loaded: &Loaded, scenario: &Scenario, seed: u64, variant: Variant) -> Simulated {
    simulate(scenario, &loaded.directory, &options(seed, variant))
        .unwrap_or_else(|error| panic!("{}: {error}", loaded.name))
}

/// Runs a scenario with all its controls, and says in words what came of it.
fn grade(loaded: &Loaded, seed: u64) -> (Outcome, String) {
    let original = run(loaded, &loaded.scenario, seed, Variant::Scenario);
    let controls: BTreeMap<String, Simulated> = loaded
        .controls
        .iter()
        .map(|(name, scenario)| {
            let variant = Variant::Control(name.clone());
            (name.clone(), run(loaded, scenario, seed, variant))
        })
        .collect();
    let controls = controls.iter().map(|(name, simulated)| (name.clone(), observed(simulated)));
    let took = Duration::ZERO;
    let grade = hallway_grade::grade(&loaded.scenario, observed(&original), &controls.collect(), took);
    let terminal = Terminal::new(Styles::plain(), None, [(loaded.name.as_str(), "")]);
    let words = terminal.scenario(&grade);
    (grade.outcome, words)
}

fn observed(simulated: &Simulated) -> Observed<'_> {
    Observed {
        observations: &simulated.observations,
        took: simulated.virtual_time,
    }
}

#[test]
fn a_seed_replays_exactly_and_another_does_not() {
    for loaded in scenarios() {
        let fingerprint = |seed| run(&loaded, &loaded.scenario, seed, Variant::Scenario).fingerprint;
        let first = fingerprint(7);
        assert_eq!(fingerprint(7), first, "{}", loaded.name);
        assert_ne!(fingerprint(8), first, "{}", loaded.name);
    }
}

#[test]
fn every_scenario_is_green_with_all_its_controls() {
    let mut red = String::new();
    for loaded in scenarios() {
        let (outcome, words) = grade(&loaded, 1);
        if outcome != Outcome::Green {
            red += &words;
        }
    }
    assert!(red.is_empty(), "{red}");
}
