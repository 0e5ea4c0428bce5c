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
use crate::{gateway, inbound, outbound};

/// What a socket is for.
#[derive(Clone, Copy)]
pub(crate) enum Entry {
    /// The application of a sidecar.
    Outbound,
    /// The peers of a sidecar.
    Inbound,
    /// Clients of a gateway, which come for this port.
    Gateway { port: u16 },
}

/// All that a proxy accepts connections from.
pub(crate) type Sockets = Vec<(Entry, Listener)>;

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
    application_places: Arc<Semaphore>,
    /// For all who are not the application.
    peer_places: Arc<Semaphore>,
    applications: Drain,
    peers: Drain,
}

impl Workers {
    /// Starts as many as the proxy is to have.
    ///
    /// # Errors
    /// When the machine gives no further thread or descriptor.
    pub(crate) fn start(proxy: &Arc<Proxy>, sockets: Sockets) -> Result<Self, ProxyError> {
        let (applications, peers) = (Drainer::new(), Drainer::new());
        let done = CancellationToken::new();
        let places = || Arc::new(Semaphore::new(proxy.bootstrap.limits.connections));
        let shared = Shared {
            application_places: places(),
            peer_places: places(),
            applications: applications.drain(),
            peers: peers.drain(),
        };
        let others = (1..proxy.workers()).map(|index| {
            start_thread(proxy, index, &sockets, shared.clone(), done.clone()).map_err(|source| {
                ProxyError::Worker {
                    worker: index,
                    source,
                }
            })
        });
        let others = others.collect::<Result<_, _>>()?;
        let first = Arc::new(Worker::new(proxy, 0));
        serve(&first, sockets, shared);
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
    sockets: &Sockets,
    shared: Shared,
    done: CancellationToken,
) -> io::Result<Thread> {
    let duplicates = sockets
        .iter()
        .map(|(entry, socket)| Ok((*entry, socket.duplicate()?)));
    let duplicates = duplicates.collect::<io::Result<Vec<_>>>()?;
    let proxy = Arc::clone(proxy);
    proxy
        .host
        .clone()
        .start_thread(&format!("worker-{index}"), async move || {
            let worker = Arc::new(Worker::new(&proxy, index));
            let opened = duplicates
                .into_iter()
                .map(|(entry, socket)| Ok((entry, Socket::listen(socket)?)));
            match opened.collect::<io::Result<Sockets>>() {
                Ok(sockets) => serve(&worker, sockets, shared),
                // The other workers go on; this one has no descriptor to watch its sockets with.
                Err(_) => drop(shared),
            }
            done.cancelled().await;
            worker.journal.write_now();
        })
}

/// Starts to serve on the thread of the caller.
fn serve(worker: &Arc<Worker>, sockets: Sockets, shared: Shared) {
    let host = &worker.proxy.host;
    let writer = Arc::clone(worker);
    host.spawn(async move { writer.journal.keep_written().await });
    let Shared {
        application_places,
        peer_places,
        applications,
        peers,
    } = shared;
    for (entry, socket) in sockets {
        let worker = Arc::clone(worker);
        match entry {
            Entry::Outbound => {
                let (places, drain) = (Arc::clone(&application_places), applications.clone());
                host.spawn(outbound::run(worker, socket, places, drain));
            }
            Entry::Inbound => {
                let (places, drain) = (Arc::clone(&peer_places), peers.clone());
                host.spawn(inbound::run(worker, socket, places, drain));
            }
            Entry::Gateway { port } => {
                let (places, drain) = (Arc::clone(&peer_places), peers.clone());
                host.spawn(gateway::run(worker, port, socket, places, drain));
            }
        }
    }
}
