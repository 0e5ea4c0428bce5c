//! What happens while traffic flows.

use std::time::Duration;

use hallway_yaml::Path;

use super::findings::Findings;
use crate::{Scenario, Traffic};

/// Checks the timeline.
pub(super) fn check(findings: &mut Findings<'_>, scenario: &Scenario) {
    let end = scenario
        .traffic
        .values()
        .map(Traffic::end)
        .max()
        .unwrap_or_default();
    let mut previous = Duration::ZERO;
    for (index, step) in scenario.timeline.iter().enumerate() {
        let path = Path::keys(["timeline"]).with(index);
        let at = step.at.to_std();
        if at < previous {
            let message = "the steps are not in the order of time";
            findings
                .value(&path.with("at"), message, "earlier than the step before")
                .help("sort the steps by `at`".to_owned());
        } else if at >= end {
            let message = format!("all traffic has ended at {}", step.at);
            let help = "let the traffic flow for longer, or make the step earlier";
            findings
                .value(&path.with("at"), message, "nothing would notice this step")
                .help(help.to_owned());
        }
        previous = previous.max(at);
        if scenario.timeline[..index]
            .iter()
            .any(|earlier| earlier.push == step.push)
        {
            let message = format!("`{}` is pushed twice", step.push);
            let help = "checks name pushes by their files: give the second push a file of its own".to_owned();
            findings
                .value(&path.with("push"), message, "pushed before")
                .help(help);
        }
    }
}
