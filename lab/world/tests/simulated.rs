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
        trace: false,
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
fn a_replay_tells_what_became_of_a_request() {
    let all = scenarios();
    let loaded = all.iter().find(|loaded| loaded.name == "first-hop").unwrap();
    let traced = Options {
        trace: true,
        ..options(1, Variant::Scenario)
    };
    let simulated = simulate(&loaded.scenario, &loaded.directory, &traced).unwrap();
    let events = &simulated.events;
    assert!(events.is_sorted_by_key(|event| event.at));
    let correlation = simulated.observations.client[0].correlation.as_str();
    let told: Vec<String> = events
        .iter()
        .filter(|event| event.request.as_deref() == Some(correlation))
        .map(|event| match event.from == event.to {
            true => format!("{}: {}", event.from, event.what),
            false => format!("{} > {}: {}", event.from, event.to, event.what),
        })
        .collect();
    let in_order = [
        "orders-1 > orders-1 sidecar: GET http://payments/charge HTTP/1.1",
        "payments-1 sidecar > payments-1: GET /charge HTTP/1.1",
        "payments-1: ledger: received GET /charge",
        "payments-1: ledger: answered 200",
        "payments-1 > payments-1 sidecar: HTTP/1.1 200 OK",
        "orders-1 sidecar > orders-1: HTTP/1.1 200 OK",
    ];
    let places = in_order.map(|wanted| told.iter().position(|told| told == wanted));
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{told:#?}");
    let silent = simulate(&loaded.scenario, &loaded.directory, &options(1, Variant::Scenario)).unwrap();
    assert_eq!(silent.fingerprint, simulated.fingerprint, "watching changes nothing");
    assert!(silent.events.is_empty());
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
