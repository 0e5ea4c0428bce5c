//! The wire: one relay on every directed edge between sidecars, which passes bytes on and writes down what could be
//! seen of them.
//!
//! A relay mirrors its target as far as a program can: bytes flow with the target's backpressure, each direction ends by
//! itself, and a reset stays a reset. One thing differs: the kernel completes a connection before the relay knows of it, so
//! where the target refuses by itself, the caller sees a connection that is reset at once instead of "connection refused". A target
//! that is down on purpose ([`Wire::refuse`]) is refused as it should be.
//!
//! Faults are of a direction between two machines, and change what connections that are open see. What is on its way over a cut
//! link waits until it heals, the end of a connection too.
//!
//! In a simulation the network itself is the wire, and [`tap`] watches it.
//!
//! - [`door`]: where connections come in; [`relay`]: what passes their bytes on; [`link`]: what befalls them on the way
//! - [`tls_records`]: whether bytes are TLS records, and which
//! - [`marker`]: whether a text that every request carries could be read

mod door;
mod link;
mod marker;
mod relay;
mod tap;
mod tls_records;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use hallway_evidence::{Closed, WireConnection};
use hallway_host::{Host, Stream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::faults::LinkChange;
use door::Door;
use link::{Link, Links};
use relay::{Broken, Direction, Watch};
pub(crate) use tap::Tap;

/// All edges of one run. Dropping it cuts them.
pub struct Wire {
    edges: Arc<Edges>,
    _cut: DropGuard,
}

/// What the relays share.
struct Edges {
    host: Host,
    clock: Clock,
    marker: String,
    log: Mutex<Vec<WireConnection>>,
    links: Links,
    cut: CancellationToken,
    tasks: TaskTracker,
}

/// A directed edge.
#[derive(Clone, Debug)]
pub struct Edge {
    /// The workload that opens connections, or `intruder`.
    pub from: String,
    /// The workload that they are for.
    pub to: String,
    /// Where they really go.
    pub target: SocketAddr,
}

/// An edge, and what it is like in each direction.
struct Path {
    edge: Edge,
    up: Arc<Link>,
    down: Arc<Link>,
}

impl Wire {
    /// A wire without edges that looks out for `marker`.
    pub fn new(host: Host, clock: Clock, marker: &str) -> Self {
        let cut = CancellationToken::new();
        let edges = Edges {
            host,
            clock,
            marker: marker.to_owned(),
            log: Mutex::default(),
            links: Links::default(),
            cut: cut.clone(),
            tasks: TaskTracker::new(),
        };
        Self {
            edges: Arc::new(edges),
            _cut: cut.drop_guard(),
        }
    }

    /// Puts a relay on `edge`, and returns where to reach it.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn relay(&self, edge: Edge) -> io::Result<SocketAddr> {
        let links = &self.edges.links;
        let up = links.between(&edge.from, &edge.to);
        let down = links.between(&edge.to, &edge.from);
        let mut door = Door::new(self.edges.host.clone(), &up, &down).await?;
        let address = door.address();
        let edges = self.edges.clone();
        let path = Arc::new(Path { edge, up, down });
        self.edges.start(async move {
            loop {
                let (stream, peer) = door.accept().await;
                edges.start(edges.clone().carry(path.clone(), stream, peer));
            }
        });
        Ok(address)
    }

    /// Changes what one direction between two machines is like, for connections that are open too.
    ///
    /// # Panics
    /// When packets are to be lost: that is repaired below, where a relay sees nothing of it.
    pub fn change_link(&self, from: &str, to: &str, change: LinkChange) {
        let link = self.edges.links.between(from, to);
        match change {
            LinkChange::Delay(by) => link.change(|link| link.delay = by),
            LinkChange::Bandwidth(limit) => link.change(|link| link.bandwidth = Some(limit)),
            LinkChange::Cut => link.change(|link| link.cut = true),
            LinkChange::Heal => link.heal(),
            LinkChange::Loss(_) => panic!("the loader lets nobody lose packets on processes"),
        }
    }

    /// Breaks all open connections between two machines.
    pub fn reset_link(&self, one: &str, other: &str) {
        self.edges.links.between(one, other).reset();
        self.edges.links.between(other, one).reset();
    }

    /// Whether connections to a machine are refused from now on.
    pub fn refuse(&self, machine: &str, refuses: bool) {
        for link in self.edges.links.towards(machine) {
            link.change(|link| link.refuses = refuses);
        }
    }

    /// Cuts all edges, and returns what was seen of every connection, in the order in which they were opened.
    pub async fn cut(self) -> Vec<WireConnection> {
        self.edges.cut.cancel();
        self.edges.tasks.close();
        self.edges.tasks.wait().await;
        std::mem::take(&mut *self.edges.lock())
    }
}

impl Edges {
    fn start(&self, work: impl Future<Output = ()> + Send + 'static) {
        let cut = self.cut.clone();
        let until_cut = async move {
            cut.run_until_cancelled(work).await;
        };
        self.host.spawn(self.tasks.track_future(until_cut));
    }

    async fn carry(self: Arc<Self>, path: Arc<Path>, mut downstream: Stream, peer: SocketAddr) {
        let connection = self.open(&path.edge, peer);
        let closed = self.through(connection, &path, &mut downstream).await;
        if closed != Closed::Orderly {
            reset(&downstream);
        }
        let now = self.clock.now_us();
        self.note(connection, |seen| {
            seen.closed_us = Some(now);
            seen.closed = Some(closed);
        });
    }

    /// From its opening, which crosses the link as its answer does, to its end.
    async fn through(&self, connection: usize, path: &Path, downstream: &mut Stream) -> Closed {
        let mut broken = pin!(path.up.broken());
        tokio::select! {
            () = path.up.cross() => {}
            () = &mut broken => return Closed::Reset,
        }
        // Nothing gives it up while it opens: the target might see the end of a connection instead of its reset.
        let Ok(mut upstream) = self.host.connect(path.edge.target).await else {
            path.down.cross().await;
            return Closed::Refused;
        };
        let address = upstream.local_address().ok();
        self.note(connection, |seen| seen.upstream_address = address);
        let exchange = async {
            path.down.cross().await;
            self.exchange(connection, path, downstream, &mut upstream).await
        };
        let passed = tokio::select! {
            passed = exchange => passed,
            () = &mut broken => Err(Broken),
        };
        match passed {
            Ok(()) => Closed::Orderly,
            Err(Broken) => {
                reset(&upstream);
                Closed::Reset
            }
        }
    }

    async fn exchange(
        &self,
        connection: usize,
        path: &Path,
        downstream: &mut Stream,
        upstream: &mut Stream,
    ) -> Result<(), Broken> {
        let watch = |direction, link| Watch {
            edges: self,
            connection,
            direction,
            link,
            records: tls_records::TlsRecords::default(),
            marker: marker::MarkerSearch::new(&self.marker),
        };
        let up = watch(Direction::Up, &path.up);
        let down = watch(Direction::Down, &path.down);
        relay::exchange(downstream, upstream, up, down).await
    }

    fn open(&self, edge: &Edge, downstream_address: SocketAddr) -> usize {
        let mut log = self.lock();
        log.push(WireConnection {
            from: edge.from.clone(),
            to: edge.to.clone(),
            opened_us: self.clock.now_us(),
            closed_us: None,
            downstream_address,
            upstream_address: None,
            bytes_up: 0,
            bytes_down: 0,
            tls: true,
            application_records: 0,
            marker_seen: false,
            closed: None,
        });
        log.len() - 1
    }

    fn note(&self, connection: usize, change: impl FnOnce(&mut WireConnection)) {
        change(&mut self.lock()[connection]);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<WireConnection>> {
        self.log
            .lock()
            .expect("writing down what was seen does not panic")
    }
}

/// Makes the close of `stream` a reset. Where the kernel refuses the option the connection is gone already.
fn reset(stream: &Stream) {
    let _ = stream.reset_on_close();
}

#[cfg(test)]
mod tests;
