//! What the links between machines are like, at first and after faults.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use hallway_scenario::Network;
use hallway_simulator::{Link, Machine};

use crate::faults::LinkChange;

/// The links between the machines of one run.
#[derive(Clone)]
pub(crate) struct Links {
    pub(super) network: hallway_simulator::Network,
    pub(super) machines: BTreeMap<String, Machine>,
    /// What a link is like when nothing befalls it.
    pub(super) usual: Link,
}

impl Links {
    /// Changes one direction between two machines.
    pub(crate) fn change(&self, from: &str, to: &str, change: LinkChange) {
        let (from, to) = (&self.machines[from], &self.machines[to]);
        let link = self.network.link(from, to);
        match change {
            LinkChange::Delay(by) => {
                let latency = self.usual.latency + by;
                self.network.set_link(from, to, Link { latency, ..link });
            }
            LinkChange::Bandwidth(limit) => {
                let bandwidth = NonZeroU64::new(limit);
                self.network.set_link(from, to, Link { bandwidth, ..link });
            }
            LinkChange::Loss(loss) => self.network.set_link(from, to, Link { loss, ..link }),
            LinkChange::Cut => self.network.cut(from, to),
            LinkChange::Heal => {
                self.network.set_link(from, to, self.usual);
                self.network.heal(from, to);
            }
        }
    }

    /// Breaks all open connections between two machines.
    pub(crate) fn reset(&self, one: &str, other: &str) {
        self.network.reset(&self.machines[one], &self.machines[other]);
    }
}

/// What `network` amounts to: a data centre, where it does not say.
pub(crate) fn link(network: &Network) -> Link {
    let usual = Link::DATACENTRE;
    let rate = |rate: hallway_scenario::quantity::ByteRate| NonZeroU64::new(rate.bytes_per_second());
    Link {
        latency: network.latency.map_or(usual.latency, |latency| latency.to_std()),
        jitter: network.jitter.map_or(usual.jitter, |jitter| jitter.to_std()),
        bandwidth: network.bandwidth.and_then(rate),
        loss: network.loss.map_or(usual.loss, |loss| loss.probability()),
    }
}
