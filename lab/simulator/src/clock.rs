//! Virtual time, and what makes it pass.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// tokio's timers know nothing smaller.
pub(crate) const MILLISECOND: u64 = 1_000_000;

/// The paused clock of the runtime, in nanoseconds since its start.
///
/// tokio moves it from timer to timer, by whole milliseconds. Within a millisecond no timer can fire, so there it is moved here, to
/// where a segment arrives. The alarm is a timer that stops tokio at the millisecond of the next arrival.
pub(crate) struct Clock {
    now: AtomicU64,
    origin: OnceLock<Instant>,
    alarm: Mutex<Option<Pin<Box<Sleep>>>>,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            now: AtomicU64::new(0),
            origin: OnceLock::new(),
            alarm: Mutex::new(None),
        }
    }

    /// Called once, in the context of the runtime, before anything else runs in it.
    pub(crate) fn start(&self) {
        self.origin.get_or_init(Instant::now);
        *self.alarm.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Box::pin(tokio::time::sleep(Duration::ZERO)));
    }

    /// Lets go of the runtime.
    pub(crate) fn stop(&self) {
        *self.alarm.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The current time. It can be asked from anywhere, even outside the runtime.
    pub(crate) fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    /// Takes note of how far tokio has moved the clock.
    pub(crate) fn follow(&self) {
        let Some(origin) = self.origin.get() else { return };
        let now = Instant::now().duration_since(*origin);
        self.now.store(now.as_nanos() as u64, Ordering::Relaxed);
    }

    /// Moves the clock, and makes the runtime look again at once. No timer may lie between now and `to`: it would fire late.
    pub(crate) fn advance(&self, to: u64) {
        let step = Duration::from_nanos(to - self.now());
        // The clock moves in the first poll; the rest of the future would only yield.
        let mut context = Context::from_waker(Waker::noop());
        let _ = pin!(tokio::time::advance(step)).poll(&mut context);
        self.follow();
    }

    /// Makes the runtime look again at once, instead of waiting for a timer.
    pub(crate) fn stay(&self) {
        let _ = pin!(tokio::task::yield_now()).poll(&mut Context::from_waker(Waker::noop()));
    }

    /// Makes tokio stop at `at`, a whole millisecond, if no timer stops it before.
    pub(crate) fn set_alarm(&self, at: u64) {
        let Some(origin) = self.origin.get() else { return };
        let mut alarm = self.alarm.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(alarm) = alarm.as_mut() else { return };
        let at = *origin + Duration::from_nanos(at);
        if alarm.deadline() != at || alarm.is_elapsed() {
            alarm.as_mut().reset(at);
            // A timer is registered when it is polled. Nobody needs to be woken: an idle runtime looks at the queue anyway.
            let _ = alarm.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        }
    }
}
