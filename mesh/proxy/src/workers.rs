//! The workers of a proxy: started, and drained.
//!
//! The first one runs where the proxy itself does, each further one on a thread of its own. They accept from the same
//! sockets: with sockets of their own (`SO_REUSEPORT`) a port in use would go unnoticed, and a connection that waits in the
//! queue of one worker could not be taken by another.

use std::io;
use std::sync::Arc;

use hallway_host::{Listener, Socket, Thread};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::drain::{Drain, Drainer};
use crate::proxy::Proxy;
use crate::run::ProxyError;
use crate::worker::Worker;
use crate::{inbound, outbound};

/// All workers at work.
pub(crate) struct Workers {
    applications: Drainer,
    peers: Drainer,
    first: Arc<Worker>,
    others: Vec<Thread>,
    /// Tells the other threads that nothing is left to do.
    done: CancellationToken,
}

/// What workers share beside the proxy: how many connections there may be, and the order to drain.
#[derive(Clone)]
struct Shared {
    outbound_places: Arc<Semaphore>,
    inbound_places: Arc<Semaphore>,
    applications: Drain,
    peers: Drain,
}

impl Workers {
    /// Starts as many as the proxy is to have.
    ///
    /// # Errors
    /// When the machine gives no further thread or descriptor.
    pub(crate) fn start(
        proxy: &Arc<Proxy>,
        outbound: Listener,
        inbound: Listener,
    ) -> Result<Self, ProxyError> {
        let (applications, peers) = (Drainer::new(), Drainer::new());
        let done = CancellationToken::new();
        let places = || Arc::new(Semaphore::new(proxy.bootstrap.limits.connections));
        let shared = Shared {
            outbound_places: places(),
            inbound_places: places(),
            applications: applications.drain(),
            peers: peers.drain(),
        };
        let others = (1..proxy.workers()).map(|index| {
            start_thread(proxy, index, (&outbound, &inbound), shared.clone(), done.clone()).map_err(
                |source| ProxyError::Worker {
                    worker: index,
                    source,
                },
            )
        });
        let others = others.collect::<Result<_, _>>()?;
        let first = Arc::new(Worker::new(proxy, 0));
        serve(&first, outbound, inbound, shared);
        Ok(Self {
            applications,
            peers,
            first,
            others,
            done,
        })
    }

    /// Waits until what is in flight has ended; at `end` it is cut off.
    pub(crate) async fn finish(self, end: Instant) {
        // Peers first: what the application still does for them may need the outbound side.
        self.peers.finish(end).await;
        self.applications.finish(end).await;
        self.first.journal.write_now();
        self.done.cancel();
        self.others.into_iter().for_each(Thread::join);
    }
}

fn start_thread(
    proxy: &Arc<Proxy>,
    index: usize,
    (outbound, inbound): (&Listener, &Listener),
    shared: Shared,
    done: CancellationToken,
) -> io::Result<Thread> {
    let (outbound, inbound) = (outbound.duplicate()?, inbound.duplicate()?);
    let proxy = Arc::clone(proxy);
    proxy
        .host
        .clone()
        .start_thread(&format!("worker-{index}"), async move || {
            let worker = Arc::new(Worker::new(&proxy, index));
            let opened = (Socket::listen(outbound), Socket::listen(inbound));
            if let (Ok(outbound), Ok(inbound)) = opened {
                serve(&worker, outbound, inbound, shared);
            } else {
                // The other workers go on; this one has no descriptor to watch its sockets with.
                drop(shared);
            }
            done.cancelled().await;
            worker.journal.write_now();
        })
}

/// Starts to serve on the thread of the caller.
fn serve(worker: &Arc<Worker>, outbound: Listener, inbound: Listener, shared: Shared) {
    let host = &worker.proxy.host;
    let Shared {
        outbound_places,
        inbound_places,
        applications,
        peers,
    } = shared;
    let writer = Arc::clone(worker);
    host.spawn(async move { writer.journal.keep_written().await });
    host.spawn(outbound::run(
        Arc::clone(worker),
        outbound,
        outbound_places,
        applications,
    ));
    host.spawn(inbound::run(Arc::clone(worker), inbound, inbound_places, peers));
}
