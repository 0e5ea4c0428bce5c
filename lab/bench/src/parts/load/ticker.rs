//! When requests should be sent, precise to some microseconds. tokio's timers count in milliseconds, which is more than a sidecar adds.

use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::Instant;

/// One ticket after every period, so many in all, each with the moment that it stands for. It comes late when the machine is busy.
#[expect(
    clippy::disallowed_methods,
    reason = "a thread that sleeps is woken up sooner than a timer of tokio"
)]
pub(super) fn tickets(every: Duration, count: u32) -> UnboundedReceiver<Instant> {
    let (sender, receiver) = unbounded_channel();
    std::thread::spawn(move || {
        let started = Instant::now();
        for number in 1..=count {
            let intended = started + every * number;
            std::thread::sleep(intended.saturating_duration_since(Instant::now()));
            if sender.send(intended).is_err() {
                return;
            }
        }
    });
    receiver
}
