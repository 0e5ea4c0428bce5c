//! The order to leave: first no further connection and request, then, when the time is up, nothing at all.

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

/// What everybody who serves something holds on to.
#[derive(Clone)]
pub(crate) struct Drain {
    begin: CancellationToken,
    over: CancellationToken,
    /// Never sent on: the receiver learns from its closing that nobody serves any more.
    serving: mpsc::Sender<()>,
}

/// Gives the order.
pub(crate) struct Drainer {
    drain: Drain,
    nobody_serves: mpsc::Receiver<()>,
}

impl Drainer {
    pub(crate) fn new() -> Self {
        let (serving, nobody_serves) = mpsc::channel(1);
        let drain = Drain {
            begin: CancellationToken::new(),
            over: CancellationToken::new(),
            serving,
        };
        Self { drain, nobody_serves }
    }

    /// For one who serves.
    pub(crate) fn drain(&self) -> Drain {
        self.drain.clone()
    }

    /// Begins to drain, and waits until everybody has left. Whoever is still there at `end` is cut off.
    pub(crate) async fn finish(mut self, end: Instant) {
        drop(self.drain.serving);
        self.drain.begin.cancel();
        if timeout_at(end, self.nobody_serves.recv()).await.is_err() {
            self.drain.over.cancel();
            self.nobody_serves.recv().await;
        }
    }
}

impl Drain {
    /// Waits until draining begins.
    pub(crate) async fn begun(&self) {
        self.begin.cancelled().await;
    }

    /// Waits until the time for draining is up.
    pub(crate) async fn over(&self) {
        self.over.cancelled().await;
    }
}
