//! Faults, and what is asked about the time around them.

use super::mistakes::{assert_mistakes, assert_refused};
use super::*;
use crate::Step;
use crate::fault::Place;

/// Puts steps at the end of the base scenario's timeline.
fn with_steps(steps: &str) -> String {
    let last = "  - { at: 3s, push: rules.half.yaml, expect: accepted }";
    edited(&[(last, &format!("{last}\n{steps}"))])
}

#[test]
fn shapes_of_faults() {
    let steps = [
        "{ at: 4s }",
        "{ at: 4s, fault: { cutt: { from: orders, to: payments } } }",
        "{ at: 4s, fault: { cut: { from: orders, to: payments, oneway: true } } }",
        "{ at: 4s, fault: { bandwidth: { from: orders, to: payments, limit: 64kb/s } } }",
        "{ at: 4s, fault: { clock_skew: { of: payments, by: +1h } } }",
        "{ at: 4s, fault: { crash: payments-1, pause: payments-1 } }",
        "{ at: 4s, fault: crash }",
        "{ at: 4s, push: rules.v2.yaml, fault: { crash: payments-1 } }",
    ];
    let steps: Vec<String> = steps.iter().map(|step| format!("  - {step}")).collect();
    assert_refused("faults-shapes", &with_steps(&steps.join("\n")));
}

#[test]
fn faults() {
    let steps = [
        "{ at: 4s, fault: { delay: { from: orders, to: paymens, by: 0s } } }",
        "{ at: 4s, fault: { cut: { from: payments-2, to: payments } } }",
        "{ at: 4s, fault: { cut: { from: orders, to: ledger } } }",
        "{ at: 4s, fault: { loss: { from: orders, to: payments, share: 1% } } }",
        "{ at: 4s, fault: { delay: { from: orders, to: control plane, by: 1s } } }",
        "{ at: 4s, fault: { clock_skew: { of: payments-2, by: -1h } } }",
        "{ at: 4s, fault: { restart: payments-1 } }",
        "{ at: 4s, fault: { pause: payments-1 sidecars } }",
        "{ at: 4s, fault: { crash: payments } }",
        "{ at: 4s, fault: { crash: control plane } }",
        "{ at: 5s, fault: { pause: control plane } }",
    ];
    let steps: Vec<String> = steps.iter().map(|step| format!("  - {step}")).collect();
    assert_refused("faults", &with_steps(&steps.join("\n")));
    assert_mistakes(
        "faults-of-networks-and-controls",
        &[
            (
                "rules: rules.yaml\n",
                "  network: { latency: 1ms, loss: 1 in 50 }\nrules: rules.yaml\n",
            ),
            (
                "    timeline: { remove: [rules.half.yaml] }",
                "    timeline: { remove: [crash], add: [{ at: 9s, fault: { resume: payments-1 } }] }",
            ),
        ],
    );
    assert_mistakes(
        "timeline-unchanged",
        &[("    timeline: { remove: [rules.half.yaml] }", "    timeline: {}")],
    );
}

#[test]
fn windows_and_recoveries() {
    let answered = "  answered: { responses: { traffic: steady, status: 200, share: \">= 99%\" } }";
    let checks = [
        "{ responses: { traffic: steady, status: 200, share: 100%, during: {} } }",
        "{ responses: { traffic: steady, status: 200, share: 100%, during: { from: 2s, until: 1s } } }",
        "{ latency: { traffic: steady, percentile: max, at_most: 1s, during: { from: 6s } } }",
        "{ recovers: { traffic: steady, after: 4s, within: 3s } }",
        "{ recovers: { traffic: steady, after: 3s, within: 1s } }",
        "{ rotations: { of: everybody, at_least: 1 } }",
        "{ lifetimes: { from: order, to: ledger } }",
    ];
    let checks: Vec<String> = checks
        .iter()
        .enumerate()
        .map(|(number, check)| format!("  more-{number}: {check}"))
        .collect();
    let text = with_steps("  - { at: 4s, fault: { heal: { from: orders, to: payments } } }");
    let text = text.replace(answered, &format!("{answered}\n{}", checks.join("\n")));
    assert_refused("windows", &text);
    let share = "share: \">= 99%\" }";
    let window = "share: \">= 99%\", during: { before: rules.half.yaml, until: 1s } }";
    assert_mistakes("windows-of-both-kinds", &[(share, window)]);
}

#[test]
fn faults_are_read_and_changed_by_controls() {
    let text = edited(&[
        (
            "  - { at: 3s, push: rules.half.yaml, expect: accepted }",
            "  - { at: 3s, push: rules.half.yaml, expect: accepted }
  - { at: 3s, fault: { crash: control plane } }
  - { at: 4s, fault: { bandwidth: { from: orders, to: payments-2, limit: 64kB/s } } }
  - { at: 5s, fault: { restart: control plane } }",
        ),
        (
            "    timeline: { remove: [rules.half.yaml] }",
            "    timeline: { remove: [rules.half.yaml, restart], add: [{ at: 1s, fault: { pause: payments-1 sidecar } }] }",
        ),
    ]);
    let contents = read_text(&text).unwrap_or_else(|error| panic!("{error}"));
    let faults = |scenario: &Scenario| -> Vec<String> {
        let faults = scenario.timeline.iter().filter_map(Step::as_fault);
        faults.map(|step| format!("{} {}", step.at, step.fault)).collect()
    };
    assert_eq!(
        faults(&contents.scenario),
        [
            "3s crash control plane",
            "4s bandwidth orders → payments-2 of 64kB/s",
            "5s restart control plane"
        ]
    );
    assert_eq!(
        faults(&contents.controls["withheld"]),
        [
            "1s pause payments-1 sidecar",
            "3s crash control plane",
            "4s bandwidth orders → payments-2 of 64kB/s"
        ]
    );
    let topology = &contents.scenario.topology;
    let machines = |place: &str| Place::from(place.to_owned()).machines(topology);
    assert_eq!(machines("payments"), ["payments-1", "payments-2"]);
    assert_eq!(machines("payments-2"), ["payments-2"]);
    assert_eq!(machines("control plane"), ["control-plane"]);
    assert!(machines("ledger").is_empty(), "it has no program of its own");
}
