//! Pauses before another try to reach the control plane.

use std::time::Duration;

use rand::RngExt;

use crate::randomness::Draws;

/// Pauses that double, each with full jitter: many proxies that lost one control plane must not come back at once.
pub(crate) struct Backoff {
    next: Duration,
}

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(5);

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { next: FIRST }
    }

    /// Starts over: the last try has led somewhere.
    pub(crate) fn reset(&mut self) {
        self.next = FIRST;
    }

    /// Waits.
    pub(crate) async fn pause(&mut self, random: &Draws) {
        let share: f64 = random.with(|random| random.random_range(0.5..1.0));
        let pause = self.next.mul_f64(share);
        self.next = (self.next * 2).min(LONGEST);
        tokio::time::sleep(pause).await;
    }
}
