//! What every test starts from: a scenario with one check, runs in which all is well, and verdicts.

use hallway_evidence::{Observations, Push, PushOutcome, Run, Telemetry, Variant};
use hallway_grade::{Verdict, judge};
use hallway_scenario::Scenario;
use serde_json::{Value, json};

pub(crate) use crate::calls::{Call, call, client_address, correlation, identity};

/// When the traffic begins.
pub(crate) const START: u64 = 1_800_000_000_000_000;
/// From one request to the next.
pub(crate) const INTERVAL: u64 = 10_000;

/// A scenario with these checks and controls.
pub(crate) fn scenario(checks: Value, controls: Value) -> Scenario {
    let scenario = json!({
        "scenario": "two-sidecars",
        "title": "a call crosses two sidecars",
        "teaches": "What the witnesses see",
        "grounds": ["processes", "simulated"],
        "topology": { "services": {
            "orders": { "calls": ["payments"] },
            "payments": { "behaviour": { "fail_first": { "attempts": 2, "status": 503 } } },
        } },
        "rules": "rules.yaml",
        "traffic": { "checkout": { "from": "orders", "to": "http://payments/charge" } },
        "checks": checks,
        "controls": controls,
    });
    serde_json::from_value(scenario).expect("a well-formed scenario")
}

/// The verdict of one check.
pub(crate) fn verdict(check: Value, observations: &Observations) -> Verdict {
    let scenario = scenario(json!({ "the-check": check }), json!({}));
    judge(&scenario, observations)
        .pop()
        .expect("one verdict per check")
}

/// Asserts that a check holds, and returns what was seen.
#[track_caller]
pub(crate) fn green(check: Value, observations: &Observations) -> String {
    let verdict = verdict(check, observations);
    assert!(verdict.held, "red: {verdict:#?}");
    verdict.saw
}

/// Asserts that a check fails, and returns what was seen.
#[track_caller]
pub(crate) fn red(check: Value, observations: &Observations) -> String {
    let verdict = verdict(check, observations);
    assert!(!verdict.held, "green: {verdict:#?}");
    verdict.saw
}

/// `count` calls that went well.
pub(crate) fn healthy(count: u64) -> Observations {
    let mut observations = nothing();
    for _ in 0..count {
        call(&mut observations, &Call::default());
    }
    observations
}

/// A run in which nothing happened but the initial push.
pub(crate) fn nothing() -> Observations {
    let run = Run {
        scenario: "two-sidecars".to_owned(),
        variant: Variant::Scenario,
        ground: "processes".to_owned(),
        seed: 1,
        started_us: START,
        finished_us: START + 2_000_000,
        sidecars: vec!["orders-1".to_owned(), "payments-1".to_owned()],
        stand_ins: Vec::new(),
    };
    Observations {
        run,
        client: Vec::new(),
        first_calls: Default::default(),
        programs: Vec::new(),
        ledger: Vec::new(),
        wire: Vec::new(),
        telemetry: Telemetry::default(),
        pushes: vec![accepted("rules.yaml", START - 1_000_000, 1)],
        control: Vec::new(),
        incidents: Vec::new(),
    }
}

/// A push that was accepted and in force everywhere 40 ms later.
pub(crate) fn accepted(rules: &str, sent_us: u64, generation: u64) -> Push {
    Push {
        rules: rules.to_owned(),
        initial: generation == 1,
        sent_us,
        answered_us: sent_us + 5_000,
        outcome: PushOutcome::Accepted { generation },
        settled_us: Some(sent_us + 40_000),
        proxies: Vec::new(),
        status_problems: Vec::new(),
    }
}
