//! The timeline: pushes of rules, the first one too, and faults, while traffic flows.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use hallway_control::api::{ProxyStatus, RuleFile, Status};
use hallway_evidence::{ProxyState, Push, PushOutcome};
use hallway_scenario::{Files, Step, Topology};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use crate::clock::Clock;
use crate::control_client::ControlClient;
use crate::error::WorldError;
use crate::faults::{self, Faults};

/// How often the control plane is asked how far a push has come, at first; later, after every hundredth of the time that it has taken.
const POLL: Duration = Duration::from_millis(5);

/// How long the control plane may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// How long the last push of a timeline is followed.
const SETTLES_WITHIN: Duration = Duration::from_secs(10);

/// Makes a timeline happen, and follows every push until all sidecars have answered.
pub(crate) struct Timeline<'a> {
    control: Arc<ControlClient>,
    clock: Clock,
    /// Where the rule files are.
    files: &'a Files,
    topology: &'a Topology,
    /// The sidecars that must answer, by workload.
    sidecars: Vec<String>,
    /// The rules that the control plane accepted last.
    in_force: Mutex<Option<RuleFile>>,
}

/// A push that the control plane has answered, and that sidecars may still have to answer.
struct Sent {
    rules: String,
    initial: bool,
    sent_us: u64,
    answered_us: u64,
    outcome: PushOutcome,
    /// How long the sidecars' answers are awaited.
    until: Instant,
}

impl<'a> Timeline<'a> {
    /// `sidecars` are those that must answer a push, by workload.
    pub(crate) fn new(
        control: Arc<ControlClient>,
        clock: Clock,
        files: &'a Files,
        topology: &'a Topology,
        sidecars: Vec<String>,
    ) -> Self {
        Self {
            control,
            clock,
            files,
            topology,
            sidecars,
            in_force: Mutex::default(),
        }
    }

    /// Pushes the rules that are in force before any traffic, and waits until every sidecar has them.
    ///
    /// # Errors
    /// [`WorldError::RulesRefused`], [`WorldError::NotReady`], and those of reading files and asking the control plane.
    pub(crate) async fn initial_push(&self, rules: &str) -> Result<Push, WorldError> {
        let sent = self.send(rules, true, Instant::now() + SETTLES_WITHIN).await?;
        in_force_everywhere(self.follow(sent).await)
    }

    /// Waits until the sidecar of `workload`, which has joined the mesh since, has what is in force since the first `push`, and all others what is
    /// new with it.
    ///
    /// # Errors
    /// [`WorldError::NotReady`].
    pub(crate) async fn joined(&mut self, push: Push, workload: &str) -> Result<Push, WorldError> {
        self.sidecars.push(workload.to_owned());
        let (settled_us, status) = self.settled_before(Instant::now() + SETTLES_WITHIN).await;
        in_force_everywhere(Push {
            settled_us,
            proxies: status.map(|status| self.states(&status)).unwrap_or_default(),
            ..push
        })
    }

    /// Pushes rules, and waits until every sidecar has answered, or for some seconds.
    ///
    /// # Errors
    /// Those of reading files and asking the control plane.
    pub(crate) async fn push(&self, rules: &str) -> Result<Push, WorldError> {
        let sent = self.send(rules, false, Instant::now() + SETTLES_WITHIN).await?;
        Ok(self.follow(sent).await)
    }

    /// Takes all `steps`, each at its time counted from `start`; those of the same time in the order of the file. A push is
    /// followed until every sidecar has answered it, or the next push is due; faults happen meanwhile.
    ///
    /// # Errors
    /// Those of reading files, of asking the control plane, and of the faults.
    pub(crate) async fn run(
        &self,
        steps: &[Step],
        start: Instant,
        faults: &mut impl Faults,
    ) -> Result<Vec<Push>, WorldError> {
        let mut steps: Vec<&Step> = steps.iter().collect();
        steps.sort_by_key(|step| step.at().to_std());
        let (sent, to_follow) = mpsc::unbounded_channel();
        let taken = self.take(&steps, start, faults, sent);
        let ((), pushes) = tokio::try_join!(taken, self.follow_all(to_follow))?;
        Ok(pushes)
    }

    async fn take(
        &self,
        steps: &[&Step],
        start: Instant,
        faults: &mut impl Faults,
        sent: mpsc::UnboundedSender<Sent>,
    ) -> Result<(), WorldError> {
        for (index, step) in steps.iter().enumerate() {
            sleep_until(start + step.at().to_std()).await;
            match step {
                Step::Push(push) => {
                    let mut later = steps[index + 1..].iter().filter(|step| step.as_push().is_some());
                    let next = later.next().map(|next| start + next.at().to_std());
                    let until = next.unwrap_or_else(|| Instant::now() + SETTLES_WITHIN);
                    let push = self.send(&push.push, false, until).await?;
                    // Whoever follows the pushes does so to the end.
                    let _ = sent.send(push);
                }
                Step::Fault(step) => {
                    let rules = self.in_force().clone();
                    faults::befall(faults, self.topology, &step.fault, rules.as_ref()).await?;
                }
            }
        }
        Ok(())
    }

    async fn follow_all(&self, mut sent: mpsc::UnboundedReceiver<Sent>) -> Result<Vec<Push>, WorldError> {
        let mut pushes = Vec::new();
        while let Some(push) = sent.recv().await {
            pushes.push(self.follow(push).await);
        }
        Ok(pushes)
    }

    /// Sends rules to the control plane, and waits for its answer.
    async fn send(&self, rules: &str, initial: bool, until: Instant) -> Result<Sent, WorldError> {
        let text = self.read(rules)?;
        let sent_us = self.clock.now_us();
        let outcome = timeout(ANSWERS_WITHIN, self.control.put_rules(rules, text.clone()))
            .await
            .unwrap_or_else(|_| Err(silence(rules)))?;
        if matches!(outcome, PushOutcome::Accepted { .. }) {
            let name = rules.to_owned();
            *self.in_force() = Some(RuleFile { name, text });
        }
        Ok(Sent {
            rules: rules.to_owned(),
            initial,
            sent_us,
            answered_us: self.clock.now_us(),
            outcome,
            until,
        })
    }

    /// Follows a push until every sidecar has answered it, or its time is up.
    async fn follow(&self, sent: Sent) -> Push {
        let (settled_us, status) = match sent.outcome {
            PushOutcome::Accepted { .. } => self.settled_before(sent.until).await,
            PushOutcome::Refused { .. } => (None, self.status().await),
        };
        let refusal = status
            .as_ref()
            .and_then(|status| status.rules.last_refusal.as_ref());
        Push {
            rules: sent.rules,
            initial: sent.initial,
            sent_us: sent.sent_us,
            answered_us: sent.answered_us,
            outcome: sent.outcome,
            settled_us,
            status_problems: refusal
                .map(|last| last.refused.problems.clone())
                .unwrap_or_default(),
            proxies: status.map(|status| self.states(&status)).unwrap_or_default(),
        }
    }

    fn read(&self, rules: &str) -> Result<String, WorldError> {
        let path = self.files.path(rules);
        std::fs::read_to_string(&path).map_err(|source| WorldError::Rules { path, source })
    }

    /// When every sidecar had answered, if it was before `end`, and how the mesh is then.
    async fn settled_before(&self, end: Instant) -> (Option<u64>, Option<Status>) {
        match timeout_at(end, self.settled()).await {
            Ok((at_us, status)) => (Some(at_us), Some(status)),
            Err(_) => (None, self.status().await),
        }
    }

    /// Waits until every sidecar has put in force, or refused, what the control plane wants it to have.
    async fn settled(&self) -> (u64, Status) {
        let start = Instant::now();
        loop {
            if let Some(status) = self.status().await {
                let answered = |name: &String| status.proxies.get(name).is_some_and(has_answered);
                if self.sidecars.iter().all(answered) {
                    return (self.clock.now_us(), status);
                }
            }
            sleep(POLL.max(start.elapsed() / 100)).await;
        }
    }

    /// How the mesh is; nothing while the control plane is not there to say so, which may be what the timeline wants.
    async fn status(&self) -> Option<Status> {
        timeout(ANSWERS_WITHIN, self.control.status()).await.ok()?.ok()
    }

    fn in_force(&self) -> MutexGuard<'_, Option<RuleFile>> {
        self.in_force.lock().expect("taking a note does not panic")
    }

    fn states(&self, status: &Status) -> Vec<ProxyState> {
        let known = self
            .sidecars
            .iter()
            .filter_map(|name| status.proxies.get_key_value(name));
        known.map(|(name, proxy)| state(name, proxy)).collect()
    }
}

/// `push`, provided that every sidecar has it.
fn in_force_everywhere(push: Push) -> Result<Push, WorldError> {
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

fn silence(rules: &str) -> WorldError {
    WorldError::ControlPlane {
        what: format!("take the rules {rules}"),
        reason: format!("it did not answer within {} s", ANSWERS_WITHIN.as_secs()),
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
