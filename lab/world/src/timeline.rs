//! Pushes of rules: the first one, and those of the timeline while traffic flows.

use std::path::Path;
use std::time::Duration;

use hallway_control::api::{ProxyStatus, Status};
use hallway_evidence::{ProxyState, Push, PushOutcome};
use hallway_scenario::{PushStep, Step};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::clock::Clock;
use crate::control_client::ControlClient;
use crate::error::WorldError;

/// How often the control plane is asked how far a push has come.
const POLL: Duration = Duration::from_millis(5);

/// How long the last push of a timeline is followed.
const SETTLES_WITHIN: Duration = Duration::from_secs(10);

/// Pushes rules, and follows them until every sidecar has answered.
pub(crate) struct Timeline<'a> {
    pub(crate) control: &'a ControlClient,
    pub(crate) clock: Clock,
    /// Where the rule files are.
    pub(crate) directory: &'a Path,
    /// The sidecars that must answer, by workload.
    pub(crate) sidecars: Vec<String>,
}

impl Timeline<'_> {
    /// Pushes the rules that are in force before any traffic, and waits until every sidecar has them.
    ///
    /// # Errors
    /// [`WorldError::RulesRefused`], [`WorldError::NotReady`], and those of reading files and asking the control plane.
    pub(crate) async fn initial_push(&self, rules: &str) -> Result<Push, WorldError> {
        let deadline = Instant::now() + SETTLES_WITHIN;
        let push = self.push(rules, true, deadline).await?;
        if let PushOutcome::Refused { problems } = push.outcome {
            return Err(WorldError::RulesRefused(problems));
        }
        let waiting = push.proxies.iter().filter(|proxy| !is_in_force(proxy));
        let waiting: Vec<String> = waiting.map(waits_for).collect();
        if push.settled_us.is_some() && waiting.is_empty() {
            return Ok(push);
        }
        Err(WorldError::NotReady {
            who: "the mesh".to_owned(),
            seconds: SETTLES_WITHIN.as_secs(),
            waiting_for: waiting.join(", "),
        })
    }

    /// Makes all pushes of `steps`, each at its time counted from `start`. Each is followed until every sidecar has answered
    /// it, or the next one is due.
    ///
    /// # Errors
    /// Those of reading files and asking the control plane.
    pub(crate) async fn run(&self, steps: &[Step], start: Instant) -> Result<Vec<Push>, WorldError> {
        let mut steps: Vec<&PushStep> = steps.iter().filter_map(Step::as_push).collect();
        steps.sort_by_key(|step| step.at.to_std());
        let mut pushes = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            let due = start + step.at.to_std();
            sleep_until(due).await;
            let next = steps.get(index + 1).map(|next| start + next.at.to_std());
            let until = next.unwrap_or_else(|| Instant::now() + SETTLES_WITHIN);
            pushes.push(self.push(&step.push, false, until).await?);
        }
        Ok(pushes)
    }

    async fn push(&self, rules: &str, initial: bool, until: Instant) -> Result<Push, WorldError> {
        let text = self.read(rules)?;
        let sent_us = self.clock.now_us();
        let outcome = self.control.put_rules(rules, text).await?;
        let answered_us = self.clock.now_us();
        let settled = match outcome {
            PushOutcome::Accepted { .. } => timeout_at(until, self.settled()).await.ok().transpose()?,
            PushOutcome::Refused { .. } => None,
        };
        let (settled_us, status) = match settled {
            Some((at_us, status)) => (Some(at_us), status),
            None => (None, self.control.status().await?),
        };
        let refusal = status.rules.last_refusal.as_ref();
        Ok(Push {
            rules: rules.to_owned(),
            initial,
            sent_us,
            answered_us,
            outcome,
            settled_us,
            status_problems: refusal
                .map(|last| last.refused.problems.clone())
                .unwrap_or_default(),
            proxies: self.states(&status),
        })
    }

    fn read(&self, rules: &str) -> Result<String, WorldError> {
        let path = self.directory.join(rules);
        std::fs::read_to_string(&path).map_err(|source| WorldError::Rules { path, source })
    }

    /// Waits until every sidecar has put in force, or refused, what the control plane wants it to have.
    async fn settled(&self) -> Result<(u64, Status), WorldError> {
        loop {
            let status = self.control.status().await?;
            let answered = |name: &String| status.proxies.get(name).is_some_and(has_answered);
            if self.sidecars.iter().all(answered) {
                return Ok((self.clock.now_us(), status));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn states(&self, status: &Status) -> Vec<ProxyState> {
        let known = self
            .sidecars
            .iter()
            .filter_map(|name| status.proxies.get_key_value(name));
        known.map(|(name, proxy)| state(name, proxy)).collect()
    }
}

fn has_answered(proxy: &ProxyStatus) -> bool {
    let refused = proxy.last_refusal.as_ref().map(|refusal| refusal.version);
    let wanted = proxy.version_wanted;
    wanted > 0 && (proxy.version_acknowledged == wanted || refused == Some(wanted))
}

fn state(name: &str, proxy: &ProxyStatus) -> ProxyState {
    let last = proxy.last_refusal.as_ref();
    let newer = last.filter(|refusal| refusal.version > proxy.version_acknowledged);
    ProxyState {
        proxy: name.to_owned(),
        wanted: proxy.version_wanted,
        acknowledged: proxy.version_acknowledged,
        generation: proxy.generation_in_force.unwrap_or(0),
        refused: newer.map(|refusal| refusal.reason.clone()),
        certificate_expires_us: proxy.certificate_expires_us,
    }
}

fn is_in_force(proxy: &ProxyState) -> bool {
    proxy.wanted > 0 && proxy.acknowledged == proxy.wanted
}

fn waits_for(proxy: &ProxyState) -> String {
    match &proxy.refused {
        Some(reason) => format!("{} refused its configuration ({reason})", proxy.proxy),
        None => format!(
            "{} has version {} of {}",
            proxy.proxy, proxy.acknowledged, proxy.wanted
        ),
    }
}

#[cfg(test)]
mod tests;
