//! Every scenario: the same seed goes the same way, twice in this process and once in another; another seed goes another way.

use std::num::NonZeroUsize;
use std::process::Command;

use hallway_evidence::Variant;
use hallway_scenario::{Ground, Loaded, discover, load_directory};
use hallway_world::{Languages, Options, StandIns, explore, simulate};

const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios");
const HALLWAY: &str = env!("CARGO_BIN_EXE_hallway");

fn scenarios() -> Vec<Loaded> {
    let directories = discover(SCENARIOS).expect("the repository has scenarios");
    let loaded = directories
        .iter()
        .map(|directory| load_directory(directory).expect("it is well-formed"));
    loaded
        .filter(|loaded| loaded.scenario.grounds.include(Ground::Simulated))
        .collect()
}

fn here(loaded: &Loaded, seed: u64) -> String {
    let options = Options {
        seed,
        variant: Variant::Scenario,
        ground: Ground::Simulated,
        // A simulation starts no other program.
        languages: Languages::default(),
        stand_ins: StandIns::Forbidden,
        progress: None,
        trace: false,
    };
    let simulated = simulate(&loaded.scenario, &loaded.files, &options);
    let simulated = simulated.unwrap_or_else(|error| panic!("{}: {error}", loaded.name));
    simulated.fingerprint.to_string()
}

fn in_another_process(loaded: &Loaded, seed: u64) -> String {
    let output = Command::new(HALLWAY)
        .arg("run")
        .arg(loaded.files.directory())
        .args(["--fingerprint", "--seed", &seed.to_string()])
        .output()
        .expect("the binary was just built");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {error}", loaded.name);
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Says what is wrong with a scenario, if anything.
fn objection(loaded: &Loaded) -> Option<String> {
    let name = &loaded.name;
    let first = here(loaded, 1);
    let again = here(loaded, 1);
    if again != first {
        return Some(format!("{name}: {first}, then {again} in the same process"));
    }
    let elsewhere = in_another_process(loaded, 1);
    if elsewhere != first {
        return Some(format!("{name}: {first} here, {elsewhere} in another process"));
    }
    let other = here(loaded, 2);
    (other == first).then(|| format!("{name}: seeds 1 and 2 both go {first}"))
}

#[test]
fn a_seed_fixes_every_scenario() {
    let scenarios = scenarios();
    assert!(scenarios.len() >= 7, "only {} scenarios", scenarios.len());
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let all = 0..scenarios.len() as u64;
    let found = explore(all, threads, |index| objection(&scenarios[index as usize]), || {});
    assert_eq!(found.map(|(_, objection)| objection), None);
}
