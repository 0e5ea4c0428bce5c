//! The inbound listener: peers, over mutual TLS, over plaintext, or both, as the workload's `PeerAuthentication` says.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hallway_host::{Listener, Stream};
use hallway_identity::{ClientAuthentication, HandshakeFailure, Versions, server_config};
use hallway_model::telemetry::{Connection, Direction, ProxyRecord, Refusal, RefusalReason};
use hallway_model::{MtlsMode, Protocol};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::downstream::Downstream;
use crate::drain::Drain;
use crate::lifetime::{Lifetime, Side};
use crate::listener::{self, HANDSHAKE_TIMEOUT};
use crate::peer::Peer;
use crate::time::epoch_micros;
use crate::transport::{Carrier, Peeked, Spoken, Transport};
use crate::worker::Worker;

/// How long a refused peer is listened to, so that it hears why: closing with unread data would reset the connection.
const LINGER: Duration = Duration::from_secs(1);

/// How much of a refused peer is read at most.
const LINGER_BYTES: u64 = 64 * 1024;

/// Serves peers until `drain` begins.
pub(crate) async fn run(worker: Arc<Worker>, listener: Listener, places: Arc<Semaphore>, drain: Drain) {
    let (host, store) = (&worker.proxy.host, &worker.proxy.store);
    let config = server_config(host, store, ClientAuthentication::Required, Versions::LanesOrHttp);
    let acceptor = TlsAcceptor::from(config);
    let serve = |stream, address, drain| {
        let door = Door {
            worker: Arc::clone(&worker),
            address,
        };
        door.serve(acceptor.clone(), stream, drain)
    };
    listener::accept(&worker, listener, places, Direction::Inbound, drain, serve).await;
}

/// One connection from a peer.
struct Door {
    worker: Arc<Worker>,
    address: SocketAddr,
}

impl Door {
    async fn serve(self, acceptor: TlsAcceptor, stream: Stream, drain: Drain) {
        let transport = tokio::select! {
            accepted = self.accept(&acceptor, stream) => accepted,
            () = drain.begun() => return,
        };
        let Some((transport, carrier)) = transport else {
            return;
        };
        let proxy = &self.worker.proxy;
        let opened = proxy.host.wall_clock();
        let lifetime = self.lifetime(&transport, opened);
        let peer = transport.peer().map(|peer| Arc::new(Peer::new(peer.identity)));
        let identity = &proxy.bootstrap.identity;
        let downstream = Downstream::new(Direction::Inbound, self.address, peer.clone(), identity);
        let requests = listener::serve(&self.worker, transport, carrier, downstream, lifetime, &drain).await;
        self.worker.record(&ProxyRecord::Connection(Connection {
            proxy: proxy.workload().to_owned(),
            direction: Direction::Inbound,
            peer_address: self.address,
            peer: peer.map(|peer| peer.identity.clone()),
            opened_us: epoch_micros(opened),
            closed_us: epoch_micros(proxy.host.wall_clock()),
            certificates_expire_us: lifetime.map(|lifetime| epoch_micros(lifetime.expires)),
            requests,
        }));
    }

    /// Lets the connection in, or refuses it with a record. One that ends without a byte was only a probe.
    async fn accept(&self, acceptor: &TlsAcceptor, stream: Stream) -> Option<(Transport, Carrier)> {
        let mode = self.worker.proxy.first_configuration().await?.mtls()?;
        let Ok(peeked) = timeout(HANDSHAKE_TIMEOUT, Peeked::peek(stream)).await else {
            self.refuse(RefusalReason::HandshakeFailed, "it stayed silent");
            return None;
        };
        let (stream, spoken) = peeked.ok()??;
        match (spoken, mode) {
            (Spoken::Tls, MtlsMode::Strict | MtlsMode::Permissive) => {
                let transport = self.handshake(acceptor, stream).await?;
                let carrier = transport.carrier(Protocol::Http1);
                Some((transport, carrier))
            }
            (Spoken::Plaintext(protocol), MtlsMode::Permissive | MtlsMode::Disable) => {
                Some((Transport::Plaintext(stream), protocol.into()))
            }
            (Spoken::Plaintext(_), MtlsMode::Strict) => {
                self.refuse(
                    RefusalReason::Plaintext,
                    "plaintext, where STRICT demands mutual TLS",
                );
                None
            }
            (Spoken::Tls, MtlsMode::Disable) => {
                self.refuse(
                    RefusalReason::UnexpectedTls,
                    "TLS, where DISABLE leaves only plaintext",
                );
                None
            }
        }
    }

    async fn handshake(&self, acceptor: &TlsAcceptor, stream: Peeked) -> Option<Transport> {
        let accepting = acceptor.accept(stream.for_tls()).into_fallible();
        match timeout(HANDSHAKE_TIMEOUT, accepting).await {
            Ok(Ok(stream)) => Some(Transport::Tls(Box::new(stream.into()))),
            Ok(Err((error, stream))) => {
                let failure = HandshakeFailure::of_handshake(&error);
                self.refuse(failure.reason, failure.detail);
                // It is refused already; whether it hears why is its own concern.
                let _ = timeout(LINGER, hear_out(stream)).await;
                None
            }
            Err(_) => {
                self.refuse(RefusalReason::HandshakeFailed, "the handshake took too long");
                None
            }
        }
    }

    fn lifetime(&self, transport: &Transport, opened: SystemTime) -> Option<Lifetime> {
        let peer = transport.peer()?;
        let own = self.worker.proxy.store.svid()?;
        let expires = peer.not_after.min(own.not_after());
        let draw = |random: &mut _| Lifetime::new(Side::Server, opened, expires, random);
        Some(self.worker.randomness.lifetimes.with(draw))
    }

    fn refuse(&self, reason: RefusalReason, detail: impl Into<String>) {
        self.worker.proxy.refused(Refusal {
            proxy: self.worker.proxy.workload().to_owned(),
            direction: Direction::Inbound,
            at_us: epoch_micros(self.worker.proxy.host.wall_clock()),
            peer_address: self.address,
            reason,
            detail: detail.into(),
        });
    }
}

/// Reads what a refused peer still sends, up to a limit.
async fn hear_out(mut stream: Peeked) -> io::Result<u64> {
    stream.shutdown().await?;
    tokio::io::copy(&mut stream.take(LINGER_BYTES), &mut tokio::io::sink()).await
}
