//! The listeners of a gateway: clients outside of the mesh, over TLS or in the clear, as the Gateway says.

use std::net::SocketAddr;
use std::sync::Arc;

use hallway_host::{Listener, Stream};
use hallway_model::Protocol;
use hallway_model::telemetry::{Direction, Refusal, RefusalReason};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::downstream::{Downstream, Entrance};
use crate::drain::Drain;
use crate::listener::{self, HANDSHAKE_TIMEOUT, HEADER_TIMEOUT, SILENCE_TIMEOUT};
use crate::time::epoch_micros;
use crate::transport::{Carrier, Peeked, Spoken, Transport};
use crate::worker::Worker;

/// Serves the clients that come for `port` until `drain` begins.
pub(crate) async fn run(
    worker: Arc<Worker>,
    port: u16,
    listener: Listener,
    places: Arc<Semaphore>,
    drain: Drain,
) {
    let serve = |stream, address, drain| {
        let client = Client {
            worker: Arc::clone(&worker),
            port,
            address,
        };
        client.serve(stream, drain)
    };
    listener::accept(&worker, listener, places, Direction::Gateway, drain, serve).await;
}

/// One connection from a client.
struct Client {
    worker: Arc<Worker>,
    /// The port that it came for.
    port: u16,
    address: SocketAddr,
}

impl Client {
    async fn serve(self, stream: Stream, drain: Drain) {
        let accepted = tokio::select! {
            accepted = self.accept(stream) => accepted,
            () = drain.begun() => return,
        };
        let Some((transport, carrier)) = accepted else {
            return;
        };
        let entrance = Entrance {
            address: self.address.ip(),
            port: self.port,
            tls: matches!(transport, Transport::Tls(_)),
            server_name: transport.requested_name().map(str::to_owned),
        };
        let downstream = Downstream::outside(self.address, entrance);
        listener::serve(&self.worker, transport, carrier, downstream, None, &drain).await;
    }

    /// Lets the connection in, in the way that the listeners of its port have.
    async fn accept(&self, stream: Stream) -> Option<(Transport, Carrier)> {
        let configuration = self.worker.proxy.first_configuration().await?;
        match configuration.fronts()?.tls(self.port)? {
            Some(acceptor) => {
                let transport = self.handshake(&acceptor, stream).await?;
                let carrier = transport.carrier(Protocol::Http1);
                Some((transport, carrier))
            }
            None => {
                let peeked = timeout(HEADER_TIMEOUT, Peeked::peek(stream)).await;
                let (stream, spoken) = peeked.ok()?.ok()??;
                let Spoken::Plaintext(protocol) = spoken else {
                    self.refuse(
                        RefusalReason::UnexpectedTls,
                        "TLS, where the listener has no certificate".to_owned(),
                    );
                    return None;
                };
                let transport = Transport::Plaintext(stream.impatient(SILENCE_TIMEOUT));
                Some((transport, protocol.into()))
            }
        }
    }

    async fn handshake(&self, acceptor: &TlsAcceptor, stream: Stream) -> Option<Transport> {
        let stream = Peeked::untouched(stream).for_tls().impatient(SILENCE_TIMEOUT);
        match timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => Some(Transport::Tls(Box::new(stream.into()))),
            Ok(Err(error)) => {
                self.refuse(RefusalReason::HandshakeFailed, error.to_string());
                None
            }
            Err(_) => {
                self.refuse(
                    RefusalReason::HandshakeFailed,
                    "the handshake took too long".to_owned(),
                );
                None
            }
        }
    }

    fn refuse(&self, reason: RefusalReason, detail: String) {
        let proxy = &self.worker.proxy;
        proxy.refused(Refusal {
            proxy: proxy.workload().to_owned(),
            direction: Direction::Gateway,
            at_us: epoch_micros(proxy.host.wall_clock()),
            peer_address: self.address,
            reason,
            detail,
        });
    }
}
