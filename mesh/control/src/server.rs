//! Accepting connections: TLS for proxies, plain HTTP on loopback for operators. Both speak HTTP/1.1.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use hallway_host::{Host, Listener, Stream};
use hallway_identity::{HandshakeFailure, PeerCertificate, Refuser, Svid, SvidStore};
use hallway_model::telemetry::ControlRecord;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::clock::now_us;

/// At most this many connections are open at once at each endpoint; a further one is closed. A proxy needs two: its stream, and one
/// for everything else.
const MOST_CONNECTIONS: usize = 4096;

/// How long a peer may take for its handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a peer may take for the head of a request; hyper counts the pause before it too, so this also ends idle connections.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// How long a connection without a client certificate lasts: all that it is good for is to join.
const ANONYMOUS_LIFETIME: Duration = Duration::from_secs(30);

/// Bytes of a request line and its headers at most.
const HEAD_BYTES: usize = 16 * 1024;

/// How far into the future an expiry is believed: tokio cannot wait for ever.
const LONGEST_CONNECTION: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What a handler is told about the connection that a request came on.
#[derive(Clone)]
pub(crate) struct ConnectionInfo {
    /// Who is there, as authenticated; `None` without a client certificate, and in the clear.
    pub(crate) peer: Option<PeerCertificate>,
    /// When the first of both certificates expires, and the connection is cut.
    pub(crate) expires: Instant,
    /// Cuts the connection.
    pub(crate) cut: CancellationToken,
}

/// Serves an endpoint until `stop`.
pub(crate) struct Server {
    pub(crate) host: Host,
    pub(crate) router: Router,
    pub(crate) stop: CancellationToken,
}

/// How an endpoint secures its connections.
pub(crate) struct Tls {
    pub(crate) config: Arc<ServerConfig>,
    /// Where the server's own certificate comes from.
    pub(crate) store: SvidStore,
}

impl Server {
    /// Serves in the clear.
    pub(crate) async fn serve_plain(self, listener: Listener) {
        let server = Arc::new(self);
        server
            .accept(listener, |server, stream| async move {
                let info = server.connection_info(None, LONGEST_CONNECTION);
                server.serve_connection(stream, info).await;
            })
            .await;
    }

    /// Serves over TLS. No connection outlives either side's certificate.
    pub(crate) async fn serve_tls(self, listener: Listener, tls: Tls) {
        let server = Arc::new(self);
        let tls = Arc::new(tls);
        server
            .accept(listener, move |server, stream| {
                let tls = tls.clone();
                async move { server.serve_tls_connection(stream, &tls).await }
            })
            .await;
    }

    async fn accept<F>(self: Arc<Self>, mut listener: Listener, serve: impl Fn(Arc<Self>, Stream) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        loop {
            let (stream, _peer) = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.stop.cancelled() => return,
            };
            let Ok(place) = places.clone().try_acquire_owned() else {
                continue;
            };
            let connection = serve(self.clone(), stream);
            self.host.spawn(async move {
                connection.await;
                drop(place);
            });
        }
    }

    async fn serve_tls_connection(&self, stream: Stream, tls: &Tls) {
        let acceptor = TlsAcceptor::from(tls.config.clone());
        let stream = match timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return self.note_refusal(&HandshakeFailure::of_handshake(&error)),
            Err(_) => return,
        };
        let peer = PeerCertificate::of(stream.get_ref().1);
        let remaining = self.remaining(tls.store.svid().as_ref(), peer.as_ref());
        let info = self.connection_info(peer, remaining);
        self.serve_connection(stream, info).await;
    }

    /// How long a connection may last: until the first of both certificates expires.
    fn remaining(&self, own: Option<&Svid>, peer: Option<&PeerCertificate>) -> Duration {
        let now = self.host.wall_clock();
        let until = |expiry: SystemTime| expiry.duration_since(now).unwrap_or_default();
        let own = own.map_or(LONGEST_CONNECTION, |own| until(own.not_after()));
        let peer = peer.map_or(ANONYMOUS_LIFETIME, |peer| until(peer.not_after));
        own.min(peer)
    }

    fn connection_info(&self, peer: Option<PeerCertificate>, remaining: Duration) -> ConnectionInfo {
        ConnectionInfo {
            peer,
            expires: Instant::now() + remaining.min(LONGEST_CONNECTION),
            cut: self.stop.child_token(),
        }
    }

    async fn serve_connection(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        info: ConnectionInfo,
    ) {
        let ConnectionInfo { expires, cut, .. } = info.clone();
        let router = TowerToHyperService::new(self.router.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(info.clone());
            router.call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(IDLE_TIMEOUT)
            .max_buf_size(HEAD_BYTES)
            .auto_date_header(false)
            .serve_connection(TokioIo::new(stream), service);
        // Whatever ends a connection, the peer finds out by itself, and no handler is left behind.
        tokio::select! {
            _ = connection => {}
            () = cut.cancelled() => {}
            () = tokio::time::sleep_until(expires) => {}
        }
    }

    fn note_refusal(&self, failure: &HandshakeFailure) {
        if failure.refuser == Refuser::Us {
            self.host.record(&ControlRecord::Denied {
                at_us: now_us(&self.host),
                reason: format!("no TLS connection: {}", failure.detail),
            });
        }
    }
}
