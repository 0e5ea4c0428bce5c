//! Parts of a run: before a push, after it, and between two times.

use std::time::Duration;

use hallway_evidence::{ClientRecord, Observations, Push, PushOutcome};
use hallway_scenario::check::{PushWindow, TimeWindow, Window};

use crate::verdict::NoEvidence;

/// The time between two moments. The time from a push until the last proxy has it in force belongs to no window of a push.
pub(crate) struct Interval {
    from_us: u64,
    until_us: u64,
    belonging: Belonging,
}

/// Which requests belong to an interval.
enum Belonging {
    /// Those that began and ended in it: one kind of rules served them.
    Whole,
    /// Those that should have started in it, however long they took: a fault must not choose its own witnesses.
    Intended,
}

impl Interval {
    /// The interval that `window` stands for; without one, the whole run.
    ///
    /// Before a push: from when the push before it was in force everywhere. After a push: until the next one was sent.
    /// Refused pushes change nothing, and so do not count.
    pub(crate) fn of(window: Option<&Window>, observations: &Observations) -> Result<Self, NoEvidence> {
        let pushes = &observations.pushes;
        match window {
            None => Ok(Self::whole(0, u64::MAX)),
            Some(Window::Push(PushWindow::Before(rules))) => {
                let index = position(rules, pushes)?;
                let previous = pushes[..index].iter().rev().find(|push| is_accepted(push));
                Ok(Self::whole(
                    previous.map_or(Ok(0), settled)?,
                    pushes[index].sent_us,
                ))
            }
            Some(Window::Push(PushWindow::After(rules))) => {
                let index = position(rules, pushes)?;
                if !is_accepted(&pushes[index]) {
                    return NoEvidence::because(format!("{rules} was refused by the control plane"));
                }
                Ok(Self::whole(settled(&pushes[index])?, next_change(index, pushes)))
            }
            Some(Window::Time(window)) => Ok(Self::between(window, observations.run.started_us)),
        }
    }

    fn whole(from_us: u64, until_us: u64) -> Self {
        Self {
            from_us,
            until_us,
            belonging: Belonging::Whole,
        }
    }

    fn between(window: &TimeWindow, started_us: u64) -> Self {
        Self {
            from_us: window.from.map_or(0, |from| moment(started_us, from.to_std())),
            until_us: window
                .until
                .map_or(u64::MAX, |until| moment(started_us, until.to_std())),
            belonging: Belonging::Intended,
        }
    }

    /// Whether the request belongs to it.
    pub(crate) fn holds(&self, request: &ClientRecord) -> bool {
        match self.belonging {
            Belonging::Whole => request.started_us >= self.from_us && request.finished_us < self.until_us,
            Belonging::Intended => (self.from_us..self.until_us).contains(&request.intended_us),
        }
    }
}

/// A time counted from the start of the traffic, as time of day.
pub(crate) fn moment(started_us: u64, offset: Duration) -> u64 {
    started_us.saturating_add(u64::try_from(offset.as_micros()).unwrap_or(u64::MAX))
}

/// `, before rules.half.yaml`, `, from 30m until 1h`; nothing without a window.
pub(crate) fn words(window: Option<&Window>) -> String {
    match window {
        None => String::new(),
        Some(Window::Push(PushWindow::Before(rules))) => format!(", before {rules}"),
        Some(Window::Push(PushWindow::After(rules))) => format!(", after {rules}"),
        Some(Window::Time(TimeWindow { from, until })) => {
            let from = from.map(|from| format!(" from {from}")).unwrap_or_default();
            let until = until.map(|until| format!(" until {until}")).unwrap_or_default();
            format!(",{from}{until}")
        }
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
