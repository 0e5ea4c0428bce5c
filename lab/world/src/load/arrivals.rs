//! When the requests of one stream start.

use std::time::Duration;

use hallway_host::Random;
use rand::RngExt;

/// Evenly many requests per time, each at a random moment of its own slot: two streams of one rate do not beat in step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Arrivals {
    /// From the start of the traffic to the first slot.
    pub(crate) start: Duration,
    /// The length of a slot; not zero.
    pub(crate) interval: Duration,
    /// How many slots.
    pub(crate) count: u32,
}

impl Arrivals {
    /// As many slots as fit into `duration`.
    pub(crate) fn for_duration(start: Duration, interval: Duration, duration: Duration) -> Self {
        let count = duration.as_nanos() / interval.as_nanos().max(1);
        Self {
            start,
            interval,
            count: u32::try_from(count).unwrap_or(u32::MAX),
        }
    }

    /// The intended starts, in order, counted from the start of the traffic.
    pub(crate) fn offsets(self, mut random: Random) -> impl Iterator<Item = Duration> {
        (0..self.count).map(move |slot| {
            let within = self.interval.mul_f64(random.random::<f64>());
            self.start + self.interval * slot + within
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hallway_host::Random;
    use proptest::prelude::*;

    use super::Arrivals;

    #[test]
    fn a_duration_holds_as_many_requests_as_its_rate_says() {
        let third = Duration::from_secs(1) / 3;
        let arrivals = Arrivals::for_duration(Duration::ZERO, third, Duration::from_secs(2));
        assert_eq!(arrivals.count, 6);
    }

    #[test]
    fn a_seed_fixes_the_arrivals() {
        let arrivals = Arrivals {
            start: Duration::ZERO,
            interval: Duration::from_millis(5),
            count: 50,
        };
        let offsets = |seed| {
            arrivals
                .offsets(Random::derive(seed, "arrivals"))
                .collect::<Vec<_>>()
        };
        assert_eq!(offsets(1), offsets(1));
        assert_ne!(offsets(1), offsets(2));
    }

    proptest! {
        #[test]
        fn every_slot_has_one_request(start in 0..5000u64, interval in 1..50_000u64, count in 0..200u32, seed: u64) {
            let start = Duration::from_millis(start);
            let interval = Duration::from_micros(interval);
            let arrivals = Arrivals { start, interval, count };
            let offsets: Vec<_> = arrivals.offsets(Random::derive(seed, "arrivals")).collect();
            prop_assert_eq!(offsets.len(), count as usize);
            for (slot, offset) in (0..count).zip(offsets) {
                prop_assert!(offset >= start + interval * slot && offset <= start + interval * (slot + 1));
            }
        }
    }
}
