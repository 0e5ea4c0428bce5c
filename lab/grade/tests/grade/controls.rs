//! Grades: checks, timelines, controls and exit codes.

use std::collections::BTreeMap;
use std::time::Duration;

use hallway_evidence::{Incident, Observations, PushOutcome};
use hallway_grade::{Grade, Observed, Outcome, Shortcoming, Skips, exit_code, grade};
use hallway_model::telemetry::Problem;
use hallway_scenario::Scenario;
use serde_json::{Value, json};

use crate::support::{Call, START, accepted, call, healthy, nothing, scenario};

const TOOK: Duration = Duration::from_millis(2_345);

fn checks() -> Value {
    json!({
        "answered": { "responses": { "traffic": "checkout", "status": 200, "share": "100%" } },
        "one-attempt": { "attempts": { "traffic": "checkout", "service": "payments", "each": 1 } },
    })
}

fn controls() -> Value {
    json!({ "broken": { "rules": "rules.broken.yaml", "must_fail": { "answered": "503" }, "may_fail": [] } })
}

/// Three requests that were answered so.
fn answered(status: u16) -> Observations {
    let mut observations = nothing();
    for _ in 0..3 {
        call(
            &mut observations,
            &Call {
                attempts: &[(status, "payments-1")],
                ..Call::default()
            },
        );
    }
    observations
}

fn graded(scenario: &Scenario, run: &Observations, controls: &[(&str, &Observations)]) -> Grade {
    let observed = |observations| Observed {
        observations,
        took: TOOK,
    };
    let controls: BTreeMap<String, Observed<'_>> = controls
        .iter()
        .map(|(name, observations)| ((*name).to_owned(), observed(*observations)))
        .collect();
    grade(scenario, observed(run), &controls, TOOK)
}

fn incident() -> Incident {
    Incident {
        who: "payments-1 sidecar".to_owned(),
        what: "ended by itself, killed by signal 9".to_owned(),
    }
}

#[test]
fn all_is_green_when_the_control_turns_its_check_red() {
    let grade = graded(
        &scenario(checks(), controls()),
        &healthy(3),
        &[("broken", &answered(503))],
    );
    assert_eq!(grade.outcome, Outcome::Green);
    assert_eq!((grade.checks_held(), grade.controls_held()), (2, 1));
    assert!(grade.controls_left_out.is_empty());
}

#[test]
fn a_red_check_is_red() {
    let grade = graded(
        &scenario(checks(), controls()),
        &answered(503),
        &[("broken", &answered(503))],
    );
    assert_eq!(grade.outcome, Outcome::Red);
    assert_eq!((grade.checks_held(), grade.controls_held()), (1, 1));
}

#[test]
fn a_control_that_turns_nothing_red_is_red() {
    let grade = graded(
        &scenario(checks(), controls()),
        &healthy(3),
        &[("broken", &healthy(3))],
    );
    assert_eq!(grade.outcome, Outcome::Red);
    let shortcoming = &grade.controls[0].shortcomings[0];
    assert!(matches!(shortcoming, Shortcoming::DidNotFail { .. }));
    assert_eq!(
        shortcoming.to_string(),
        "answered must fail, but held: 3 of 3: 200 × 3"
    );
}

#[test]
fn a_control_that_fails_for_another_cause_is_red() {
    let grade = graded(
        &scenario(checks(), controls()),
        &healthy(3),
        &[("broken", &answered(500))],
    );
    assert_eq!(grade.outcome, Outcome::Red);
    let shortcoming = &grade.controls[0].shortcomings[0];
    assert!(matches!(shortcoming, Shortcoming::WrongCause { .. }));
    assert_eq!(
        shortcoming.to_string(),
        "answered failed, but not for `503`: 0 of 3: 500 × 3"
    );
}

#[test]
fn what_was_expected_is_no_cause() {
    let controls = json!({ "broken": { "must_fail": { "answered": "200 for 100%" } } });
    let grade = graded(
        &scenario(checks(), controls),
        &healthy(3),
        &[("broken", &answered(500))],
    );
    assert!(matches!(
        grade.controls[0].shortcomings[..],
        [Shortcoming::WrongCause { .. }]
    ));
}

#[test]
fn a_control_that_turns_more_red_is_red_unless_it_may() {
    let mut broken = answered(503);
    broken.ledger.remove(0);
    let grade = graded(
        &scenario(checks(), controls()),
        &healthy(3),
        &[("broken", &broken)],
    );
    let shortcoming = &grade.controls[0].shortcomings[0];
    assert_eq!(
        shortcoming.to_string(),
        "one-attempt failed too, which `may_fail` does not allow: 0 attempts × 1, 1 attempt × 2"
    );
    let allowed = json!({ "broken": { "must_fail": { "answered": "503" }, "may_fail": ["one-attempt"] } });
    let grade = graded(&scenario(checks(), allowed), &healthy(3), &[("broken", &broken)]);
    assert_eq!(grade.outcome, Outcome::Green);
}

#[test]
fn a_control_in_a_broken_lab_proves_nothing() {
    let mut broken = answered(503);
    broken.incidents.push(incident());
    let grade = graded(
        &scenario(checks(), controls()),
        &healthy(3),
        &[("broken", &broken)],
    );
    let Outcome::LabFailed { incidents } = &grade.outcome else {
        panic!("{:?}", grade.outcome)
    };
    assert_eq!(incidents[0].who, "payments-1 sidecar (control broken)");
    assert!(grade.controls[0].lab_failed() && !grade.controls[0].holds());
}

#[test]
fn a_run_in_a_broken_lab_proves_nothing() {
    let mut run = answered(503);
    run.incidents.push(incident());
    let grade = graded(&scenario(checks(), json!({})), &run, &[]);
    assert_eq!(
        grade.outcome,
        Outcome::LabFailed {
            incidents: vec![incident()]
        }
    );
}

#[test]
fn a_control_of_evidence_spoils_it() {
    let controls =
        json!({ "lost": { "evidence": { "drop_ledger": 1 }, "must_fail": { "one-attempt": "0 attempts" } } });
    let run = healthy(3);
    let grade = graded(&scenario(checks(), controls), &run, &[("lost", &run)]);
    assert_eq!(grade.outcome, Outcome::Green, "{:#?}", grade.controls);
}

#[test]
fn controls_that_did_not_run_are_named() {
    let grade = graded(&scenario(checks(), controls()), &healthy(3), &[]);
    assert_eq!(grade.outcome, Outcome::Green);
    assert_eq!(grade.controls_left_out, ["broken"]);
}

fn with_timeline() -> Scenario {
    let mut scenario = scenario(checks(), controls());
    let steps = json!([
        { "at": "500ms", "push": "rules.v2.yaml", "expect": "accepted" },
        { "at": "1s", "push": "rules.broken.yaml", "expect": "refused" },
    ]);
    scenario.timeline = serde_json::from_value(steps).expect("well-formed steps");
    scenario
}

/// A run with both pushes, answered as the timeline expects.
fn with_pushes() -> Observations {
    let mut run = healthy(3);
    run.pushes.push(accepted("rules.v2.yaml", START + 500_000, 2));
    run.pushes
        .push(accepted("rules.broken.yaml", START + 1_000_000, 3));
    run.pushes[2].outcome = PushOutcome::Refused {
        problems: vec![problem()],
    };
    run
}

fn problem() -> Problem {
    Problem {
        file: "rules.v2.yaml".to_owned(),
        line: 14,
        column: 9,
        message: "unknown field `attemps`".to_owned(),
        help: None,
    }
}

#[test]
fn pushes_answered_as_expected_are_green() {
    assert_eq!(
        graded(&with_timeline(), &with_pushes(), &[]).outcome,
        Outcome::Green
    );
}

#[test]
fn pushes_answered_otherwise_fail_the_run() {
    let mut run = with_pushes();
    run.pushes[1].outcome = PushOutcome::Refused {
        problems: vec![problem()],
    };
    run.pushes[2].outcome = PushOutcome::Accepted { generation: 2 };
    let grade = graded(&with_timeline(), &run, &[]);
    assert_eq!(grade.outcome, Outcome::Red);
    assert_eq!(
        grade.failures,
        [
            "rules.v2.yaml was to be accepted, but was refused: rules.v2.yaml:14:9: unknown field `attemps`",
            "rules.broken.yaml was to be refused, but was accepted as generation 2",
        ]
    );
    let mut run = with_pushes();
    run.pushes.remove(1);
    let grade = graded(&with_timeline(), &run, &[]);
    assert_eq!(
        grade.failures,
        ["rules.v2.yaml was to be pushed at 500ms, but never was"]
    );
}

#[test]
fn pushes_answered_otherwise_do_not_fail_a_control() {
    let mut control = answered(503);
    control.pushes.push(accepted("rules.broken.yaml", START, 2));
    let grade = graded(&with_timeline(), &with_pushes(), &[("broken", &control)]);
    assert_eq!(grade.outcome, Outcome::Green);
}

#[test]
fn the_worst_grade_decides_the_exit_code() {
    let scenario = scenario(checks(), json!({}));
    let mut failed = healthy(1);
    failed.incidents.push(incident());
    let green = graded(&scenario, &healthy(1), &[]);
    let red = graded(&scenario, &answered(503), &[]);
    let lab_failed = graded(&scenario, &failed, &[]);
    let skipped = Grade::skipped(&scenario, "no Python 3 was found");
    let code = |grades: &[&Grade], skips| {
        exit_code(
            &grades.iter().map(|grade| (*grade).clone()).collect::<Vec<_>>(),
            skips,
        )
    };
    assert_eq!(code(&[], Skips::Forbidden), 0);
    assert_eq!(code(&[&green, &green], Skips::Forbidden), 0);
    assert_eq!(code(&[&green, &red], Skips::Allowed), 1);
    assert_eq!(code(&[&lab_failed, &red], Skips::Allowed), 3);
    assert_eq!(code(&[&green, &skipped], Skips::Allowed), 0);
    assert_eq!(code(&[&green, &skipped], Skips::Forbidden), 3);
}
