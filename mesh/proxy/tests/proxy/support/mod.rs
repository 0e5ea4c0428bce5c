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

use futures_util::future::BoxFuture;
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use application::AnswerBody;

/// How long anything may take in a test. Only a failing test waits so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for `future`, which is called `what` when it takes too long.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: did not happen within {} s", PATIENCE.as_secs()))
}

/// Tells when it is dropped.
struct Cancelled(UnboundedSender<()>);

impl Drop for Cancelled {
    fn drop(&mut self) {
        // The test may be over.
        let _ = self.0.send(());
    }
}

/// Answers nothing, and tells whenever its work is cancelled.
pub(crate) fn never() -> (
    impl Fn(Request<Incoming>) -> BoxFuture<'static, Response<AnswerBody>> + Clone + Send + Sync + 'static,
    UnboundedReceiver<()>,
) {
    let (sender, cancelled) = unbounded_channel();
    let answer = move |_| {
        let guard = Cancelled(sender.clone());
        Box::pin(async move {
            let _until_it_is_cancelled = guard;
            std::future::pending().await
        }) as BoxFuture<'static, _>
    };
    (answer, cancelled)
}
