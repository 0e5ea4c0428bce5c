//! `hallway check-lessons`: a lesson that keeps its word, and every way in which one does not.

use std::fs;

use crate::program::{Ended, hallway};
use crate::scratch::Scratch;

const EXERCISE: &str = "exercise/exercise.yaml";
const BROKEN: &str = "exercise/rules.yaml";
const SOLUTION: &str = "exercise/solution/rules.yaml";

/// What is said of the lesson of `first-two-fail` when something was done to it.
async fn checked(spoil: impl FnOnce(&Scratch)) -> Ended {
    let scratch = Scratch::copy("02-first-two-fail");
    spoil(&scratch);
    let directory = scratch.scenario();
    let words = ["check-lessons", "--on", "simulated"].map(str::to_owned);
    let words = words
        .into_iter()
        .chain([directory.to_string_lossy().into_owned()]);
    let mut ended = hallway(words).run().await;
    ended.stdout = ended.stdout.replace(&*directory.to_string_lossy(), "[scratch]");
    ended
}

/// What is complained of, after the exit code 1.
async fn complaints(spoil: impl FnOnce(&Scratch)) -> String {
    let ended = checked(spoil).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), ""), "{ended:#?}");
    let mut lines = ended.stdout.lines().skip(2);
    assert_eq!(
        lines.next(),
        Some(" ✗ first-two-fail  A retry that never happens"),
        "{ended:#?}"
    );
    let lines: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
    lines.join("\n")
}

fn copy(scratch: &Scratch, from: &str, to: &str) {
    fs::copy(scratch.file(from), scratch.file(to)).expect("the file is there");
}

#[tokio::test]
async fn a_lesson_that_keeps_its_word() {
    let said = checked(|_| {}).await.quietly(0);
    assert!(
        said.contains("\n ✓ first-two-fail  A retry that never happens\n\n 1 lesson · "),
        "{said}"
    );
}

#[tokio::test]
async fn an_exercise_in_which_nothing_is_broken() {
    let said = complaints(|scratch| copy(scratch, SOLUTION, BROKEN)).await;
    insta::assert_snapshot!(said, @"
    exercise as shipped
      caller-sees-200 must fail, but held: 40 of 40: 200 × 40
      three-attempts must fail, but held: 3 attempts × 40
    ");
}

#[tokio::test]
async fn an_exercise_that_fails_for_another_reason_or_in_another_place() {
    let said = complaints(|scratch| scratch.replace(EXERCISE, "\"503\"", "\"504\"")).await;
    insta::assert_snapshot!(said, @"
    exercise as shipped
      caller-sees-200 failed, but not for `504`: 0 of 40: 503 × 40
    ");
    let said = complaints(|scratch| scratch.replace(EXERCISE, ", three-attempts: 1 attempt", "")).await;
    insta::assert_snapshot!(said, @"
    exercise as shipped
      three-attempts failed too, which `may_fail` does not allow: 1 attempt × 40
    ");
    let said = complaints(|scratch| scratch.replace(BROKEN, "codes:", "codez:")).await;
    insta::assert_snapshot!(said, @"
    exercise as shipped
      it is not accepted: [scratch]/exercise/rules.yaml:16: unknown field `codez`
    ");
    let refused = "refused: unknown field";
    let said = complaints(|scratch| {
        scratch.replace(
            EXERCISE,
            "fails: { caller-sees-200: \"503\", three-attempts: 1 attempt }",
            refused,
        );
    })
    .await;
    insta::assert_snapshot!(said, @"
    exercise as shipped
      `refused` says that the file is not accepted, but it is
    ");
}

#[tokio::test]
async fn a_solution_that_solves_nothing() {
    let said = complaints(|scratch| copy(scratch, BROKEN, SOLUTION)).await;
    insta::assert_snapshot!(said, @"
    solution
      caller-sees-200 fails: saw 0 of 40: 503 × 40
      three-attempts fails: saw 1 attempt × 40
    ");
}

#[tokio::test]
async fn a_prediction_that_is_right_about_another_run() {
    let said = complaints(|scratch| scratch.replace("lesson.yaml", "run: one-retry", "run: no-retry")).await;
    insta::assert_snapshot!(said, @"
    prediction
      the run shows “503, and `payments` has handled the call once.”, but “503, and `payments` has handled the call
      twice.” is marked as right: caller-sees-200 failed, saw 0 of 40: 503 × 40; three-attempts failed, saw 1
      attempt × 40
    ");
    let said = complaints(|scratch| {
        scratch.replace(
            "lesson.yaml",
            "{ holds: caller-sees-200 }",
            "{ fails: caller-sees-200 }",
        );
    })
    .await;
    insta::assert_snapshot!(said, @"
    prediction
      the run shows “200, since the retry helps.” and “503, and `payments` has handled the call twice.”, and only
      one may be true: caller-sees-200 failed, saw 0 of 40: 503 × 40; three-attempts failed, saw 2 attempts × 40
    ");
    let said =
        complaints(|scratch| scratch.replace("lesson.yaml", "saw: 2 attempts", "saw: 7 attempts")).await;
    insta::assert_snapshot!(said, @"
    prediction
      the run shows none of the choices: caller-sees-200 failed, saw 0 of 40: 503 × 40; three-attempts failed, saw 2
      attempts × 40
    ");
}

#[tokio::test]
async fn a_lesson_that_lacks_a_part() {
    let ended = checked(|scratch| {
        scratch.replace("README.md", "**What happens.**", "**So.**");
        scratch.replace("lesson.yaml", "three-attempts, saw: 2", "four-attempts, saw: 2");
        fs::remove_file(scratch.file(SOLUTION)).expect("it is there");
    })
    .await;
    let cheating =
        checked(|scratch| scratch.replace(EXERCISE, "edit: rules.yaml", "edit: scenario.yaml")).await;
    assert!(
        cheating
            .stdout
            .contains("`scenario.yaml` cannot be repaired in an exercise"),
        "{cheating:#?}"
    );
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    // How lines are wrapped depends on where the directory is.
    let said = ended.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for expected in [
        "lesson `[scratch]/README.md` has no paragraph that begins with `**What happens`",
        "prediction error: there is no check `four-attempts`",
        "[scratch]/lesson.yaml:11:20",
        "exercise there is no `[scratch]/exercise/solution/rules.yaml`",
        "1 lesson, 1 red",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}
