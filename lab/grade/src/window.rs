//! Parts of a run: before a push, and after it.

use hallway_evidence::{ClientRecord, Push, PushOutcome};
use hallway_scenario::check::Window;

use crate::verdict::NoEvidence;

/// The time between two changes of the rules. The time from a push until the last proxy has it in force belongs to none.
pub(crate) struct Interval {
    from_us: u64,
    until_us: u64,
}

impl Interval {
    /// The interval that `window` stands for; without one, the whole run.
    ///
    /// Before a push: from when the push before it was in force everywhere. After a push: until the next one was sent.
    /// Refused pushes change nothing, and so do not count.
    pub(crate) fn of(window: Option<&Window>, pushes: &[Push]) -> Result<Self, NoEvidence> {
        match window {
            None => Ok(Self {
                from_us: 0,
                until_us: u64::MAX,
            }),
            Some(Window::Before(rules)) => {
                let index = position(rules, pushes)?;
                let previous = pushes[..index].iter().rev().find(|push| is_accepted(push));
                let from_us = previous.map_or(Ok(0), settled)?;
                Ok(Self {
                    from_us,
                    until_us: pushes[index].sent_us,
                })
            }
            Some(Window::After(rules)) => {
                let index = position(rules, pushes)?;
                if !is_accepted(&pushes[index]) {
                    return NoEvidence::because(format!("{rules} was refused by the control plane"));
                }
                Ok(Self {
                    from_us: settled(&pushes[index])?,
                    until_us: next_change(index, pushes),
                })
            }
        }
    }

    /// Whether the request began and ended in it.
    pub(crate) fn holds(&self, request: &ClientRecord) -> bool {
        request.started_us >= self.from_us && request.finished_us < self.until_us
    }
}

/// `, before rules.half.yaml`; nothing without a window.
pub(crate) fn words(window: Option<&Window>) -> String {
    match window {
        None => String::new(),
        Some(Window::Before(rules)) => format!(", before {rules}"),
        Some(Window::After(rules)) => format!(", after {rules}"),
    }
}

/// The last push of a file, since the file that is in force at the start may be pushed again.
pub(crate) fn position(rules: &str, pushes: &[Push]) -> Result<usize, NoEvidence> {
    let position = pushes.iter().rposition(|push| push.rules == rules);
    position.ok_or_else(|| NoEvidence(format!("{rules} was never pushed")))
}

/// When the rules were changed after the push at `index`; [`u64::MAX`] when they were not.
pub(crate) fn next_change(index: usize, pushes: &[Push]) -> u64 {
    pushes[index + 1..]
        .iter()
        .find(|push| is_accepted(push))
        .map_or(u64::MAX, |push| push.sent_us)
}

fn is_accepted(push: &Push) -> bool {
    matches!(push.outcome, PushOutcome::Accepted { .. })
}

fn settled(push: &Push) -> Result<u64, NoEvidence> {
    push.settled_us
        .ok_or_else(|| NoEvidence(format!("{} was never in force everywhere", push.rules)))
}
