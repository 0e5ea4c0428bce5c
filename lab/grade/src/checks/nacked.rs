//! `nacked`: the control plane accepted a push, and every sidecar of a service refused the version that carried it, for
//! the stated reason, and kept what it had. Four records must agree: the sidecar's own, the control plane's of the answer,
//! and in its status the refusal and the version acknowledged, which is still an earlier one.

use hallway_scenario::check::Nacked;

use super::Judge;
use super::propagation::{answer, generation_of, version_sent};
use crate::evidence::Evidence;
use crate::verdict::{Finding, NoEvidence};
use crate::window;

impl Judge for Nacked {
    fn expected(&self) -> String {
        format!(
            "{} refused by {} because of `{}`, which keeps what it had",
            self.push, self.by, self.because
        )
    }

    fn witness(&self) -> String {
        format!("the sidecars of {} and the control plane's status", self.by)
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Result<Finding, NoEvidence> {
        let pushes = &evidence.observations.pushes;
        let index = window::position(&self.push, pushes)?;
        if generation_of(&pushes[index]).is_none() {
            return Ok(Finding {
                saw: "refused by the control plane".to_owned(),
                ..Finding::default()
            });
        }
        let mut seen = Vec::new();
        let mut held = true;
        for proxy in evidence.sidecars(&self.by)? {
            match at_sidecar(self, proxy, index, evidence) {
                Ok(words) => seen.push(words),
                Err(words) => {
                    held = false;
                    seen.push(words);
                }
            }
        }
        Ok(Finding {
            held,
            saw: seen.join(", "),
            ..Finding::default()
        })
    }
}

/// What became of the push at one sidecar.
fn at_sidecar(check: &Nacked, proxy: &str, index: usize, evidence: &Evidence<'_>) -> Result<String, String> {
    let push = &evidence.observations.pushes[index];
    let version = version_sent(proxy, index, evidence).ok_or_else(|| format!("never sent to {proxy}"))?;
    let configurations = evidence.observations.telemetry.configurations.iter();
    let mut own = configurations.filter(|record| record.proxy == proxy && record.version == version);
    let record = own.next().ok_or_else(|| format!("{proxy} has no record of it"))?;
    let Some(reason) = &record.refused else {
        return Err(format!("put in force by {proxy}"));
    };
    if !reason.contains(&check.because) {
        return Err(format!("refused by {proxy} for another reason: {reason}"));
    }
    if !matches!(answer(proxy, version, evidence), Some((_, Some(_)))) {
        return Err(format!(
            "refused by {proxy}, but the control plane has no record of it"
        ));
    }
    let state = push.proxies.iter().find(|state| state.proxy == proxy);
    let state = state.ok_or_else(|| format!("the status does not know {proxy}"))?;
    if !state
        .refused
        .as_ref()
        .is_some_and(|reason| reason.contains(&check.because))
    {
        return Err(format!("refused by {proxy}, but the status does not say so"));
    }
    if state.acknowledged >= version || Some(state.generation) >= generation_of(push) {
        return Err(format!(
            "refused by {proxy}, but the status has it as acknowledged"
        ));
    }
    Ok(format!("refused by {proxy}: {reason}"))
}
