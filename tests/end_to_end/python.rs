//! A machine without a language runtime, or with one that does not work.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::program::{Program, hallway, settled};
use crate::scratch::Scratch;

#[tokio::test]
async fn a_scenario_that_needs_python_is_skipped() {
    let scratch = Scratch::copy("01-first-hop");
    let seen = without_python(&scratch, &[]).run().await.quietly(0);
    settled().bind(|| {
        insta::assert_snapshot!(seen, @"
        Hallway 0.1.0 · a service-mesh lab · simulated ground, seed 1

         ✓ first-hop  a call crosses two sidecars  6 checks    6 controls [time]
             orders-1: Rust stands in for Python

         1 scenario · 6 checks held · 6 controls turned red as they should · [time] (6 virtual seconds)

        Hallway 0.1.0 · a service-mesh lab · real processes, seed 1

         – first-hop  a call crosses two sidecars  skipped: no python3 on this machine, which orders-1 needs; install Python 3.9 or newer (apt install python3, brew install python3), or put it in PATH

         1 scenario, 1 skipped · 0 checks held · 0 controls turned red as they should · [time]

        Next:  hallway run first-hop                   what a mesh does to a call
               hallway grade --on both                 everything on both grounds, compared
               hallway list                            all scenarios, and what each teaches
        ");
    });
}

#[tokio::test]
async fn in_continuous_integration_a_skip_is_an_error() {
    let scratch = Scratch::copy("01-first-hop");
    let ended = without_python(&scratch, &[]).env("CI", "true").run().await;
    assert!(ended.stdout.contains("– first-hop"), "{ended:#?}");
    insta::assert_snapshot!(ended.complaint(3), @"error: first-hop was skipped, which is an error when it is asked for by name, and with CI=true");
}

#[tokio::test]
async fn a_skip_of_what_was_asked_for_is_an_error() {
    let scratch = Scratch::copy("01-first-hop");
    let graded = without_python(&scratch, &["grade", "first-hop", "--on", "processes"])
        .run()
        .await;
    assert!(graded.stdout.contains("– first-hop"), "{graded:#?}");
    insta::assert_snapshot!(graded.complaint(3), @"error: first-hop was skipped, which is an error when it is asked for by name, and with CI=true");
    let run = without_python(&scratch, &["run", "first-hop", "--on", "processes"])
        .run()
        .await;
    insta::assert_snapshot!(run.complaint(3), @"error: first-hop: `python3` is not on this machine, and orders-1 needs it: install Python 3.9 or newer (apt install python3, brew install python3), or put it in PATH");
}

#[tokio::test]
async fn a_python_that_does_not_work_fails_the_lab() {
    let scratch = Scratch::copy("01-first-hop");
    let python = scratch.root().join("python3");
    fs::write(&python, "#!/bin/sh\necho 'no module named http11' >&2\nexit 4\n")
        .expect("there is room for it");
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let seen = without_python(&scratch, &["grade", "--on", "processes"])
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

/// `hallway` with the scenarios of `scratch` on a machine where no programs are, but those that `scratch` holds.
fn without_python(scratch: &Scratch, words: &[&str]) -> Program {
    let scenarios = ["--scenarios".as_ref(), scratch.root().as_os_str()];
    hallway(scenarios.into_iter().chain(words.iter().map(AsRef::as_ref))).env("PATH", scratch.root())
}
