//! Timestamps of one run: microseconds since the Unix epoch that never step back.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hallway_host::Host;
use tokio::time::Instant;

/// Reads the host's wall clock once, and counts monotonic time from there: a latency is not disturbed when somebody sets
/// the clock, and timestamps of the lab still compare with those of the processes on the same machine.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
    origin_us: u64,
}

impl Clock {
    /// Starts at the time of `host`.
    pub fn start(host: &Host) -> Self {
        Self {
            origin: Instant::now(),
            origin_us: microseconds(host.wall_clock()),
        }
    }

    /// This moment.
    pub(crate) fn now_us(&self) -> u64 {
        self.at_us(Instant::now())
    }

    /// The timestamp of `moment`.
    pub(crate) fn at_us(&self, moment: Instant) -> u64 {
        self.origin_us + micros(moment.saturating_duration_since(self.origin))
    }
}

/// The timestamp of a time of day.
pub(crate) fn microseconds(moment: SystemTime) -> u64 {
    micros(moment.duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
