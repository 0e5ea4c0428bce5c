//! Checks of pushes: `propagation`, `refusals` and `nacked`.

use hallway_evidence::{Observations, ProxyState, Push, PushOutcome};
use hallway_model::telemetry::{Configuration, ControlRecord, Problem};
use serde_json::{Value, json};

use crate::support::{START, accepted, green, nothing, red, verdict};

const SENT: u64 = START + 1_000_000;
const PROXIES: [&str; 2] = ["orders-1", "payments-1"];

/// A push of `rules.v2.yaml` that each sidecar acknowledged as version 7: after 20 ms and 30 ms.
fn pushed() -> Observations {
    let mut observations = nothing();
    let mut push = accepted("rules.v2.yaml", SENT, 2);
    for (number, proxy) in PROXIES.into_iter().enumerate() {
        let at_us = SENT + 20_000 + 10_000 * number as u64;
        let proxy = proxy.to_owned();
        push.proxies.push(ProxyState {
            proxy: proxy.clone(),
            wanted: 7,
            acknowledged: 7,
            generation: 2,
            refused: None,
            certificate_expires_us: None,
        });
        observations.control.extend([
            ControlRecord::Sent {
                at_us: SENT + 6_000,
                proxy: proxy.clone(),
                version: 7,
                generation: 2,
            },
            ControlRecord::Answered {
                at_us,
                proxy: proxy.clone(),
                version: 7,
                refused: None,
            },
        ]);
        let at_us = at_us - 2_000;
        observations.telemetry.configurations.push(Configuration {
            proxy,
            at_us,
            version: 7,
            refused: None,
        });
    }
    observations.pushes.push(push);
    observations
}

/// The records of a sidecar's answer, changed.
fn answer_of<'a>(observations: &'a mut Observations, whose: &str) -> &'a mut ControlRecord {
    let is_meant = |record: &&mut ControlRecord| matches!(record, ControlRecord::Answered { proxy, .. } if proxy == whose);
    observations
        .control
        .iter_mut()
        .find(is_meant)
        .expect("it has answered")
}

fn refused(rules: &str, sent_us: u64) -> Push {
    let problem = Problem {
        file: format!("two-sidecars/{rules}"),
        line: 14,
        column: 9,
        message: "unknown field `attemps`".to_owned(),
        help: None,
    };
    let outcome = PushOutcome::Refused {
        problems: vec![problem.clone()],
    };
    Push {
        outcome,
        settled_us: None,
        status_problems: vec![problem],
        ..accepted(rules, sent_us, 9)
    }
}

fn propagation(by: &str, within: &str) -> Value {
    json!({ "propagation": { "push": "rules.v2.yaml", "acknowledged_by": by, "within": within } })
}

#[test]
fn propagation_holds_in_time() {
    let saw = green(propagation("all", "30ms"), &pushed());
    assert_eq!(saw, "in force after 30.0 ms, last at payments-1");
    assert_eq!(
        green(propagation("orders", "20ms"), &pushed()),
        "in force after 20.0 ms, last at orders-1"
    );
}

#[test]
fn propagation_takes_the_later_of_both_records() {
    let mut observations = pushed();
    observations.telemetry.configurations[0].at_us = SENT + 90_000;
    assert_eq!(
        red(propagation("all", "80ms"), &observations),
        "in force after 90.0 ms, last at orders-1"
    );
}

#[test]
fn propagation_to_a_sidecar_that_nothing_changes_for_needs_the_status() {
    let mut observations = pushed();
    observations.control.retain(|record| match record {
        ControlRecord::Sent { proxy, .. } | ControlRecord::Answered { proxy, .. } => proxy != "orders-1",
        _ => true,
    });
    green(propagation("all", "30ms"), &observations);
    // What a later push sends is no answer to this one.
    observations
        .pushes
        .push(accepted("rules.v3.yaml", SENT + 500_000, 3));
    let later = ControlRecord::Sent {
        at_us: SENT + 501_000,
        proxy: "orders-1".to_owned(),
        version: 8,
        generation: 3,
    };
    observations.control.push(later);
    green(propagation("all", "30ms"), &observations);
    observations.pushes[1].proxies[0].generation = 1;
    assert_eq!(
        red(propagation("all", "30ms"), &observations),
        "never sent to orders-1"
    );
}

#[test]
fn propagation_fails_for_each_cause() {
    let check = || propagation("all", "1s");
    assert_eq!(
        red(check(), &nothing()),
        "no evidence: rules.v2.yaml was never pushed"
    );
    assert_eq!(
        red(propagation("all", "29ms"), &pushed()),
        "in force after 30.0 ms, last at payments-1"
    );

    let mut observations = pushed();
    observations.pushes[1] = refused("rules.v2.yaml", SENT);
    assert_eq!(red(check(), &observations), "refused by the control plane");

    let mut observations = pushed();
    if let ControlRecord::Answered { refused, .. } = answer_of(&mut observations, "orders-1") {
        *refused = Some("too many route rules".to_owned());
    }
    assert_eq!(
        red(check(), &observations),
        "refused by orders-1: too many route rules"
    );

    let mut observations = pushed();
    observations
        .control
        .retain(|record| !matches!(record, ControlRecord::Answered { .. }));
    assert_eq!(red(check(), &observations), "never acknowledged by orders-1");

    let mut observations = pushed();
    observations.telemetry.configurations.clear();
    assert_eq!(
        red(check(), &observations),
        "acknowledged by orders-1, which has no record of it"
    );

    let mut observations = pushed();
    observations.run.sidecars.clear();
    assert_eq!(
        red(check(), &observations),
        "no evidence: no sidecar of all took part"
    );
}

fn refusals(count: u32) -> Value {
    json!({ "refusals": { "count": count, "each_names": ["file", "line", "reason"] } })
}

fn two_refused() -> Observations {
    let mut observations = pushed();
    observations.pushes.push(refused("rules.broken.yaml", SENT + 1));
    observations.pushes.push(refused("rules.dangling.yaml", SENT + 2));
    observations
}

#[test]
fn refusals_hold_when_each_is_located() {
    assert_eq!(
        green(refusals(2), &two_refused()),
        "rules.v2.yaml accepted, rules.broken.yaml refused, rules.dangling.yaml refused"
    );
}

#[test]
fn refusals_fail_when_there_are_fewer_or_more() {
    let saw = red(refusals(1), &pushed());
    assert_eq!(saw, "rules.v2.yaml accepted");
    red(refusals(1), &two_refused());
    red(refusals(3), &two_refused());
}

#[test]
fn refusals_fail_where_a_part_is_missing() {
    let spoil = |change: fn(&mut Push)| {
        let mut observations = two_refused();
        change(&mut observations.pushes[2]);
        let verdict = verdict(refusals(2), &observations);
        assert!(!verdict.held);
        verdict.detail
    };
    assert_eq!(
        spoil(|push| push.status_problems[0].file = "rules.yaml".to_owned()),
        ["the status on rules.broken.yaml does not name the file"]
    );
    assert_eq!(
        spoil(|push| push.status_problems[0].line = 0),
        ["the status on rules.broken.yaml does not name the line"]
    );
    assert_eq!(
        spoil(|push| push.status_problems[0].message = " ".to_owned()),
        ["the status on rules.broken.yaml does not name the reason"]
    );
    assert_eq!(
        spoil(|push| push.outcome = PushOutcome::Refused { problems: Vec::new() }),
        [
            "the answer on rules.broken.yaml does not name the file",
            "the answer on rules.broken.yaml does not name the line",
            "the answer on rules.broken.yaml does not name the reason"
        ]
    );
}

#[test]
fn refusals_without_pushes_are_red() {
    assert_eq!(red(refusals(0), &nothing()), "no evidence: nothing was pushed");
}

fn nacked() -> Value {
    json!({ "nacked": { "push": "rules.v2.yaml", "by": "orders", "because": "route rules" } })
}

/// The push of [`pushed`], which the sidecar of orders refused.
fn nacked_push() -> Observations {
    let mut observations = pushed();
    let reason = Some("12 route rules where at most 10 fit".to_owned());
    if let ControlRecord::Answered { refused, .. } = answer_of(&mut observations, "orders-1") {
        refused.clone_from(&reason);
    }
    observations.telemetry.configurations[0]
        .refused
        .clone_from(&reason);
    let state = &mut observations.pushes[1].proxies[0];
    (state.acknowledged, state.generation, state.refused) = (6, 1, reason);
    observations
}

#[test]
fn nacked_holds_when_all_records_agree() {
    assert_eq!(
        green(nacked(), &nacked_push()),
        "refused by orders-1: 12 route rules where at most 10 fit"
    );
}

#[test]
fn nacked_fails_for_each_cause() {
    assert_eq!(
        red(nacked(), &nothing()),
        "no evidence: rules.v2.yaml was never pushed"
    );
    assert_eq!(red(nacked(), &pushed()), "put in force by orders-1");

    let spoil = |change: fn(&mut Observations)| {
        let mut observations = nacked_push();
        change(&mut observations);
        red(nacked(), &observations)
    };
    assert_eq!(
        spoil(|seen| seen.pushes[1] = refused("rules.v2.yaml", SENT)),
        "refused by the control plane"
    );
    assert_eq!(
        spoil(|seen| seen.run.sidecars.clear()),
        "no evidence: no sidecar of orders took part"
    );
    assert_eq!(spoil(|seen| seen.control.clear()), "never sent to orders-1");
    assert_eq!(
        spoil(|seen| seen.telemetry.configurations.clear()),
        "orders-1 has no record of it"
    );
    assert_eq!(
        spoil(|seen| seen.telemetry.configurations[0].refused = Some("port in use".to_owned())),
        "refused by orders-1 for another reason: port in use"
    );
    assert_eq!(
        spoil(|seen| seen
            .control
            .retain(|record| !matches!(record, ControlRecord::Answered { .. }))),
        "refused by orders-1, but the control plane has no record of it"
    );
    assert_eq!(
        spoil(|seen| seen.pushes[1].proxies.clear()),
        "the status does not know orders-1"
    );
    assert_eq!(
        spoil(|seen| seen.pushes[1].proxies[0].refused = None),
        "refused by orders-1, but the status does not say so"
    );
    assert_eq!(
        spoil(|seen| seen.pushes[1].proxies[0].acknowledged = 7),
        "refused by orders-1, but the status has it as acknowledged"
    );
}
