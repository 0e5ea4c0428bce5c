//! The wire: one relay on every directed edge between sidecars, which passes bytes on and writes down what could be
//! seen of them.
//!
//! A relay mirrors its target as far as a program can: bytes flow with the target's backpressure, each direction ends by
//! itself, and a reset stays a reset. One thing differs: the kernel completes a connection before the relay knows of it, so
//! where the target refuses, the caller sees a connection that is reset at once instead of "connection refused".
//!
//! - [`tls_records`]: whether bytes are TLS records, and which
//! - [`marker`]: whether a text that every request carries could be read

mod marker;
mod relay;
mod tls_records;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use hallway_evidence::{Closed, WireConnection};
use hallway_host::{Host, Stream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use relay::{Direction, Watch};

/// All edges of one run. Dropping it cuts them.
pub(crate) struct Wire {
    edges: Arc<Edges>,
    _cut: DropGuard,
}

/// What the relays share.
struct Edges {
    host: Host,
    clock: Clock,
    marker: String,
    log: Mutex<Vec<WireConnection>>,
    cut: CancellationToken,
    tasks: TaskTracker,
}

/// A directed edge.
#[derive(Clone, Debug)]
pub(crate) struct Edge {
    /// The workload that opens connections, or `intruder`.
    pub(crate) from: String,
    /// The workload that they are for.
    pub(crate) to: String,
    /// Where they really go.
    pub(crate) target: SocketAddr,
}

impl Wire {
    /// A wire without edges that looks out for `marker`.
    pub(crate) fn new(host: Host, clock: Clock, marker: &str) -> Self {
        let cut = CancellationToken::new();
        let edges = Edges {
            host,
            clock,
            marker: marker.to_owned(),
            log: Mutex::default(),
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
    pub(crate) async fn relay(&self, edge: Edge) -> io::Result<SocketAddr> {
        let mut listener = self.edges.host.listen((Ipv4Addr::LOCALHOST, 0).into()).await?;
        let address = listener.local_address()?;
        let edges = self.edges.clone();
        let edge = Arc::new(edge);
        self.edges.start(async move {
            loop {
                let (stream, peer) = listener.accept().await;
                edges.start(edges.clone().carry(edge.clone(), stream, peer));
            }
        });
        Ok(address)
    }

    /// Cuts all edges, and returns what was seen of every connection, in the order in which they were opened.
    pub(crate) async fn cut(self) -> Vec<WireConnection> {
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

    async fn carry(self: Arc<Self>, edge: Arc<Edge>, downstream: Stream, peer: SocketAddr) {
        let connection = self.open(&edge, peer);
        let closed = match self.host.connect(edge.target).await {
            Ok(upstream) => {
                let address = upstream.local_address().ok();
                self.note(connection, |seen| seen.upstream_address = address);
                self.exchange(connection, downstream, upstream).await
            }
            Err(_) => {
                reset(&downstream);
                Closed::Refused
            }
        };
        let now = self.clock.now_us();
        self.note(connection, |seen| {
            seen.closed_us = Some(now);
            seen.closed = Some(closed);
        });
    }

    async fn exchange(&self, connection: usize, mut downstream: Stream, mut upstream: Stream) -> Closed {
        let watch = |direction| Watch {
            edges: self,
            connection,
            direction,
            records: tls_records::TlsRecords::default(),
            marker: marker::MarkerSearch::new(&self.marker),
        };
        let (up, down) = (watch(Direction::Up), watch(Direction::Down));
        if relay::exchange(&mut downstream, &mut upstream, up, down)
            .await
            .is_ok()
        {
            return Closed::Orderly;
        }
        reset(&downstream);
        reset(&upstream);
        Closed::Reset
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
