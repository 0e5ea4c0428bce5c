//! The guided path in a pipe, and what teachers need of it.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::program::{Ended, Program, Running, repository, started_as};
use crate::scratch::copy_all;

/// The scenarios of the path here: the first two.
const CHAPTERS: [&str; 2] = ["01-first-hop", "02-first-two-fail"];

/// A directory in which somebody learns, with scenarios of its own.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = tempfile::tempdir().expect("there is room for a directory");
        for chapter in CHAPTERS {
            let original = repository().join("scenarios").join(chapter);
            copy_all(&original, &place.path().join("scenarios").join(chapter));
        }
        Self(place)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn hallway(&self, words: &str) -> Program {
        let program = env!("CARGO_BIN_EXE_hallway");
        started_as(program.as_ref(), self.0.path(), words.split_whitespace())
    }

    async fn run(&self, words: &str, input: &str) -> Ended {
        self.hallway(words).input(input.to_owned()).run().await
    }

    /// Saves the solution of an exercise as the learner's file at `to`.
    fn solve(&self, chapter: &str, to: &str) {
        self.save(&format!("scenarios/{chapter}/exercise/solution/rules.yaml"), to);
    }

    fn save(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(from)).expect("the file is there");
        fs::write(self.path(to), text).expect("the file can be written");
    }

    /// `text` without what differs from run to run.
    fn settled(&self, text: &str) -> String {
        text.replace(&*self.0.path().to_string_lossy(), "[place]")
    }
}

/// What is said until a line contains `words`, that one included.
async fn until(running: &mut Running, words: &str) -> String {
    let mut said = String::new();
    loop {
        let line = running.next_line().await;
        said += &line;
        if line.contains(words) {
            return said;
        }
    }
}

#[tokio::test]
async fn the_whole_path_with_each_file_graded_as_it_is_saved() {
    let place = Place::new();
    let mut running = place.hallway("learn").start().await;
    let said = until(&mut running, "Your answer").await;
    assert!(said.starts_with("Chapter 1 of 2 · first-hop\n"), "{said}");
    assert!(
        said.contains("Before you run it:") && !said.contains("What happens."),
        "{said}"
    );
    running.types("9").await;
    until(&mut running, "`9` is none of the answers").await;
    running.types("1").await;
    let said = until(&mut running, "As it is now:").await;
    assert!(
        said.contains("The run: first-hop as it is written, simulated."),
        "{said}"
    );
    assert!(said.contains(" ✗ You said:\n\n│ They read every call."), "{said}");
    assert!(
        said.contains(" What the run shows:\n\n│ They read nothing, and `payments` knows"),
        "{said}"
    );
    assert!(
        said.contains("\nWhat happens. Every call leaves two records"),
        "{said}"
    );
    let said = until(&mut running, "Save hallway-lessons").await;
    assert!(
        said.contains("✗ wire-is-sealed") && said.contains("saw connections: plaintext"),
        "{said}"
    );
    assert!(
        said.contains("✓ answered, one-trace, books-balance hold"),
        "{said}"
    );

    let file = "hallway-lessons/first-hop/rules.yaml";
    fs::write(place.path(file), "kind: Servce\n").expect("it can be written");
    let said = until(&mut running, "1 error").await;
    assert!(said.contains("hallway-lessons/first-hop/rules.yaml:1:"), "{said}");
    place.solve("01-first-hop", file);
    let said = until(&mut running, "Enter goes on to").await;
    assert!(said.contains("✓ Solved: every check holds."), "{said}");
    assert!(
        said.contains("1 of 2 chapters finished. Enter goes on to first-two-fail"),
        "{said}"
    );

    running.types("").await;
    let said = until(&mut running, "Your answer").await;
    assert!(said.contains("Chapter 2 of 2 · first-two-fail"), "{said}");
    running.types("2").await;
    let said = until(&mut running, "Save hallway-lessons").await;
    assert!(
        said.contains("first-two-fail with its control one-retry, simulated"),
        "{said}"
    );
    assert!(said.contains("✓ You said, and the run shows:"), "{said}");
    place.solve("02-first-two-fail", "hallway-lessons/first-two-fail/rules.yaml");
    until(&mut running, "You have finished all 2 chapters.").await;
    running.ended().await.quietly(0);

    let listed = place.run("learn --list", "").await.quietly(0);
    insta::assert_snapshot!(listed, @"
    ✓  1  first-hop       finished, predicted otherwise
    ✓  2  first-two-fail  finished, predicted right

    2 of 2 finished
    ");
    let again = place.run("learn", "").await.quietly(0);
    assert!(again.starts_with("You have finished all 2 chapters."), "{again}");
}

#[tokio::test]
async fn words_are_understood_and_the_end_of_the_input_is_where_one_stops() {
    let place = Place::new();
    let ended = place
        .run("learn first-two-fail", "\nhint\nh\nwhat\nreset\nquit\n")
        .await;
    let said = ended.quietly(0);
    let (_, said) = said
        .split_once("As it is now:\n")
        .expect("the exercise comes last");
    let (_, said) = said.split_once("or quit.\n").expect("the words are told");
    insta::assert_snapshot!(place.settled(said), @"

    Hint 1 of 3. A retry happens when the answer is one that the rule means. Which answer does the
    caller get?

    Hint 2 of 3. `hallway run first-two-fail --control no-retry --explain` shows one request: look
    at what `payments` says, and compare it with `codes`.

    `what` is none of the words: hint, task, lesson, reset, skip or quit (the first letter is enough), or Enter alone to grade the file again
    hallway-lessons/first-two-fail/rules.yaml is as you began with it; yours is kept as hallway-lessons/first-two-fail/rules.yaml.yours


    You stopped at first-two-fail, at its exercise. 0 of 2 chapters finished.

    Next:  hallway learn         goes on from here
           hallway learn --list  all chapters, and what you have done of them
    ");
    let kept = fs::read_to_string(place.path("hallway-lessons/first-two-fail/rules.yaml.yours"));
    assert!(kept.expect("nothing is lost").contains("502, 504"));

    // It goes on at the exercise, with the file as it is.
    place.solve("02-first-two-fail", "hallway-lessons/first-two-fail/rules.yaml");
    let said = place.run("learn", "").await.quietly(0);
    assert!(said.contains("You have seen this run."), "{said}");
    assert!(said.contains("Your file is there from before:"), "{said}");
    assert!(said.contains("✓ Solved"), "{said}");
    assert!(
        said.contains("\nYou stopped at first-hop. 1 of 2 chapters finished.\n"),
        "{said}"
    );

    let hint = place.run("learn hint first-two-fail", "").await.quietly(0);
    assert!(hint.starts_with("first-two-fail: Hint 3 of 3."), "{hint}");
    let hint = place.run("learn hint first-two-fail", "").await.quietly(0);
    assert!(hint.contains("There is no other. A solution is in"), "{hint}");
    let reset = place.run("learn reset first-two-fail", "").await.quietly(0);
    insta::assert_snapshot!(reset, @"hallway-lessons/first-two-fail/rules.yaml is as you began with it; yours is kept as hallway-lessons/first-two-fail/rules.yaml.yours.2");
    let skipped = place
        .run("learn first-two-fail", "lesson\ns\nq\n")
        .await
        .quietly(0);
    assert!(
        skipped.contains("\nWhat happens. Every call is answered with 200."),
        "{skipped}"
    );
    assert!(
        skipped.contains("Skipped; `hallway learn first-two-fail` comes back to it."),
        "{skipped}"
    );
}

#[tokio::test]
async fn the_run_says_what_is_right_and_not_the_lesson() {
    let place = Place::new();
    let lesson = place.path("scenarios/02-first-two-fail/lesson.yaml");
    let text = fs::read_to_string(&lesson).expect("the file is there");
    fs::write(&lesson, text.replace("run: one-retry", "run: no-retry")).expect("the file can be written");
    let ended = place.run("learn first-two-fail", "2\n").await;
    assert!(
        ended
            .stdout
            .contains("This run does not show what the lesson is about"),
        "{ended:?}"
    );
    assert!(!ended.stdout.contains("the run shows:"), "{ended:?}");
}

#[tokio::test]
async fn progress_that_is_damaged_is_an_error_that_says_what_to_do() {
    let place = Place::new();
    fs::create_dir(place.path("mine")).expect("there is room");
    fs::write(place.path("mine/progress.json"), "{ \"version\": 1").expect("there is room");
    let said = place.run("learn --folder mine", "").await.complaint(2);
    insta::assert_snapshot!(said, @"
    error: the progress in mine/progress.json cannot be read: EOF while parsing an object at line 1 column 14
    mend the file, or move it away to begin anew; your own rule files stay as they are
    ");
    let said = place.run("learn frist-hop", "").await.complaint(2);
    assert!(said.contains("did you mean `first-hop`?"), "{said}");
}

#[tokio::test]
async fn a_class_is_handed_exercises_and_graded() {
    let place = Place::new();
    let said = place.run("learn hand-out handed-out", "").await.quietly(0);
    insta::assert_snapshot!(said, @"
    2 exercises in handed-out, each with the file to be repaired and a TASK.md. Learners copy the whole directory.

    Next:  hallway learn first-hop --folder handed-out  what a learner types, in a copy
           hallway learn grade CLASS                    grades a folder CLASS with a copy for each learner
    ");
    insta::assert_snapshot!(fs::read_to_string(place.path("handed-out/first-hop/TASK.md")).expect("it was written"), @r#"
    # Strict, with an exception

    The auditors have a recording of the network: it shows every charge in the clear, and `payments` cannot say who asked for it.
    Your colleague is surprised. "The whole namespace is STRICT, it has been for a year, look." It is in the file. And yet no caller
    ever complained, since every answer is 200.
    Make the rules such that the calls to `payments` are sealed again, and that it knows its caller.

    Repair `rules.yaml` beside this file. To grade yourself, type this in the directory above this one:

    ```sh
    hallway learn first-hop --folder .
    ```

    It grades the file each time that you save it, and has 3 hints for you; so has `hallway learn hint first-hop --folder .` in another terminal. The lesson is in `hallway show first-hop`.
    "#);
    let said = place.run("learn hand-out handed-out", "").await.complaint(2);
    assert!(
        said.contains("is there already, and nothing was written"),
        "{said}"
    );

    for learner in ["ada", "grace", "linus"] {
        copy_all(
            &place.path("handed-out"),
            &place.path(&format!("class/{learner}")),
        );
    }
    place.solve("01-first-hop", "class/ada/first-hop/rules.yaml");
    place.solve("02-first-two-fail", "class/ada/first-two-fail/rules.yaml");
    place.save(
        "scenarios/02-first-two-fail/rules.one-retry.yaml",
        "class/grace/first-two-fail/rules.yaml",
    );
    fs::write(
        place.path("class/linus/first-two-fail/rules.yaml"),
        "kind: Servce\n",
    )
    .expect("it can be written");
    fs::remove_dir_all(place.path("class/linus/first-hop")).expect("it was copied");
    let ended = place.run("learn grade class --report report", "").await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), ""), "{ended:#?}");
    insta::assert_snapshot!(ended.stdout, @"
            1  2
    ada     ✓  ✓   2 of 2
    grace   ·  ✗   0 of 2
    linus   –  ✗   0 of 2

    1 first-hop   2 first-two-fail
    ✓ solved   ✗ red   · untouched   – missing   ! not graded

    ✗ grace · first-two-fail: caller-sees-200 fails: saw 0 of 40: 503 × 40
    ✗ linus · first-two-fail: it is not accepted: class/linus/first-two-fail/rules.yaml:1: missing field `apiVersion`
    ");
    let junit = fs::read_to_string(place.path("report/junit.xml")).expect("it was written");
    assert!(
        junit.contains(r#"tests="6" skipped="1" failures="3" errors="0""#),
        "{junit}"
    );
    let grades = fs::read_to_string(place.path("report/grades.json")).expect("it was written");
    assert!(grades.contains(r#""mark": "untouched""#), "{grades}");

    for learner in ["grace", "linus"] {
        fs::remove_dir_all(place.path("class").join(learner)).expect("it was copied");
    }
    place.run("learn grade class", "").await.quietly(0);
    let said = place.run("learn grade class/ada", "").await.complaint(2);
    assert!(said.contains("give the folder above"), "{said}");
    let said = place.run("learn grade report", "").await.complaint(2);
    assert!(
        said.contains("no learner's folder in report has an exercise"),
        "{said}"
    );
}
