//! How the machines are connected, and what can go wrong there.

use std::fmt;
use std::sync::Arc;

use crate::link::Link;
use crate::machine::Machine;
use crate::state::Shared;
use crate::trace::{Happening, Name, Segment};

/// The network between the machines, and inside each of them. Directions are independent. Cheap to clone.
#[derive(Clone)]
pub struct Network {
    shared: Arc<Shared>,
}

impl Network {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// What the direction from one machine to another is like; from a machine to itself, what its local connections are like.
    pub fn link(&self, from: &Machine, to: &Machine) -> Link {
        self.shared.with(|state| state.wire(from.id, to.id).link)
    }

    /// Changes a direction, for segments that are sent from now on.
    pub fn set_link(&self, from: &Machine, to: &Machine, link: Link) {
        self.shared.with(|state| state.wire(from.id, to.id).link = link);
    }

    /// Holds back everything that would arrive in this direction from now on. Connections stay; a sender whose segment stays held
    /// gives up after 15.4 minutes, and one that connects after 127 seconds, as Linux does. Cut both directions for a partition.
    pub fn cut(&self, from: &Machine, to: &Machine) {
        let (from_name, to_name) = names(from, to);
        self.shared.with(|state| {
            state.happen(Happening::Cut {
                from: from_name,
                to: to_name,
            });
            state.cut(from.id, to.id);
        });
    }

    /// Lets everything pass again: what was held back arrives after the latency of the link, in order.
    pub fn heal(&self, from: &Machine, to: &Machine) {
        let (from_name, to_name) = names(from, to);
        self.shared.with(|state| {
            state.happen(Happening::Healed {
                from: from_name,
                to: to_name,
            });
            state.heal(from.id, to.id);
        });
    }

    /// Breaks all connections between two machines, in both directions, as a middlebox does that sends a reset to both ends.
    pub fn reset(&self, one: &Machine, other: &Machine) {
        let (one_name, other_name) = names(one, other);
        self.shared.with(|state| {
            state.happen(Happening::Reset {
                one: one_name,
                other: other_name,
            });
            state.reset(one.id, other.id);
        });
    }

    /// Shows every segment that is sent to `watcher`, which must not call into the simulation.
    pub fn on_segment(&self, watcher: impl FnMut(&Segment<'_>) + Send + 'static) {
        self.shared
            .with(|state| state.trace.watch_segments(Box::new(watcher)));
    }
}

fn names(from: &Machine, to: &Machine) -> (Name, Name) {
    (from.name().into(), to.name().into())
}

impl fmt::Debug for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Network")
    }
}
