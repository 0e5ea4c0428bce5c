//! What the tests stand on: a small control plane, sidecars with their records, applications, and a client.
//! Everything runs over real sockets on loopback, and every wait is for a condition, bounded by [`PATIENCE`].

pub(crate) mod application;
pub(crate) mod client;
pub(crate) mod control;
pub(crate) mod http2;
pub(crate) mod meshes;
pub(crate) mod records;
pub(crate) mod sidecar;
pub(crate) mod snapshots;

use std::future::Future;
use std::time::Duration;

/// How long anything may take in a test. Only a failing test waits so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for `future`, which is called `what` when it takes too long.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: did not happen within {} s", PATIENCE.as_secs()))
}

/// Tells when it is dropped.
pub(crate) struct Cancelled(pub(crate) tokio::sync::mpsc::UnboundedSender<()>);

impl Drop for Cancelled {
    fn drop(&mut self) {
        // The test may be over.
        let _ = self.0.send(());
    }
}
