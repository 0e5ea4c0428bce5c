//! How long a connection that carries many requests may carry none.

use std::pin::Pin;
use std::task::Context;

use tokio::time::{Instant, Sleep, sleep};

use super::HEADER_TIMEOUT;

/// Whether a connection has been idle for too long.
pub(super) struct Idle {
    /// When the last request has come.
    asked: Instant,
    /// Ends no later than the connection has been idle for too long.
    alarm: Pin<Box<Sleep>>,
}

impl Idle {
    pub(super) fn new() -> Self {
        Self {
            asked: Instant::now(),
            alarm: Box::pin(sleep(HEADER_TIMEOUT)),
        }
    }

    /// A request has come.
    pub(super) fn asked(&mut self) {
        self.asked = Instant::now();
    }

    /// Whether it has been idle for too long, which is said once for each time; `is_busy` tells whether it carries a request. Otherwise the task is
    /// woken when it may have been.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, is_busy: impl Fn() -> bool) -> bool {
        while self.alarm.as_mut().poll(context).is_ready() {
            let now = Instant::now();
            let end = if is_busy() { now } else { self.asked } + HEADER_TIMEOUT;
            if end <= now {
                self.alarm.as_mut().reset(now + HEADER_TIMEOUT);
                return true;
            }
            self.alarm.as_mut().reset(end);
        }
        false
    }
}
