//! `propagation`: how long after a push the last sidecar had it in force.
//!
//! A sidecar has it in force when the control plane recorded its ACK of the version that carries the rules, and the
//! sidecar itself recorded that version as in force; the later of the two counts. A sidecar that was sent nothing, since
//! the push changed nothing for it, has it when the control plane's status says so.

use hallway_evidence::{Push, PushOutcome};
use hallway_model::telemetry::ControlRecord;
use hallway_scenario::check::Propagation;

use super::Judge;
use crate::evidence::Evidence;
use crate::text;
use crate::verdict::{Finding, NoEvidence};
use crate::window;

impl Judge for Propagation {
    fn expected(&self) -> String {
        let whom = match self.acknowledged_by.as_str() {
            "all" => "all sidecars",
            service => service,
        };
        format!("{} in force at {whom} within {}", self.push, self.within)
    }

    fn witness(&self) -> String {
        "the control plane and the sidecars".to_owned()
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Result<Finding, NoEvidence> {
        let pushes = &evidence.observations.pushes;
        let index = window::position(&self.push, pushes)?;
        let push = &pushes[index];
        if !matches!(push.outcome, PushOutcome::Accepted { .. }) {
            return Ok(red("refused by the control plane".to_owned()));
        }
        let mut slowest = (0, "");
        for proxy in evidence.sidecars(&self.acknowledged_by)? {
            match in_force(proxy, index, evidence) {
                Err(reason) => return Ok(red(reason)),
                Ok(at_us) => slowest = slowest.max((at_us.saturating_sub(push.sent_us), proxy)),
            }
        }
        let saw = format!(
            "in force after {}, last at {}",
            text::duration(slowest.0),
            slowest.1
        );
        let held = u128::from(slowest.0) <= self.within.to_std().as_micros();
        Ok(Finding {
            held,
            saw,
            ..Finding::default()
        })
    }
}

fn red(saw: String) -> Finding {
    Finding {
        saw,
        ..Finding::default()
    }
}

/// When a sidecar had the push at `index` in force, or why it did not.
fn in_force(proxy: &str, index: usize, evidence: &Evidence<'_>) -> Result<u64, String> {
    let push = &evidence.observations.pushes[index];
    let Some(version) = version_sent(proxy, index, evidence) else {
        let state = push.proxies.iter().find(|state| state.proxy == proxy);
        let has_it = state.is_some_and(|state| Some(state.generation) >= generation_of(push));
        return if has_it {
            Ok(push.answered_us)
        } else {
            Err(format!("never sent to {proxy}"))
        };
    };
    let acknowledged_us = match answer(proxy, version, evidence) {
        Some((at_us, None)) => at_us,
        Some((_, Some(reason))) => return Err(format!("refused by {proxy}: {reason}")),
        None => return Err(format!("never acknowledged by {proxy}")),
    };
    let configurations = evidence.observations.telemetry.configurations.iter();
    let mut own = configurations.filter(|record| record.proxy == proxy && record.version == version);
    match own.find(|record| record.refused.is_none()) {
        Some(record) => Ok(acknowledged_us.max(record.at_us)),
        None => Err(format!("acknowledged by {proxy}, which has no record of it")),
    }
}

/// The generation of the rules that a push began; none if it was refused.
pub(crate) fn generation_of(push: &Push) -> Option<u64> {
    match push.outcome {
        PushOutcome::Accepted { generation } => Some(generation),
        PushOutcome::Refused { .. } => None,
    }
}

/// The version that brought a proxy the push at `index`, before the next push that was accepted.
pub(crate) fn version_sent(proxy: &str, index: usize, evidence: &Evidence<'_>) -> Option<u64> {
    let pushes = &evidence.observations.pushes;
    let generation = generation_of(&pushes[index])?;
    let time = pushes[index].sent_us..window::next_change(index, pushes);
    evidence
        .observations
        .control
        .iter()
        .find_map(|record| match record {
            ControlRecord::Sent {
                at_us,
                proxy: to,
                version,
                generation: carried,
            } => (to == proxy && time.contains(at_us) && *carried >= generation).then_some(*version),
            _ => None,
        })
}

/// The answer of a proxy to a version: when, and the reason of a NACK.
pub(crate) fn answer<'a>(
    proxy: &str,
    version: u64,
    evidence: &Evidence<'a>,
) -> Option<(u64, Option<&'a str>)> {
    evidence
        .observations
        .control
        .iter()
        .find_map(|record| match record {
            ControlRecord::Answered {
                at_us,
                proxy: from,
                version: answered,
                refused,
            } => (from == proxy && *answered == version).then_some((*at_us, refused.as_deref())),
            _ => None,
        })
}
