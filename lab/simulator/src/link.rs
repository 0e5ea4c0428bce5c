//! How long a segment takes from one machine to another.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::time::Duration;

use hallway_host::Random;
use rand::Rng;

use crate::connection::EndId;
use crate::kernel::MachineId;
use crate::trace::Name;

/// What one direction between two machines is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// How long a segment takes at least.
    pub latency: Duration,
    /// How much longer it may take: evenly spread between nothing and this. Segments of one connection never overtake each other.
    pub jitter: Duration,
    /// Bytes per second, shared by all connections in this direction; `None` is no limit.
    pub bandwidth: Option<NonZeroU64>,
    /// The probability that a packet of up to 1,460 bytes is lost. TCP sends it again after a timeout of 200 ms (RFC 6298 as Linux has it; one second for
    /// the first segment of a connection), which doubles with every further loss, up to two minutes. What is lost 15 times arrives: a link that
    /// lets nothing pass is a cut.
    pub loss: f64,
}

impl Link {
    /// Between machines of one data centre.
    pub const DATACENTRE: Self = Self {
        latency: Duration::from_micros(250),
        jitter: Duration::from_micros(50),
        bandwidth: None,
        loss: 0.0,
    };

    /// Between programs on one machine.
    pub const LOCAL: Self = Self {
        latency: Duration::from_micros(20),
        jitter: Duration::from_micros(5),
        bandwidth: None,
        loss: 0.0,
    };
}

/// The payload of a full packet on Ethernet.
pub(crate) const PACKET: usize = 1460;
/// The most that one segment carries: what a kernel hands to a network card at once.
const LARGEST_SEGMENT: usize = 64 * 1024;
const RETRANSMISSION_TIMEOUT: u64 = 200_000_000;
const FIRST_RETRANSMISSION_TIMEOUT: u64 = 1_000_000_000;
const LONGEST_RETRANSMISSION_TIMEOUT: u64 = 120_000_000_000;
const MOST_LOSSES: u32 = 15;

/// One direction between two machines.
pub(crate) struct Wire {
    pub(crate) link: Link,
    pub(crate) cut: bool,
    /// The ends to which segments are held back.
    pub(crate) held: BTreeSet<EndId>,
    random: Random,
    /// When the last bit sent so far has left.
    free: u64,
}

impl Wire {
    fn new(link: Link, random: Random) -> Self {
        Self {
            link,
            cut: false,
            held: BTreeSet::new(),
            random,
            free: 0,
        }
    }

    /// The most that one segment may carry here.
    pub(crate) fn largest_segment(&self) -> usize {
        match self.link.bandwidth {
            Some(_) => PACKET,
            None => LARGEST_SEGMENT,
        }
    }

    /// When a segment of `length` bytes arrives that is sent `now`.
    pub(crate) fn arrival(&mut self, now: u64, length: usize, opening: bool) -> u64 {
        let sent = match self.link.bandwidth {
            Some(bandwidth) => {
                self.free = self.free.max(now) + length as u64 * 1_000_000_000 / bandwidth;
                self.free
            }
            None => now,
        };
        sent + nanoseconds(self.link.latency) + self.jitter() + self.retransmission(length, opening)
    }

    fn jitter(&mut self) -> u64 {
        match nanoseconds(self.link.jitter) {
            0 => 0,
            most => ((u128::from(self.random.next_u64()) * u128::from(most)) >> 64) as u64,
        }
    }

    fn retransmission(&mut self, length: usize, opening: bool) -> u64 {
        if self.link.loss <= 0.0 {
            return 0;
        }
        let packets = length.div_ceil(PACKET).max(1);
        let lost = 1.0 - (1.0 - self.link.loss.min(1.0)).powi(packets as i32);
        let mut timeout = if opening {
            FIRST_RETRANSMISSION_TIMEOUT
        } else {
            RETRANSMISSION_TIMEOUT
        };
        let mut delay = 0;
        for _ in 0..MOST_LOSSES {
            if self.fraction() >= lost {
                break;
            }
            delay += timeout;
            timeout = (timeout * 2).min(LONGEST_RETRANSMISSION_TIMEOUT);
        }
        delay
    }

    /// Evenly spread over `0.0..1.0`.
    fn fraction(&mut self) -> f64 {
        (self.random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// All directions between machines, each with a random stream of its own.
pub(crate) struct Wires {
    wires: BTreeMap<(MachineId, MachineId), Wire>,
    seed: u64,
    between: Link,
    local: Link,
}

impl Wires {
    pub(crate) fn new(seed: u64, between: Link, local: Link) -> Self {
        Self {
            wires: BTreeMap::new(),
            seed,
            between,
            local,
        }
    }

    pub(crate) fn get(&mut self, from: (MachineId, &Name), to: (MachineId, &Name)) -> &mut Wire {
        self.wires.entry((from.0, to.0)).or_insert_with(|| {
            let link = if from.0 == to.0 { self.local } else { self.between };
            let random = Random::derive(self.seed, &format!("link {} → {}", from.1, to.1));
            Wire::new(link, random)
        })
    }

    /// The wires that end at `machine`.
    pub(crate) fn towards(&mut self, machine: MachineId) -> impl Iterator<Item = &mut Wire> {
        self.wires
            .iter_mut()
            .filter_map(move |((_, to), wire)| (*to == machine).then_some(wire))
    }
}

pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 4)
}
