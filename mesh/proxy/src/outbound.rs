//! The outbound listener: an HTTP proxy for the workload's own application, on loopback.

use std::net::SocketAddr;
use std::sync::Arc;

use hallway_host::{Listener, Stream};
use hallway_model::telemetry::Direction;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::downstream::Downstream;
use crate::drain::Drain;
use crate::listener::{self, HEADER_TIMEOUT};
use crate::transport::{Peeked, Spoken, Transport};
use crate::worker::Worker;

/// Serves the application until `drain` begins.
pub(crate) async fn run(worker: Arc<Worker>, listener: Listener, places: Arc<Semaphore>, drain: Drain) {
    let serve = |stream, address, drain| serve(Arc::clone(&worker), stream, address, drain);
    listener::accept(&worker, listener, places, Direction::Outbound, drain, serve).await;
}

async fn serve(worker: Arc<Worker>, stream: Stream, address: SocketAddr, drain: Drain) {
    let peeked = tokio::select! {
        peeked = timeout(HEADER_TIMEOUT, Peeked::peek(stream)) => peeked,
        () = drain.begun() => return,
    };
    let Ok(Ok(Some((stream, spoken)))) = peeked else {
        return;
    };
    let Spoken::Plaintext(protocol) = spoken else {
        worker.proxy.metrics.protocol_broken(Direction::Outbound);
        return;
    };
    let identity = &worker.proxy.bootstrap.identity;
    let downstream = Downstream::new(Direction::Outbound, address, None, identity);
    let transport = Transport::Plaintext(stream);
    listener::serve(&worker, transport, protocol.into(), downstream, None, &drain).await;
}
