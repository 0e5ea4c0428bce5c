//! What is read, and every way in which it is refused.

mod faults;
mod mistakes;
mod systems;

use std::fs;

use hallway_yaml::SourceFile;

use super::*;
use crate::timeline::Expectation;
use crate::traffic::Present;

const BASE: &str = include_str!("tests/base.yaml");
const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios");

fn read_text(text: &str) -> Result<Contents, Diagnostics> {
    let has_file = |name: &str| name.starts_with("rules.") && name != "rules.missing.yaml";
    read(
        &SourceFile::new("scenario.yaml", text),
        &Surroundings {
            name: "base",
            has_file: &has_file,
            read_system: &|name| match name {
                "city" => Ok(SourceFile::new("city.yaml", systems::CITY)),
                _ => Err(io::Error::other("there is only city.yaml")),
            },
            proof: Proof::Controls,
        },
    )
}

/// The base scenario with texts replaced; each must be there.
fn edited(edits: &[(&str, &str)]) -> String {
    edits.iter().fold(BASE.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "the base scenario lacks {from}");
        text.replacen(from, to, 1)
    })
}

#[test]
fn the_shipped_scenarios_load() {
    let directories = discover(SHIPPED).expect("a directory of scenarios");
    let mut loaded = Vec::new();
    let mut refused = String::new();
    for directory in &directories {
        match load_directory(directory) {
            Ok(scenario) => loaded.push(scenario),
            Err(error) => refused += &format!("{error}\n\n"),
        }
    }
    assert!(refused.is_empty(), "{refused}");
    let names: Vec<&str> = loaded.iter().map(|loaded| loaded.name.as_str()).collect();
    assert!(
        names.starts_with(&["first-hop", "first-two-fail", "slow-callee", "fair-share"]),
        "{names:?}"
    );
    for scenario in &loaded {
        assert!(scenario.lesson.is_some(), "{} has no lesson", scenario.name);
    }
}

#[test]
fn a_scenario_is_what_was_written_and_survives_json() {
    let contents = read_text(BASE).unwrap_or_else(|error| panic!("{error}"));
    let scenario = &contents.scenario;
    assert_eq!(scenario.traffic["steady"].requests(), 3_000);
    assert_eq!(scenario.traffic["post"].method(), "POST");
    assert_eq!(scenario.topology.trust_domain, "hallway.test");
    let json = serde_json::to_value(scenario).expect("a scenario is JSON");
    assert_eq!(
        &serde_json::from_value::<Scenario>(json).expect("the same scenario"),
        scenario
    );
}

#[test]
fn controls_are_applied() {
    let contents = read_text(BASE).unwrap_or_else(|error| panic!("{error}"));
    let controls = &contents.controls;
    assert!(controls.values().all(|effective| effective.controls.is_empty()));

    let payments = &controls["broken"].topology.services["payments"];
    let behaviour = payments.behaviour.as_ref().expect("a behaviour");
    assert_eq!(behaviour.status, Some(500));
    assert!(behaviour.latency.is_some(), "what is not patched stays");
    assert!(payments.instances.is_empty(), "`null` removes");

    assert_eq!(controls["other-rules"].rules, "rules.other.yaml");
    let steps: Vec<_> = controls["withheld"]
        .pushes()
        .map(|step| (step.push.as_str(), step.expect))
        .collect();
    assert_eq!(steps, [("rules.bad.yaml", Expectation::Refused)]);
    let Some(Present::Certificate(certificate)) = &controls["in-date"].traffic["rude"].present else {
        panic!("a certificate")
    };
    assert_eq!(
        (certificate.identity.as_deref(), certificate.expired_for),
        (Some("orders"), None)
    );
    let unpatched = Scenario {
        controls: IndexMap::new(),
        ..contents.scenario
    };
    assert_eq!(controls["lost"], unpatched, "evidence is spoilt after the run");
}

#[test]
fn a_body_is_a_text_or_filling() {
    let text = edited(&[("count: 20", "count: 20\n    body: { bytes: 3 }")]);
    let contents = read_text(&text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(contents.scenario.traffic["post"].body.as_deref(), Some("xxx"));
    let text = edited(&[("count: 20", "count: 20\n    body: hello")]);
    let contents = read_text(&text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(contents.scenario.traffic["post"].body.as_deref(), Some("hello"));
}

#[test]
fn a_directory_is_loaded_with_its_origins() {
    let root = tempfile::tempdir().expect("a directory");
    let directory = root.path().join("07-base");
    fs::create_dir(&directory).expect("a directory");
    fs::write(directory.join("scenario.yaml"), BASE).expect("a file");
    for file in [
        "rules.yaml",
        "rules.bad.yaml",
        "rules.half.yaml",
        "rules.other.yaml",
    ] {
        fs::write(directory.join(file), "").expect("a file");
    }
    let loaded = load_directory(&directory).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((loaded.name.as_str(), loaded.lesson.as_ref()), ("base", None));
    assert!(
        loaded
            .check_origin("answered")
            .to_string()
            .ends_with("07-base/scenario.yaml:28")
    );
    assert!(
        loaded
            .control_origin("broken")
            .to_string()
            .ends_with("07-base/scenario.yaml:42")
    );

    fs::write(directory.join("README.md"), "# Base").expect("a file");
    let loaded = load_directory(directory.join("../07-base/.")).expect("the same scenario");
    assert_eq!(loaded.name, "base");
    assert!(loaded.lesson.is_some());
}

#[test]
fn scenarios_are_discovered_in_the_order_of_their_numbers() {
    let root = tempfile::tempdir().expect("a directory");
    for name in ["10-late", "02-early", "notes", "mine"] {
        fs::create_dir(root.path().join(name)).expect("a directory");
    }
    fs::write(root.path().join("mine/scenario.yaml"), "").expect("a file");
    fs::write(root.path().join("03-file"), "").expect("a file");
    let found = discover(root.path()).expect("a directory of scenarios");
    let names: Vec<String> = found.iter().map(|directory| scenario_name(directory)).collect();
    assert_eq!(names, ["early", "late", "mine"]);
}

#[test]
fn what_is_no_scenario_says_what_to_do() {
    let root = tempfile::tempdir().expect("a directory");
    fs::create_dir(root.path().join("empty")).expect("a directory");
    fs::write(root.path().join("file.yaml"), "").expect("a file");
    fs::create_dir(root.path().join("binary")).expect("a directory");
    fs::write(root.path().join("binary/scenario.yaml"), [0xff, 0xfe]).expect("a file");
    let message = |name: &str| {
        let error = load_directory(root.path().join(name)).expect_err("no scenario");
        error
            .to_string()
            .replace(&root.path().display().to_string(), "ROOT")
    };
    let messages = ["nothing", "file.yaml", "empty", "binary"]
        .map(message)
        .join("\n");
    insta::assert_snapshot!(messages, @r"
    `ROOT/nothing` does not exist: give the directory of a scenario, or see `hallway list` for the names of all
    `ROOT/file.yaml` is not a directory: a scenario is a directory with a `scenario.yaml`; give that directory
    `ROOT/empty` is not a scenario: it has no `scenario.yaml`; see `hallway list` for all scenarios, and scenarios/schema.json for what the file holds
    cannot read `ROOT/binary/scenario.yaml`: stream did not contain valid UTF-8; check its permissions, and that it is a text in UTF-8
    ");
}

#[test]
fn names_lose_their_numbers_only() {
    let name = |directory: &str| scenario_name(Path::new(directory));
    assert_eq!(name("scenarios/05-canary-weights"), "canary-weights");
    assert_eq!(name("canary-weights"), "canary-weights");
    assert_eq!(name("05"), "05");
    assert_eq!(name("-x"), "-x");
}
