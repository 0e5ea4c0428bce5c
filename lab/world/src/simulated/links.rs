//! What a scenario's network amounts to in the simulator.

use std::num::NonZeroU64;

use hallway_scenario::Network;
use hallway_scenario::quantity::ByteRate;
use hallway_simulator::Link;

/// What the links between machines are like: those of a data centre where `network` does not say.
pub(crate) fn link(network: &Network) -> Link {
    let usual = Link::DATACENTRE;
    Link {
        latency: network.latency.map_or(usual.latency, |latency| latency.to_std()),
        jitter: network.jitter.map_or(usual.jitter, |jitter| jitter.to_std()),
        bandwidth: network.bandwidth.and_then(bandwidth),
        loss: network.loss.map_or(usual.loss, |loss| loss.probability()),
    }
}

/// Bytes per second; a rate is never zero.
pub(crate) fn bandwidth(rate: ByteRate) -> Option<NonZeroU64> {
    NonZeroU64::new(rate.bytes_per_second())
}
