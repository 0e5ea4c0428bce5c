//! HTTP/2 connections that stay open, each for many requests at once: the fat pipes of gRPC clients.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use hallway_host::{Host, Stream};
use http::{Request, Response};
use http_body_util::{Collected, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;

use crate::http_client::{ClientError, read_with_trailers};

/// How many bytes of one answer may be on their way unread: what RFC 9113 has when nothing is said, so that large answers depend on
/// everybody's flow control.
const STREAM_WINDOW: u32 = 65_535;

/// Somebody to talk to, and with what.
pub(crate) struct Dialer {
    /// From where.
    pub(crate) host: Host,
    /// At which address.
    pub(crate) target: SocketAddr,
    /// With which credentials; without, in the clear.
    pub(crate) tls: Option<Tls>,
}

/// How a client opens TLS.
pub(crate) struct Tls {
    /// What it presents, and whom it believes.
    pub(crate) config: Arc<ClientConfig>,
    /// Whom it asks for.
    pub(crate) name: ServerName<'static>,
}

/// Sends requests over a fixed number of connections, in turn.
pub(crate) struct Http2Client {
    dialer: Dialer,
    /// Each is opened when it is first needed, and again once it has been closed.
    connections: Vec<Mutex<Option<Connection>>>,
    next: AtomicUsize,
}

#[derive(Clone)]
struct Connection {
    requests: SendRequest<Full<Bytes>>,
    local_address: SocketAddr,
    used: bool,
}

impl Http2Client {
    pub(crate) fn new(dialer: Dialer, connections: u32) -> Self {
        Self {
            dialer,
            connections: (0..connections).map(|_| Mutex::default()).collect(),
            next: AtomicUsize::new(0),
        }
    }

    /// Sends `request`, and reads the whole answer. The address of this end of the connection is left in `local_address` as soon as
    /// there is one, so that it is known whatever happens then.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(super) async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
        local_address: &mut Option<SocketAddr>,
    ) -> Result<Response<Collected<Bytes>>, ClientError> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.connections.len();
        loop {
            let mut connection = self.connection(turn).await?;
            *local_address = Some(connection.local_address);
            match connection.requests.try_send_request(request).await {
                Ok(response) => return read_with_trailers(response).await,
                // The other side closed the connection before; of this request, nothing was sent.
                Err(mut unsent) if connection.used => match unsent.take_message() {
                    Some(message) => {
                        self.forget(turn, connection.local_address).await;
                        request = message;
                    }
                    None => return Err(ClientError::Exchange(unsent.into_error())),
                },
                Err(error) => return Err(ClientError::Exchange(error.into_error())),
            }
        }
    }

    async fn connection(&self, turn: usize) -> Result<Connection, ClientError> {
        let mut place = self.connections[turn].lock().await;
        if let Some(open) = place
            .as_ref()
            .filter(|connection| !connection.requests.is_closed())
        {
            return Ok(Connection {
                used: true,
                ..open.clone()
            });
        }
        let opened = self.dialer.open().await?;
        *place = Some(opened.clone());
        Ok(opened)
    }

    /// Has the next request open a connection, unless another one has done so already.
    async fn forget(&self, turn: usize, closed: SocketAddr) {
        let mut place = self.connections[turn].lock().await;
        place.take_if(|connection| connection.local_address == closed);
    }
}

impl Dialer {
    async fn open(&self) -> Result<Connection, ClientError> {
        let stream = self.connect().await?;
        let local_address = stream.local_address().map_err(ClientError::Connect)?;
        let requests = match &self.tls {
            None => self.speak(stream).await?,
            Some(tls) => self.speak(handshake(tls, stream).await?).await?,
        };
        Ok(Connection {
            requests,
            local_address,
            used: false,
        })
    }

    pub(super) async fn connect(&self) -> Result<Stream, ClientError> {
        self.host.connect(self.target).await.map_err(ClientError::Connect)
    }

    async fn speak(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<SendRequest<Full<Bytes>>, ClientError> {
        let (requests, driver) = http2::Builder::new(self.host.clone())
            .initial_stream_window_size(STREAM_WINDOW)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(ClientError::Exchange)?;
        // What goes wrong on the connection is told to whoever waits for an answer on it.
        self.host.spawn(async { driver.await.unwrap_or_default() });
        Ok(requests)
    }
}

/// Opens TLS on `stream`, and proves and verifies who is there.
pub(super) async fn handshake(
    tls: &Tls,
    stream: Stream,
) -> Result<tokio_rustls::client::TlsStream<Stream>, ClientError> {
    TlsConnector::from(tls.config.clone())
        .connect(tls.name.clone(), stream)
        .await
        .map_err(ClientError::Handshake)
}
