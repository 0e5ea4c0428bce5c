//! The deadline of the answer that an HTTP/1.1 connection carries, as seen by whoever serves the connection.
//!
//! A body notices its deadline when it is asked for more. A caller who does not read keeps it from being asked, and would
//! hold the upstream's connection for ever.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;

use tokio::time::{Instant, Sleep, sleep_until};

/// When the answer on one connection must be over; none while there is no such answer. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Overdue(Arc<Mutex<Option<Instant>>>);

/// Keeps a deadline until it is dropped.
pub(crate) struct Watched(Overdue);

impl Overdue {
    /// Watches over an answer that must end at `moment`. A connection carries one answer at a time.
    pub(crate) fn watch(&self, moment: Instant) -> Watched {
        *self.lock() = Some(moment);
        Watched(self.clone())
    }

    /// Waits until an answer has not ended in time. It looks for a new deadline whenever it is polled: the task that polls
    /// the connection polls this afterwards, so a deadline costs nothing while answers end at once.
    pub(crate) async fn reached(&self) {
        let mut alarm: Option<Pin<Box<Sleep>>> = None;
        poll_fn(|context| {
            let Some(moment) = *self.lock() else {
                return Poll::Pending;
            };
            let alarm = alarm.get_or_insert_with(|| Box::pin(sleep_until(moment)));
            if alarm.deadline() != moment {
                alarm.as_mut().reset(moment);
            }
            alarm.as_mut().poll(context)
        })
        .await;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().expect("nothing panics while it holds the lock")
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        *self.0.lock() = None;
    }
}
