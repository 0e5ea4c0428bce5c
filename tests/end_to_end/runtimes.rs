//! Machines without some language runtimes, or with ones that do not work, and what `hallway doctor` says of them.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::program::{Program, hallway, settled};
use crate::scratch::Scratch;

/// How `01-first-hop` lets Rust play its Python program.
const FALLBACK: &str = "language: python, fallback: rust";

#[tokio::test]
async fn rust_stands_in_where_the_scenario_allows_it() {
    let scratch = Scratch::copy("01-first-hop");
    let report = scratch.root().join("report");
    let place = report.to_str().expect("temporary directories have plain names");
    let words = ["grade", "first-hop", "--on", "processes", "--report", place];
    let seen = on_a_bare_machine(&scratch, &words).run().await.quietly(0);
    settled().bind(|| {
        insta::assert_snapshot!(seen, @"
        Hallway 0.1.0 · a service-mesh lab · real processes, seed 1

         ✓ first-hop  a call crosses two sidecars  6 checks    6 controls [time]
             orders-1: Rust stands in for Python: there is no python3 in PATH

         1 scenario · 6 checks held · 6 controls turned red as they should · [time]
        ");
    });
    let said = "orders-1: Rust stands in for Python: there is no python3 in PATH";
    for name in ["report.json", "junit.xml"] {
        let text = fs::read_to_string(report.join(name)).expect("the report was written");
        assert!(text.contains(said), "{name}: {text}");
    }
}

#[tokio::test]
async fn nobody_stands_in_in_continuous_integration() {
    let scratch = Scratch::copy("01-first-hop");
    let ended = on_a_bare_machine(&scratch, &[]).env("CI", "true").run().await;
    assert!(ended.stdout.contains("– first-hop"), "{ended:#?}");
    insta::assert_snapshot!(ended.complaint(3), @"error: first-hop was skipped, which is an error when it is asked for by name, and with CI=true");
}

#[tokio::test]
async fn a_scenario_that_needs_a_runtime_is_skipped() {
    let scratch = needs_python();
    let seen = on_a_bare_machine(&scratch, &[]).run().await.quietly(0);
    settled().bind(|| {
        insta::assert_snapshot!(seen, @"
        Hallway 0.1.0 · a service-mesh lab · simulated ground, seed 1

         ✓ first-hop  a call crosses two sidecars  6 checks    6 controls [time]
             orders-1: Rust stands in for Python

         1 scenario · 6 checks held · 6 controls turned red as they should · [time] (6 virtual seconds)

        Hallway 0.1.0 · a service-mesh lab · real processes, seed 1

         – first-hop  a call crosses two sidecars  skipped: orders-1 needs Python: there is no python3 in PATH; install Python 3.9 or newer (apt install python3, brew install python3), or name the program with HALLWAY_PYTHON

         1 scenario, 1 skipped · 0 checks held · 0 controls turned red as they should · [time]

        Next:  hallway run first-hop    what a mesh does to a call
               hallway learn            the guided path, from the beginning
               hallway grade --on both  everything on both grounds, compared
               hallway list             all scenarios, and what each teaches
        ");
    });
}

#[tokio::test]
async fn a_skip_of_what_was_asked_for_is_an_error() {
    let scratch = needs_python();
    let graded = on_a_bare_machine(&scratch, &["grade", "first-hop", "--on", "processes"])
        .run()
        .await;
    assert!(graded.stdout.contains("– first-hop"), "{graded:#?}");
    insta::assert_snapshot!(graded.complaint(3), @"error: first-hop was skipped, which is an error when it is asked for by name, and with CI=true");
    let run = on_a_bare_machine(&scratch, &["run", "first-hop", "--on", "processes"])
        .run()
        .await;
    insta::assert_snapshot!(run.complaint(3), @"error: first-hop: orders-1 needs Python: there is no python3 in PATH; install Python 3.9 or newer (apt install python3, brew install python3), or name the program with HALLWAY_PYTHON");
}

#[tokio::test]
async fn a_python_whose_programs_do_not_run_fails_the_lab() {
    let scratch = Scratch::copy("01-first-hop");
    let script =
        "[ \"$1\" = --version ] && echo Python 3.12.1 && exit\necho 'no module named http11' >&2\nexit 4";
    program(&scratch, "python3", script);
    let seen = on_a_bare_machine(&scratch, &["grade", "--on", "processes"])
        .run()
        .await
        .quietly(3);
    settled().bind(|| {
        insta::assert_snapshot!(seen, @"
        Hallway 0.1.0 · a service-mesh lab · real processes, seed 1

         ! first-hop  a call crosses two sidecars  no result
             lab failed  the lab: orders-1 ended before it was ready (exit status: 4), after it said:
                         no module named http11

         1 scenario, 1 without a result · 0 checks held · 0 controls turned red as they should · [time]
        ");
    });
}

#[tokio::test]
async fn doctor_says_what_is_missing_and_what_that_costs() {
    let scratch = machine_with_oddities();
    let ended = on_a_bare_machine(&scratch, &["doctor"]).run().await.quietly(0);
    let (languages, rest) = ended.split_once("\nClients").expect("there are clients");
    let languages = languages.replace(&scratch.root().display().to_string(), "[here]");
    insta::assert_snapshot!(languages, @"
    Hallway 0.1.0 · what this machine offers

    Languages of services on real processes; simulated, Rust plays them all
     ✓ Rust           part of Hallway
     – Python         [here]/python3 is Python 3.6.9, which is too old
                      Rust stands in for it in first-hop
                      install Python 3.9 or newer (apt install python3, brew install python3), or name the program with HALLWAY_PYTHON
     – Node           [here]/node does not work: `--version` ended with exit status: 1: node: version GLIBC_2.28 not found
                      no scenario misses it
                      install Node 18 or newer (apt install nodejs, brew install node), or name the program with HALLWAY_NODE
     – Go             there is no go in PATH
                      no scenario misses it
                      install Go 1.21 or newer (https://go.dev/dl, brew install go; apt install golang where that is new enough), or name the program with HALLWAY_GO
     ✓ Java           21.0.2 (at least 17)  [here]/java
    ");
    for words in [
        " – curl           not installed",
        "the commands that `hallway up` tells cannot be typed",
        " – valgrind       not installed",
        "install it: apt-get install valgrind",
        " ✓ IPv4 loopback",
    ] {
        assert!(rest.contains(words), "{words} in {rest}");
    }
    assert!(rest.ends_with(
        "The default path works: `hallway` grades every scenario, two of them on real processes.\n"
    ));
}

#[tokio::test]
async fn doctor_hides_no_absence_in_continuous_integration() {
    let scratch = machine_with_oddities();
    let doctor = on_a_bare_machine(&scratch, &["doctor", "--json"]);
    let seen = doctor.env("CI", "true").run().await.quietly(1);
    let findings: serde_json::Value = serde_json::from_str(&seen).expect("it is JSON");
    assert_eq!(findings["works"], false);
    let languages = findings["languages"].as_array().expect("a list");
    let usable: Vec<(&str, bool)> = languages
        .iter()
        .map(|language| {
            (
                language["name"].as_str().unwrap_or_default(),
                language["problem"].is_null(),
            )
        })
        .collect();
    assert_eq!(
        usable,
        [
            ("Rust", true),
            ("Python", false),
            ("Node", false),
            ("Go", false),
            ("Java", true)
        ]
    );
    assert_eq!(languages[1]["replaceable_in"][0], "first-hop");
    assert_eq!(languages[4]["version"], "21.0.2");
}

/// A machine whose Python is too old, whose Node is broken, and which has no Go.
fn machine_with_oddities() -> Scratch {
    let scratch = Scratch::copy("01-first-hop");
    program(&scratch, "python3", "echo Python 3.6.9");
    program(
        &scratch,
        "node",
        "echo 'node: version GLIBC_2.28 not found' >&2\nexit 1",
    );
    program(
        &scratch,
        "java",
        "echo 'openjdk version \"21.0.2\" 2024-01-16' >&2",
    );
    scratch
}

/// `01-first-hop`, in which Rust does not stand in.
fn needs_python() -> Scratch {
    let scratch = Scratch::copy("01-first-hop");
    scratch.replace("scenario.yaml", FALLBACK, "language: python");
    scratch
}

/// A program that is a shell script, on the machine of `scratch`.
fn program(scratch: &Scratch, name: &str, script: &str) {
    let path = scratch.root().join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("there is room for it");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
}

/// `hallway` with the scenarios of `scratch` on a machine where no programs are, but those that `scratch` holds.
fn on_a_bare_machine(scratch: &Scratch, words: &[&str]) -> Program {
    let scenarios = ["--scenarios".as_ref(), scratch.root().as_os_str()];
    hallway(scenarios.into_iter().chain(words.iter().map(AsRef::as_ref))).env("PATH", scratch.root())
}
