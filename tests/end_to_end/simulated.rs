//! The simulated ground, which is where things run when nobody says otherwise, and both grounds together.

use std::fs;

use hallway_grade::report::comparison::Comparison;

use crate::program::{hallway, run, settled};
use crate::scratch::Scratch;

#[tokio::test]
async fn a_run_is_simulated_when_nobody_says_otherwise() {
    let seen = run("run first-two-fail").await.quietly(0);
    settled().bind(|| {
        insta::assert_snapshot!(seen, @"
        Hallway 0.1.0 · a service-mesh lab · simulated ground, seed 1

         ✓ first-two-fail  retries hide two failures  3 checks    no control run [time]

         ✓ caller-sees-200  expected 200 for 100% of checkout   saw 40 of 40: 200 × 40
                            witness: the client
         ✓ three-attempts   expected 3 attempts at payments for each request of checkout
                            saw 3 attempts × 40
                            witness: the ledgers of payments
         ✓ books-balance    expected four equal counts of the requests that payments handled   saw 120 each
                            witness: the ledgers of payments, its sidecars' logs and metrics, the callers'
                            spans

         [time] (2 virtual seconds), fingerprint [fingerprint]

        Next:  hallway run first-two-fail --explain           one request's journey
               hallway run first-two-fail --control no-retry  the same with one thing spoilt
               hallway grade first-two-fail                   with all controls
        ")
    });
}

#[tokio::test]
async fn a_simulated_control_succeeds_too() {
    let seen = run("run first-two-fail --control no-retry").await.quietly(0);
    settled().bind(|| {
        insta::assert_snapshot!(seen, @"
        Hallway 0.1.0 · a service-mesh lab · simulated ground, seed 1

         ✗ caller-sees-200  expected 200 for 100% of checkout   saw 0 of 40: 503 × 40
                            witness: the client
                            rule: rules.no-retry.yaml:14
         ✗ three-attempts   expected 3 attempts at payments for each request of checkout
                            saw 1 attempt × 40
                            witness: the ledgers of payments
                            rule: rules.no-retry.yaml:14
         ✓ books-balance    expected four equal counts of the requests that payments handled   saw 40 each
                            witness: the ledgers of payments, its sidecars' logs and metrics, the callers'
                            spans

         ✓ control no-retry turned red what it should: caller-sees-200 (`503`), three-attempts (`1 attempt`)

         [time] (2 virtual seconds), fingerprint [fingerprint]
        ")
    });
}

#[tokio::test]
async fn a_journey_is_the_same_on_both_grounds() {
    let seen = run("run first-two-fail --on both --explain").await.quietly(0);
    let journeys = seen.matches("503 is in retry.codes; retry 2 of 3 after").count();
    assert_eq!(journeys, 2, "{seen}");
}

#[tokio::test]
async fn the_grounds_are_compared() {
    let scratch = Scratch::copy("02-first-two-fail");
    let words = ["grade", "first-two-fail", "--on", "both", "--report"].map(str::as_ref);
    let directory = scratch.root().join("report");
    let program = hallway(words.into_iter().chain([directory.as_os_str()]));
    let seen = program.run().await.quietly(0);
    settled().bind(|| {
        insta::assert_snapshot!(seen, @"
        Hallway 0.1.0 · a service-mesh lab · simulated ground, seed 1

         ✓ first-two-fail  retries hide two failures  3 checks    3 controls [time]

         1 scenario · 3 checks held · 3 controls turned red as they should · [time] (6 virtual seconds)

        Hallway 0.1.0 · a service-mesh lab · real processes, seed 1

         ✓ first-two-fail  retries hide two failures  3 checks    3 controls [time]

         1 scenario · 3 checks held · 3 controls turned red as they should · [time]

                                processes  simulated
         = first-two-fail
           caller-sees-200          ✓          ✓
           three-attempts           ✓          ✓
           books-balance            ✓          ✓
           control no-retry         ✓          ✓
           control one-retry        ✓          ✓
           control lost-effect      ✓          ✓

         1 scenario on both grounds · they agree on 6 of 6 verdicts
        ")
    });
    let json = fs::read_to_string(directory.join("comparison.json")).expect("there is a comparison");
    let comparisons: Vec<Comparison> = serde_json::from_str(&json).expect("it is as its type says");
    let [comparison] = comparisons.as_slice() else {
        panic!("one scenario was graded: {comparisons:#?}");
    };
    assert_eq!(comparison.rows.len(), 6, "three checks and three controls");
}

#[tokio::test]
async fn a_ground_that_a_scenario_does_not_run_on_is_refused() {
    let scratch = Scratch::long_haul();
    let on_processes = run("run short-lived --on processes").await.complaint(2);
    let simulated = hallway(["grade".as_ref(), scratch.scenario().as_os_str()])
        .run()
        .await
        .complaint(2);
    let replayed = hallway(["replay".as_ref(), scratch.scenario().as_os_str()])
        .run()
        .await
        .complaint(2);
    insta::assert_snapshot!([on_processes, simulated, replayed].join("\n"), @"
    error: short-lived runs on simulated only: an hour of waiting
    run or grade it with `--on simulated`

    error: long-haul runs on processes only: its file gives no reason
    run or grade it with `--on processes`

    error: long-haul runs on processes only: its file gives no reason
    run or grade it with `--on processes`
    ");
}

#[tokio::test]
async fn a_replay_shows_events_in_their_order() {
    let seen = run("replay first-two-fail --until 300ms").await.quietly(0);
    let events: Vec<&str> = seen.lines().take_while(|line| !line.is_empty()).collect();
    let times = events.iter().map(|event| {
        let time = event.split_whitespace().next().expect("an event has a time");
        time.parse::<f64>().expect("it is in seconds")
    });
    assert!(events.len() > 10, "{seen}");
    assert!(
        times.clone().is_sorted() && times.max_by(f64::total_cmp) < Some(0.3),
        "{seen}"
    );
    assert!(seen.contains("events · seed 1 · fingerprint "), "{seen}");
}

#[tokio::test]
async fn a_search_ends_with_the_seed_that_breaks_a_scenario() {
    let sound = run("explore first-two-fail --seeds 3").await.quietly(0);
    insta::assert_snapshot!(sound, @"first-two-fail: 3 seeds, and none breaks it");
    let scratch = Scratch::copy("02-first-two-fail");
    scratch.replace("rules.yaml", "attempts: 3", "attempts: 1");
    let scenario = scratch.scenario();
    let words = ["explore", "--seeds", "1", "--from", "7"].map(str::as_ref);
    let program = hallway(words.into_iter().chain([scenario.as_os_str()]));
    let broken = program.run().await.quietly(1);
    settled().bind(|| {
        insta::assert_snapshot!(broken, @"
        first-two-fail: broken by seed 7; tried 1

         ✗ first-two-fail  retries hide two failures  1/3 checks  no control run [time]
             caller-sees-200  expected 200 for 100% of checkout   saw 0 of 40: 503 × 40
                              witness: the client
                              rule: rules.yaml:14
             three-attempts  expected 3 attempts at payments for each request of checkout
                             saw 2 attempts × 40
                             witness: the ledgers of payments
                             rule: rules.yaml:14
             replay: hallway run [scratch]/02-first-two-fail --on simulated --seed 7 --explain caller-sees-200

        Event by event: hallway replay [scratch]/02-first-two-fail --seed 7
        ")
    });
}
