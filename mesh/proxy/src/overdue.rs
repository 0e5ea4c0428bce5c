//! The deadline of the answer that a connection carries, as seen by whoever serves the connection.
//!
//! A body notices its deadline when it is asked for more. A caller who does not read keeps it from being asked, and would
//! hold the upstream's connection for ever.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::lifetime::reached;

/// When the answer on one connection must be over; none while there is no such answer. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Overdue(Arc<watch::Sender<Option<Instant>>>);

/// Keeps a deadline until it is dropped.
pub(crate) struct Watched(Overdue);

impl Overdue {
    /// Watches over an answer that must end at `moment`. A connection carries one answer at a time.
    pub(crate) fn watch(&self, moment: Instant) -> Watched {
        self.0.send_replace(Some(moment));
        Watched(self.clone())
    }

    /// Waits until an answer has not ended in time.
    pub(crate) async fn reached(&self) {
        let mut moments = self.0.subscribe();
        loop {
            let moment = *moments.borrow_and_update();
            tokio::select! {
                () = reached(moment) => return,
                changed = moments.changed() => changed.expect("the sender is a part of this"),
            }
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.0.send_replace(None);
    }
}
