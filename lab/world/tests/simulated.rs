//! The scenarios of this repository, run in simulations.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use hallway_evidence::Variant;
use hallway_grade::report::{Styles, Terminal};
use hallway_grade::{Observed, Outcome};
use hallway_scenario::load::{Loaded, discover, load_directory};
use hallway_scenario::{Files, Ground, Scenario};
use hallway_world::{Languages, Options, Simulated, StandIns, simulate};
use serde_json::{Value, json};

fn scenarios() -> Vec<Loaded> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let directories = discover(root).expect("the scenarios are there");
    let loaded = directories
        .into_iter()
        .map(|directory| load_directory(directory).unwrap());
    loaded
        .filter(|loaded| loaded.scenario.grounds.include(Ground::Simulated))
        .collect()
}

/// Simulations are single-threaded; many can run at once.
fn side_by_side(scenarios: Vec<Loaded>, test: impl Fn(&Loaded) + Sync) {
    std::thread::scope(|scope| {
        for loaded in &scenarios {
            scope.spawn(|| test(loaded));
        }
    });
}

fn options(seed: u64, variant: Variant) -> Options {
    Options {
        seed,
        variant,
        ground: Ground::Simulated,
        languages: Languages::default(),
        stand_ins: StandIns::Forbidden,
        trace: false,
        progress: None,
    }
}

fn run(loaded: &Loaded, scenario: &Scenario, seed: u64, variant: Variant) -> Simulated {
    simulate(scenario, &loaded.files, &options(seed, variant))
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
    let controls = controls
        .iter()
        .map(|(name, simulated)| (name.clone(), observed(simulated)));
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
    side_by_side(scenarios(), |loaded| {
        let fingerprint = |seed| run(loaded, &loaded.scenario, seed, Variant::Scenario).fingerprint;
        let first = fingerprint(7);
        assert_eq!(fingerprint(7), first, "{}", loaded.name);
        assert_ne!(fingerprint(8), first, "{}", loaded.name);
    });
}

#[test]
fn a_replay_tells_what_became_of_a_request() {
    let all = scenarios();
    let loaded = all.iter().find(|loaded| loaded.name == "first-hop").unwrap();
    let traced = Options {
        trace: true,
        ..options(1, Variant::Scenario)
    };
    let simulated = simulate(&loaded.scenario, &loaded.files, &traced).unwrap();
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
    assert!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{told:#?}"
    );
    let silent = simulate(&loaded.scenario, &loaded.files, &options(1, Variant::Scenario)).unwrap();
    assert_eq!(
        silent.fingerprint, simulated.fingerprint,
        "watching changes nothing"
    );
    assert!(silent.events.is_empty());
}

/// The files of a shipped scenario.
fn files_of(name: &str) -> Files {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    Files::of(scenarios.join(name))
}

/// Traffic of `orders` to `payments`, ten a second for `seconds`, while `timeline` happens.
fn with_timeline(seconds: u32, timeline: Value) -> Simulated {
    with_orders(json!({ "calls": ["payments"] }), seconds, timeline)
}

/// The same with an `orders` of this kind.
fn with_orders(orders: Value, seconds: u32, timeline: Value) -> Simulated {
    let scenario = json!({
        "scenario": "test", "title": "test", "teaches": "test", "grounds": { "simulated": "a test" },
        "rules": "rules.yaml",
        "topology": { "services": { "orders": orders, "payments": {} } },
        "traffic": { "checkout": {
            "from": "orders", "to": "http://payments/charge", "rate": "10/s", "for": format!("{seconds}s"), "patience": "500ms",
        } },
        "timeline": timeline, "checks": {}, "controls": {},
    });
    let scenario: Scenario = serde_json::from_value(scenario).unwrap();
    let files = files_of("01-first-hop");
    let simulated = simulate(&scenario, &files, &options(1, Variant::Scenario)).unwrap();
    assert_eq!(simulated.observations.incidents, []);
    let again = simulate(&scenario, &files, &options(1, Variant::Scenario)).unwrap();
    assert_eq!(again.fingerprint, simulated.fingerprint);
    simulated
}

/// What the client saw in each second: a status for all requests of it, or what else they came to.
fn by_second(simulated: &Simulated) -> Vec<String> {
    let observations = &simulated.observations;
    let mut seconds: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
    for record in &observations.client {
        let second = (record.intended_us - observations.run.started_us) / 1_000_000;
        let outcome = match &record.outcome {
            Ok(response) => response.status.to_string(),
            Err(failure) => format!("{:?}", failure.kind),
        };
        seconds.entry(second).or_default().insert(outcome);
    }
    let joined = |outcomes: BTreeSet<String>| outcomes.into_iter().collect::<Vec<_>>().join(" ");
    seconds.into_values().map(joined).collect()
}

#[test]
fn programs_that_crash_come_back_at_their_addresses() {
    let simulated = with_timeline(
        6,
        json!([
            { "at": "1s", "fault": { "crash": "payments-1 sidecar" } },
            { "at": "2s", "fault": { "restart": "payments-1 sidecar" } },
            { "at": "3s", "fault": { "crash": "payments-1" } },
            { "at": "4s", "fault": { "restart": "payments-1" } },
            { "at": "5s", "fault": { "crash": "control plane" } },
            { "at": "5500ms", "fault": { "restart": "control plane" } },
        ]),
    );
    let seen = by_second(&simulated);
    assert_eq!(seen[0], "200");
    assert_eq!(seen[1], "503");
    assert!(
        seen[2].ends_with("503") || seen[2] == "200",
        "it takes a moment to join: {seen:?}"
    );
    assert_eq!(seen[3], "503");
    assert_eq!(seen[4..], ["200", "200"]);
    // Handlings are counted anew in each life; no entry of the ledger may be joined with another life's end.
    let ledger = &simulated.observations.ledger;
    assert!(ledger.iter().all(|entry| {
        entry
            .finished
            .as_ref()
            .is_some_and(|end| end.at_us >= entry.received.at_us)
    }));
    assert!(ledger.iter().filter(|entry| entry.received.handling == 1).count() == 2);
}

/// What came of the first call of each life of each replica of `orders`: a status, or none.
fn first_calls(simulated: &Simulated) -> BTreeMap<&str, Vec<Vec<Option<u16>>>> {
    let lives = simulated.observations.first_calls.iter();
    let orders = lives.filter(|(workload, _)| workload.starts_with("orders"));
    let statuses = |lives: &Vec<Vec<_>>| {
        let of_life = |life: &Vec<hallway_evidence::ledger::FirstCall>| {
            life.iter().map(|call| call.status).collect::<Vec<_>>()
        };
        lives.iter().map(of_life).collect()
    };
    orders
        .map(|(workload, lives)| (workload.as_str(), statuses(lives)))
        .collect()
}

#[test]
fn first_calls_go_well_unless_nobody_listens() {
    for (starts, status) in [
        ("held", Some(200)),
        ("socket_activated", Some(200)),
        ("before_sidecar", None),
    ] {
        let orders = json!({ "replicas": 2, "first_calls": ["payments"], "starts": starts });
        let simulated = with_orders(orders, 1, json!([]));
        let once = vec![vec![status]];
        let expected = BTreeMap::from([("orders-1", once.clone()), ("orders-2", once)]);
        assert_eq!(first_calls(&simulated), expected, "{starts}");
        assert_eq!(by_second(&simulated), ["200"], "{starts}");
    }
}

#[test]
fn a_program_that_comes_back_makes_its_first_calls_again() {
    let simulated = with_orders(
        json!({ "first_calls": ["payments", "payments"], "starts": "socket_activated" }),
        3,
        json!([
            { "at": "1s", "fault": { "crash": "orders-1" } },
            { "at": "1500ms", "fault": { "restart": "orders-1" } },
            { "at": "2s", "fault": { "crash": "orders-1 sidecar" } },
            { "at": "2100ms", "fault": { "restart": "orders-1 sidecar" } },
        ]),
    );
    let life = vec![Some(200), Some(200)];
    let expected = BTreeMap::from([("orders-1", vec![life.clone(), life])]);
    assert_eq!(first_calls(&simulated), expected);
}

#[test]
fn newcomers_find_those_who_came_before_them() {
    let scenario = json!({
        "scenario": "test", "title": "test", "teaches": "test", "grounds": { "simulated": "a test" },
        "rules": "rules.yaml", "timeline": [], "checks": {}, "controls": {},
        "topology": { "services": {
            "payments": { "first_calls": ["orders"] },
            "orders": { "first_calls": ["payments"] },
        } },
        "traffic": { "checkout": { "from": "orders", "to": "http://payments/charge", "count": 3 } },
    });
    let scenario: Scenario = serde_json::from_value(scenario).unwrap();
    let files = files_of("15-broken-trace");
    let simulated = simulate(&scenario, &files, &options(1, Variant::Scenario)).unwrap();
    let status = |workload: &str| simulated.observations.first_calls[workload][0][0].status;
    // The first of them calls somebody who is not there yet.
    assert_eq!((status("payments-1"), status("orders-1")), (Some(503), Some(200)));
}

#[test]
fn links_and_clocks_suffer_what_they_are_told() {
    let simulated = with_timeline(
        7,
        json!([
            { "at": "1s", "fault": { "cut": { "from": "orders", "to": "payments" } } },
            { "at": "2s", "fault": { "heal": { "from": "orders", "to": "payments" } } },
            { "at": "3s", "fault": { "delay": { "from": "payments", "to": "orders", "by": "1s" } } },
            { "at": "4s", "fault": { "heal": { "from": "orders", "to": "payments" } } },
            { "at": "5s", "fault": { "pause": "payments-1" } },
            { "at": "6s", "fault": { "resume": "payments-1" } },
            { "at": "6s", "fault": { "clock_skew": { "of": "payments", "by": "1h" } } },
        ]),
    );
    let seen = by_second(&simulated);
    // What is held back arrives in the end, over the connection that all requests share: in time for those who asked shortly before.
    let held = "200 TimedOut";
    assert_eq!(seen, ["200", held, "200", held, "200", held, "200"]);
    let ledger = &simulated.observations.ledger;
    let last = ledger.last().unwrap().received.at_us - simulated.observations.run.started_us;
    assert!(
        last > 3_600_000_000,
        "the ledger has the time of its machine: {last}"
    );
}

#[test]
fn every_scenario_is_green_with_all_its_controls() {
    let all = scenarios();
    assert!(all.len() >= 7, "there are only {}", all.len());
    side_by_side(all, |loaded| {
        let (outcome, words) = grade(loaded, 1);
        assert_eq!(outcome, Outcome::Green, "{words}");
    });
}
