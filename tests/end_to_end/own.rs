//! Scenarios that a person begins, in a directory that has nothing of Hallway.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::program::{Ended, hallway, started_as};

#[tokio::test]
async fn a_new_scenario_works_on_both_grounds_where_hallway_is_installed_alone() {
    let place = tempfile::tempdir().expect("there is room for a directory");
    // From where the tests' own one is, the repository's scenarios would be found.
    let installed = place.path().join("hallway");
    fs::copy(env!("CARGO_BIN_EXE_hallway"), &installed).expect("there is room for a program");
    let said = from(&installed, "new scenario checkout").await.quietly(0);
    insta::assert_snapshot!(said, @"
    checkout is a scenario that works. Change its rules and what they promise.

    Next:  hallway run ./checkout              what each check expected, and what was seen
           hallway grade ./checkout --on both  the same on both grounds, and what its control turns red
           hallway show schema                 what a scenario file can say
    ");
    let graded = from(&installed, "grade ./checkout --on both").await.quietly(0);
    assert!(graded.contains("they agree on 3 of 3 verdicts"), "{graded}");
    let run = from(&installed, "run checkout --control no-retry")
        .await
        .quietly(0);
    assert!(
        run.contains("control no-retry turned red what it should"),
        "{run}"
    );
    let said = from(&installed, "list").await.complaint(2);
    assert!(said.contains("no `scenarios` directory here or above"), "{said}");
    // Its checks are about the rules.
    let rules = place.path().join("checkout/rules.yaml");
    let spoilt = fs::read_to_string(&rules)
        .expect("it was written")
        .replace("503", "504");
    fs::write(&rules, spoilt).expect("it can be written");
    let ended = from(&installed, "grade ./checkout").await;
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(
        ended
            .stdout
            .contains("replay: hallway run ./checkout --on simulated"),
        "{}",
        ended.stdout
    );
}

#[tokio::test]
async fn nothing_that_is_there_is_written_over() {
    let place = tempfile::tempdir().expect("there is room for a directory");
    let taken = place.path().join("checkout");
    fs::write(&taken, "mine").expect("the directory is empty");
    let said = new(&taken).await.complaint(2);
    let said = said.replace(&*place.path().to_string_lossy(), "[place]");
    insta::assert_snapshot!(said, @"error: `[place]/checkout` is there already, and was left as it is: choose another name");
    assert_eq!(fs::read_to_string(&taken).expect("it is there"), "mine");
    let said = new(&place.path().join("Check_out")).await.complaint(2);
    insta::assert_snapshot!(said, @"error: `Check_out` cannot be the name of a scenario: expected lower-case letters, digits and `-`, and a letter first, such as `slow-checkout`");
    let said = new(&taken.join("inside")).await.complaint(2);
    assert!(said.contains("cannot write"), "{said}");
    assert_eq!(names_in(&place), ["checkout"], "nothing half-done is left");
}

/// What `program` does where it is.
async fn from(program: &Path, words: &str) -> Ended {
    let here = program.parent().expect("it is in a directory");
    started_as(program, here, words.split_whitespace()).run().await
}

async fn new(directory: &Path) -> Ended {
    hallway(["new".as_ref(), "scenario".as_ref(), directory.as_os_str()])
        .run()
        .await
}

fn names_in(place: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(place).expect("it is there");
    let names = entries.map(|entry| entry.expect("it can be read").file_name());
    names.map(|name| name.to_string_lossy().into_owned()).collect()
}
