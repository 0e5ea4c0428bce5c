//! What the network will do, and when.

use std::collections::BTreeMap;

use crate::connection::EndId;

/// Something that will happen by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Due {
    /// The first segments on their way to this end arrive.
    Arrival(EndId),
    /// This end has waited long enough for its connection.
    ConnectTimeout(EndId),
    /// What has been held back on its way to this end since that moment is given up by its sender.
    GiveUp { to: EndId, since: u64 },
}

/// When something is due, in nanoseconds, and its place among those that are due at the same moment.
pub(crate) type Ticket = (u64, u64);

/// What is due, in order. What is due at the same moment comes in the order in which it was added.
#[derive(Default)]
pub(crate) struct Queue {
    entries: BTreeMap<Ticket, Due>,
    added: u64,
}

impl Queue {
    pub(crate) fn add(&mut self, at: u64, due: Due) -> Ticket {
        self.added += 1;
        let ticket = (at, self.added);
        self.entries.insert(ticket, due);
        ticket
    }

    pub(crate) fn remove(&mut self, ticket: Ticket) {
        self.entries.remove(&ticket);
    }

    pub(crate) fn next(&self) -> Option<u64> {
        self.entries.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes out the first entry, if it is due by `now`.
    pub(crate) fn pop(&mut self, now: u64) -> Option<Due> {
        let first = self.entries.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}
