//! A plain HTTP/1.1 client over connections that are kept alive.
//!
//! It sends every request once. hyper's own high-level client would repeat some silently, and hides which connection
//! served a request; a load generator may do neither.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;

use bytes::Bytes;
use hallway_host::Host;
use http::{Request, Response};
use http_body_util::{BodyExt, Collected, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use thiserror::Error;

/// The largest body of an answer, in bytes.
const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// Sends requests, each over a connection that nobody else uses meanwhile.
pub(crate) struct HttpClient {
    host: Host,
    idle: Mutex<BTreeMap<SocketAddr, Vec<Connection>>>,
}

/// A request without an answer.
#[derive(Debug, Error)]
pub(crate) enum ClientError {
    /// There was no connection.
    #[error("cannot connect: {0}")]
    Connect(#[source] io::Error),
    /// The TLS handshake failed.
    #[error("no TLS connection: {0}")]
    Handshake(#[source] io::Error),
    /// There was a connection, and no answer.
    #[error("no answer: {}", with_causes(.0))]
    Exchange(#[source] hyper::Error),
    /// The answer ended, but not as it must.
    #[error("the answer is cut short: {0}")]
    CutShort(String),
    /// The answer broke off, or is too large.
    #[error("the answer is incomplete: {0}")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
}

struct Connection {
    requests: SendRequest<Full<Bytes>>,
    local_address: SocketAddr,
    used: bool,
}

impl HttpClient {
    pub(crate) fn new(host: Host) -> Self {
        Self {
            host,
            idle: Mutex::default(),
        }
    }

    /// From where it connects.
    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    /// Sends `request` to `address`, and reads the whole answer. The address of this end of the connection is left in
    /// `local_address` as soon as there is one, so that it is known whatever happens then.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(crate) async fn send(
        &self,
        address: SocketAddr,
        mut request: Request<Full<Bytes>>,
        local_address: &mut Option<SocketAddr>,
    ) -> Result<Response<Bytes>, ClientError> {
        loop {
            let mut connection = self.connection(address).await?;
            *local_address = Some(connection.local_address);
            match connection.requests.try_send_request(request).await {
                Ok(response) => {
                    let response = read_whole(response).await?;
                    self.keep(address, connection);
                    return Ok(response);
                }
                // The other side closed an idle connection; of this request, nothing was sent.
                Err(mut unsent) if connection.used => match unsent.take_message() {
                    Some(message) => request = message,
                    None => return Err(ClientError::Exchange(unsent.into_error())),
                },
                Err(error) => return Err(ClientError::Exchange(error.into_error())),
            }
        }
    }

    /// An idle connection that is still open, or else a new one.
    async fn connection(&self, address: SocketAddr) -> Result<Connection, ClientError> {
        while let Some(mut connection) = self.take_idle(address) {
            if connection.requests.ready().await.is_ok() {
                return Ok(connection);
            }
        }
        let stream = self.host.connect(address).await.map_err(ClientError::Connect)?;
        let local_address = stream.local_address().map_err(ClientError::Connect)?;
        let (requests, driver) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(ClientError::Exchange)?;
        // What goes wrong on the connection is told to whoever waits for an answer on it.
        self.host.spawn(async { driver.await.unwrap_or_default() });
        Ok(Connection {
            requests,
            local_address,
            used: false,
        })
    }

    fn take_idle(&self, address: SocketAddr) -> Option<Connection> {
        self.lock().get_mut(&address)?.pop()
    }

    fn keep(&self, address: SocketAddr, mut connection: Connection) {
        connection.used = true;
        if !connection.requests.is_closed() {
            self.lock().entry(address).or_default().push(connection);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<SocketAddr, Vec<Connection>>> {
        self.idle.lock().expect("pooling does not panic")
    }
}

/// Reads the whole body of an answer.
///
/// # Errors
/// [`ClientError::Body`].
pub(crate) async fn read_whole(response: Response<Incoming>) -> Result<Response<Bytes>, ClientError> {
    Ok(read_with_trailers(response).await?.map(Collected::to_bytes))
}

/// Reads the whole body of an answer, and the trailers after it.
///
/// # Errors
/// [`ClientError::Body`].
pub(crate) async fn read_with_trailers(
    response: Response<Incoming>,
) -> Result<Response<Collected<Bytes>>, ClientError> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, BODY_LIMIT)
        .collect()
        .await
        .map_err(ClientError::Body)?;
    Ok(Response::from_parts(head, body))
}

/// What an error says, and what its causes say.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |message, cause| format!("{message}: {cause}"))
}
