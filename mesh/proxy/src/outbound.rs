//! The outbound listener: an HTTP proxy for the workload's own application, on loopback.

use std::net::SocketAddr;
use std::sync::Arc;

use hallway_host::{Listener, Stream};
use hallway_model::telemetry::Direction;

use crate::downstream::Downstream;
use crate::drain::Drain;
use crate::listener;
use crate::proxy::Proxy;
use crate::transport::{Peeked, Transport};

/// Serves the application until `drain` begins.
pub(crate) async fn run(proxy: Arc<Proxy>, listener: Listener, drain: Drain) {
    let serve = |stream, address, drain| serve(Arc::clone(&proxy), stream, address, drain);
    listener::accept(&proxy, listener, Direction::Outbound, drain, serve).await;
}

async fn serve(proxy: Arc<Proxy>, stream: Stream, address: SocketAddr, drain: Drain) {
    let downstream = Downstream {
        direction: Direction::Outbound,
        address,
        peer: None,
    };
    let transport = Transport::Plaintext(Peeked::untouched(stream));
    listener::serve(&proxy, transport, downstream, None, &drain).await;
}
