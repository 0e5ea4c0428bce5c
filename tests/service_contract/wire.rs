//! The suite's HTTP client: through hyper where any well-formed exchange will do, byte by byte where not.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use hallway_host::{Host, Stream};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::client::conn::http2;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::{Failure, fail};

/// How long an answer may take to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Reply {
    /// The body, as what it should be.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        let unusable = |error| format!("{error} in {}", String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).map_err(|error| unusable(error).into())
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// An address, and the machine from which the suite speaks to it.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) host: Host,
    pub(crate) address: SocketAddr,
}

impl Endpoint {
    async fn connect(&self) -> io::Result<Stream> {
        self.host.connect(self.address).await
    }
}

/// A connection that is kept alive.
pub(crate) struct Connection(SendRequest<Full<Bytes>>);

impl Connection {
    pub(crate) async fn open(endpoint: &Endpoint) -> Result<Self, Failure> {
        let stream = endpoint.connect().await?;
        let (connection, driver) = http1::handshake(TokioIo::new(stream)).await?;
        // What goes wrong on the connection is told to whoever waits for an answer on it.
        endpoint.host.spawn(async { driver.await.unwrap_or_default() });
        Ok(Self(connection))
    }

    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Reply, Failure> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "payments");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes())))?;
        timeout(PATIENCE, async {
            self.0.ready().await?;
            whole(self.0.send_request(request).await?).await
        })
        .await?
    }
}

/// An HTTP/2 connection, on which any number of requests can be under way.
pub(crate) struct Http2Connection(http2::SendRequest<Full<Bytes>>);

impl Http2Connection {
    pub(crate) async fn open(endpoint: &Endpoint) -> Result<Self, Failure> {
        let stream = endpoint.connect().await?;
        // As small a window as RFC 9113 has to begin with, so that large answers depend on its being opened again.
        let (connection, driver) = http2::Builder::new(endpoint.host.clone())
            .initial_stream_window_size(65_535)
            .handshake(TokioIo::new(stream))
            .await?;
        // What goes wrong on the connection is told to whoever waits for an answer on it.
        endpoint.host.spawn(async { driver.await.unwrap_or_default() });
        Ok(Self(connection))
    }

    /// Whether the other side has closed it.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Reply, Failure> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://payments{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into()))?;
        let mut connection = self.0.clone();
        timeout(PATIENCE, async {
            whole(connection.send_request(request).await?).await
        })
        .await?
    }
}

/// Sends one request on a connection of its own.
pub(crate) async fn send(
    endpoint: &Endpoint,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Reply, Failure> {
    Connection::open(endpoint)
        .await?
        .send(method, path, headers, body)
        .await
}

async fn whole(response: Response<hyper::body::Incoming>) -> Result<Reply, Failure> {
    let (head, body) = response.into_parts();
    let collected = body.collect().await?;
    Ok(Reply {
        status: head.status.as_u16(),
        headers: head.headers,
        trailers: collected.trailers().cloned(),
        body: collected.to_bytes(),
    })
}

/// A connection on which the suite writes bytes of its own making.
pub(crate) struct RawConnection(pub(crate) Stream);

impl RawConnection {
    pub(crate) async fn open(endpoint: &Endpoint) -> Result<Self, Failure> {
        Ok(Self(endpoint.connect().await?))
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await?;
        self.0.flush().await
    }

    /// What comes next, until `complete` or the end of the stream.
    pub(crate) async fn read_until(&mut self, complete: impl Fn(&str) -> bool) -> Result<String, Failure> {
        let mut seen = Vec::new();
        let mut buffer = [0; 16 * 1024];
        loop {
            let text = String::from_utf8_lossy(&seen);
            if complete(&text) {
                return Ok(text.into_owned());
            }
            match timeout(PATIENCE, self.0.read(&mut buffer)).await {
                Ok(Ok(0)) => return Ok(text.into_owned()),
                Ok(Ok(count)) => seen.extend_from_slice(&buffer[..count]),
                Ok(Err(error)) => return Err(error.into()),
                Err(_) => return fail(format!("nothing came for {PATIENCE:?} after `{text}`")),
            }
        }
    }

    /// Everything until the other side closes.
    pub(crate) async fn read_to_end(&mut self) -> Result<String, Failure> {
        self.read_until(|_| false).await
    }
}

/// Writes `request` on a connection of its own and reads until the other side closes.
pub(crate) async fn exchange_raw(endpoint: &Endpoint, request: &[u8]) -> Result<String, Failure> {
    let mut connection = RawConnection::open(endpoint).await?;
    connection.write(request).await?;
    connection.read_to_end().await
}

/// Whether an error is a reset of the connection.
pub(crate) fn is_reset(failure: &Failure) -> bool {
    let failure: &(dyn std::error::Error + 'static) = failure.as_ref();
    std::iter::successors(Some(failure), |error| (*error).source())
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::ConnectionReset)
}
