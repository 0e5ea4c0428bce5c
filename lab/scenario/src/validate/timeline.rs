//! What happens while traffic flows.

use std::time::Duration;

use hallway_yaml::Path;

use super::faults;
use crate::findings::Findings;
use crate::{Control, Scenario, Step, Traffic};

/// Checks the timeline.
pub(super) fn check(findings: &mut Findings<'_>, scenario: &Scenario) {
    let steps = placed(&Path::keys(["timeline"]), &scenario.timeline);
    check_steps(findings, scenario, &steps);
}

/// Checks what a control of `base` makes of its timeline, which is the one of the `effective` scenario.
pub(super) fn check_effective(
    findings: &mut Findings<'_>,
    base: &Scenario,
    effective: &Scenario,
    name: &str,
    control: &Control,
) {
    let Some(change) = &control.timeline else { return };
    let stays = |(_, step): &(Path, &Step)| !change.remove.iter().any(|removed| removed == step.name());
    let mut steps = placed(&Path::keys(["timeline"]), &base.timeline);
    steps.retain(stays);
    let added = Path::keys(["controls", name, "timeline", "add"]);
    steps.extend(placed(&added, &change.add));
    steps.sort_by_key(|(_, step)| step.at());
    check_steps(findings, effective, &steps);
}

/// The steps, each with its place.
fn placed<'s>(path: &Path, steps: &'s [Step]) -> Vec<(Path, &'s Step)> {
    let steps = steps.iter().enumerate();
    steps.map(|(index, step)| (path.with(index), step)).collect()
}

fn check_steps(findings: &mut Findings<'_>, scenario: &Scenario, steps: &[(Path, &Step)]) {
    let end = scenario
        .traffic
        .values()
        .map(Traffic::end)
        .max()
        .unwrap_or_default();
    let mut previous = Duration::ZERO;
    for (index, (path, step)) in steps.iter().enumerate() {
        let at = step.at().to_std();
        if at < previous {
            let message = "the steps are not in the order of time";
            findings
                .value(&path.with("at"), message, "earlier than the step before")
                .help("sort the steps by `at`".to_owned());
        } else if at >= end {
            let message = format!("all traffic has ended at {}", step.at());
            let help = "let the traffic flow for longer, or make the step earlier";
            findings
                .value(&path.with("at"), message, "nothing would notice this step")
                .help(help.to_owned());
        }
        previous = previous.max(at);
        let earlier: Vec<&Step> = steps[..index].iter().map(|(_, step)| *step).collect();
        match step {
            Step::Push(push) => check_push(findings, path, &push.push, &earlier),
            Step::Fault(step) => {
                faults::check(findings, &path.with("fault"), scenario, &step.fault);
                faults::check_sequence(findings, &path.with("fault"), &step.fault, &earlier);
            }
        }
    }
}

fn check_push(findings: &mut Findings<'_>, path: &Path, push: &str, earlier: &[&Step]) {
    let is_same = |step: &&Step| step.as_push().is_some_and(|earlier| earlier.push == push);
    if earlier.iter().any(is_same) {
        let message = format!("`{push}` is pushed twice");
        let help = "checks name pushes by their files: give the second push a file of its own".to_owned();
        findings
            .value(&path.with("push"), message, "pushed before")
            .help(help);
    }
}
