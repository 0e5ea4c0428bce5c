//! Runs, what is said of them, and their reports.

use std::fs;

use hallway_grade::report::json::{OutcomeWord, Report, ScenarioReport};
use quick_junit::{TestCaseStatus, TestSuite};

use crate::program::{hallway, run, settled};
use crate::scratch::Scratch;

#[tokio::test]
async fn a_run_tells_of_every_check() {
    let seen = run("run first-two-fail --on processes").await.quietly(0);
    settled().bind(|| {
        insta::assert_snapshot!(seen, @"
        Hallway 0.1.0 · a service-mesh lab · real processes, seed 1

         ✓ first-two-fail  retries hide two failures  3 checks    no control run [time]

         ✓ caller-sees-200  expected 200 for 100% of checkout   saw 40 of 40: 200 × 40
                            witness: the client
         ✓ three-attempts   expected 3 attempts at payments for each request of checkout
                            saw 3 attempts × 40
                            witness: the ledgers of payments
         ✓ books-balance    expected four equal counts of the requests that payments handled   saw 120 each
                            witness: the ledgers of payments, its sidecars' logs and metrics, the callers'
                            spans

        Next:  hallway run first-two-fail --explain           one request's journey
               hallway run first-two-fail --control no-retry  the same with one thing spoilt
               hallway grade first-two-fail                   with all controls
        ");
    });
}

#[tokio::test]
async fn a_journey_shows_three_attempts() {
    let seen = run("run first-two-fail --on processes --explain")
        .await
        .quietly(0);
    let mut settings = settled();
    // Requests overlap; whether one finds a connection that is free is luck.
    settings.add_filter(" · new connection", "");
    settings.bind(|| {
        insta::assert_snapshot!(seen, @"
        Hallway 0.1.0 · a service-mesh lab · real processes, seed 1

        request [id] GET http://payments/charge    answer 200 after [time], 3 attempts

         [time]  client            sends to the sidecar of orders
         [time]  orders-1 sidecar  route shop/checkout-retries#1 (rules.yaml:14) → cluster shop/payments:80, 1 endpoint
         [time]  ├ attempt 1       payments-1 · mTLS spiffe://hallway.test/ns/shop/sa/payments
         [time]  │   payments-1    503 (told to fail the first 2)
         [time]  │   judged        503 is in retry.codes; retry 1 of 3 after [time]
         [time]  ├ attempt 2       payments-1 · mTLS spiffe://hallway.test/ns/shop/sa/payments
         [time]  │   payments-1    503 (told to fail the first 2)
         [time]  │   judged        503 is in retry.codes; retry 2 of 3 after [time]
         [time]  ├ attempt 3       payments-1 · mTLS spiffe://hallway.test/ns/shop/sa/payments
         [time]  │   payments-1    200
         [time]  client            200
        ");
    });
}

#[tokio::test]
async fn a_control_succeeds_when_the_right_checks_are_red() {
    let seen = run("run first-two-fail --on processes --control no-retry")
        .await
        .quietly(0);
    settled().bind(|| {
        insta::assert_snapshot!(seen, @"
        Hallway 0.1.0 · a service-mesh lab · real processes, seed 1

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
        ");
    });
}

#[tokio::test]
async fn a_service_can_start_before_its_sidecar() {
    let seen = run("run first-boot --on processes").await.quietly(0);
    assert!(seen.contains("✓ menus-at-boot"), "{seen}");
    let seen = run("run first-boot --on processes --control storefront-first")
        .await
        .quietly(0);
    let words = seen.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("storefront-1 got no answer from http://menus/prices"),
        "{seen}"
    );
}

#[tokio::test]
async fn both_reports_say_what_the_table_says() {
    let scratch = Scratch::copy("02-first-two-fail");
    let directory = scratch.root().join("made/report");
    let program = hallway(
        ["grade", "first-two-fail", "--on", "processes", "--report"]
            .map(str::as_ref)
            .into_iter()
            .chain([directory.as_os_str()]),
    );
    let seen = program.run().await.quietly(0);
    settled().bind(|| {
        insta::assert_snapshot!(seen, @"
        Hallway 0.1.0 · a service-mesh lab · real processes, seed 1

         ✓ first-two-fail  retries hide two failures  3 checks    3 controls [time]

         1 scenario · 3 checks held · 3 controls turned red as they should · [time]
        ");
    });

    let json = fs::read_to_string(directory.join("report.json")).expect("there is a JSON report");
    let json: Report = serde_json::from_str(&json).expect("it is as its type says");
    let xml = fs::read_to_string(directory.join("junit.xml")).expect("there is a JUnit report");
    let xml = quick_junit::Report::deserialize_from_str(&xml).expect("it is JUnit XML");
    let [scenario] = json.scenarios.as_slice() else {
        panic!("one scenario was graded: {json:#?}");
    };
    let [suite] = xml.test_suites.as_slice() else {
        panic!("one scenario is one suite: {xml:#?}");
    };
    assert_eq!(
        (scenario.name.as_str(), scenario.outcome),
        ("first-two-fail", OutcomeWord::Green)
    );
    assert_eq!(suite.name.as_str(), scenario.name);
    assert_eq!(cases(scenario), cases_of(suite));
    assert_eq!(cases(scenario).len(), 6, "three checks and three controls");
}

#[tokio::test]
async fn a_weight_changed_by_hand_turns_exactly_its_check_red() {
    let scratch = Scratch::copy("05-canary-weights");
    scratch.replace("rules.yaml", "weight: 90", "weight: 80");
    scratch.replace("rules.yaml", "weight: 10", "weight: 20");
    // As many requests in twice the time: other tests run meanwhile, and nothing here is optimised.
    scratch.replace("scenario.yaml", "rate: 500/s, for: 6s", "rate: 250/s, for: 12s");
    scratch.replace("scenario.yaml", "at: 3s", "at: 6s");
    let seen = hallway([
        "run".as_ref(),
        scratch.scenario().as_os_str(),
        "--on".as_ref(),
        "processes".as_ref(),
    ])
    .run()
    .await
    .quietly(1);
    let mut settings = settled();
    settings.add_filter(r"1,\d{3} first attempts", "[count] first attempts");
    settings.add_filter(r"\d+\.\d% \([\d,]+\)", "[share]");
    settings.add_filter(r"p = \S+", "p = [p]");
    settings.add_filter(r"last at \S+", "last at [one]");
    settings.bind(|| {
        insta::assert_snapshot!(seen, @"
        Hallway 0.1.0 · a service-mesh lab · real processes, seed 1

         ✗ canary-weights  nine to one, then half and half  3/4 checks  no control run [time]
             split-before    expected payments-v1 90%, payments-v2 10% of checkout, before rules.half.yaml
                             saw [count] first attempts: payments-v1 [share] instead of 90%, payments-v2
                             [share] instead of 10%
                             p = [p] < 10⁻⁶
                             witness: the ledgers of payments-v1 and payments-v2
                             rule: rules.yaml:26
             replay: hallway run [scratch]/05-canary-weights --on processes --seed 1 --explain split-before

         ✓ split-after       expected payments-v1 50%, payments-v2 50% of checkout, after rules.half.yaml
                             saw [count] first attempts: payments-v1 [share], payments-v2 [share]
                             p = [p] ≥ 10⁻⁶
                             witness: the ledgers of payments-v1 and payments-v2
         ✓ none-lost         expected 200 for 100% of checkout   saw 3,000 of 3,000: 200 × 3,000
                             witness: the client
         ✓ in-force-in-time  expected rules.half.yaml in force at all sidecars within 1s
                             saw in force after [time], last at [one]
                             witness: the control plane and the sidecars
        ");
    });
}

/// Names of checks and controls, and whether they held.
type Cases = Vec<(String, bool)>;

fn cases(scenario: &ScenarioReport) -> Cases {
    let checks = scenario
        .checks
        .iter()
        .map(|check| (check.name.clone(), check.held));
    let controls = scenario
        .controls
        .iter()
        .map(|control| (format!("control {}", control.name), control.held));
    checks.chain(controls).collect()
}

fn cases_of(suite: &TestSuite) -> Cases {
    let cases = suite.test_cases.iter();
    cases
        .map(|case| {
            (
                case.name.to_string(),
                matches!(case.status, TestCaseStatus::Success { .. }),
            )
        })
        .collect()
}
