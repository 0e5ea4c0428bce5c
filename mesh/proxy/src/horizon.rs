//! A timer that is set so that others need not wake the thread.
//!
//! When a timer is set that ends before all others, tokio wakes the thread that waits for timers through a descriptor, even
//! when it is this thread itself that sets it: two system calls for every request with a deadline, in a proxy that is not
//! busy. There are none while another timer ends earlier.

use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Waker};

use tokio::time::{Instant, Sleep, sleep_until};

/// The timer of one worker. Nobody waits for it.
#[derive(Default)]
pub(crate) struct Horizon(Mutex<Option<Pin<Box<Sleep>>>>);

impl Horizon {
    /// Sees to it that a timer is set which ends at `moment` or before. Deadlines mostly come in the order in which they end, so
    /// it is set again about once in the time that a request may take.
    pub(crate) fn include(&self, moment: Instant) {
        let mut timer = self.0.lock().expect("setting a timer does not panic");
        let timer = match &mut *timer {
            Some(timer) if timer.deadline() <= moment && !timer.is_elapsed() => return,
            Some(timer) => {
                timer.as_mut().reset(moment);
                timer
            }
            None => timer.insert(Box::pin(sleep_until(moment))),
        };
        // The first poll sets it.
        let _ = timer.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }
}
