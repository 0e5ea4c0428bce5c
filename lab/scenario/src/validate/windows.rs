//! Parts of a run between two times.

use hallway_config::GatewayDuration;
use hallway_yaml::Path;

use crate::check::{Recovers, TimeWindow};
use crate::findings::Findings;
use crate::{Scenario, Step, Traffic};

/// Checks that there is something between the times of a window, written at `path`: time, and requests of its traffic.
pub(super) fn check_times(
    findings: &mut Findings<'_>,
    path: &Path,
    traffic: Option<&Traffic>,
    window: &TimeWindow,
) {
    let from = window.from.unwrap_or_default();
    match window.until {
        None if window.from.is_none() => {
            findings
                .key(path, "the window has no bounds", "needs `from`, `until` or both")
                .help("remove it to mean the whole run".to_owned());
            return;
        }
        Some(until) if until <= from => {
            let message = format!("nothing is from {from} until {until}");
            findings.value(&path.with("until"), message, "expected a later time");
            return;
        }
        _ => {}
    }
    let Some(traffic) = traffic else { return };
    let before = |time: GatewayDuration| traffic.requests_before(time.to_std());
    let until = window.until.map_or(traffic.requests(), before);
    if until <= before(from) {
        findings
            .key(path, "the traffic has no request in this window", "no evidence")
            .help("move the window to where the traffic flows".to_owned());
    }
}

/// Checks that a recovery, written at `path`, begins with a fault of the timeline, and ends while there is traffic.
pub(super) fn check_recovery(
    findings: &mut Findings<'_>,
    path: &Path,
    scenario: &Scenario,
    recovers: &Recovers,
) {
    let faults = || scenario.timeline.iter().filter_map(Step::as_fault);
    if !faults().any(|step| step.at == recovers.after) {
        let message = format!("the timeline has no fault at {}", recovers.after);
        let times: Vec<String> = faults().map(|step| step.at.to_string()).collect();
        let label = match times.is_empty() {
            true => "the timeline has no faults".to_owned(),
            false => format!(
                "expected {}",
                hallway_yaml::suggest::one_of(times.iter().map(String::as_str))
            ),
        };
        findings.value(&path.with("after"), message, label);
    }
    let Some(traffic) = scenario.traffic.get(&recovers.traffic) else {
        return;
    };
    if recovers.after.to_std() + recovers.within.to_std() >= traffic.end() {
        let message = format!("`{}` has ended by then", recovers.traffic);
        findings
            .value(&path.with("within"), message, "nothing would show the recovery")
            .help("let the traffic flow for longer, or end the fault earlier".to_owned());
    }
}
