//! Somebody who has no sidecar, and speaks to the sidecars of others with what it has.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use hallway_host::{Host, Stream};
use hallway_identity::server_name;
use http::{Request, Response};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use super::outcome::more_telling;
use super::sender::RequestTemplate;
use crate::http_client::{ClientError, read_whole};

/// Opens a connection of its own for every request.
pub(crate) struct Intruder {
    /// Its machine.
    pub(crate) host: Host,
    /// Where the wire takes it to the sidecar.
    pub(crate) target: SocketAddr,
    /// What it presents; without, it speaks plaintext.
    pub(crate) tls: Option<Arc<ClientConfig>>,
    /// A request in origin form.
    pub(crate) request: RequestTemplate,
}

impl Intruder {
    pub(super) async fn send(
        &self,
        correlation: &str,
        local_address: &mut Option<SocketAddr>,
    ) -> Result<Response<Bytes>, ClientError> {
        let stream = self
            .host
            .connect(self.target)
            .await
            .map_err(ClientError::Connect)?;
        *local_address = stream.local_address().ok();
        let request = self.request.instance(correlation);
        match &self.tls {
            None => exchange(stream, request).await,
            Some(config) => exchange(handshake(config, stream).await?, request).await,
        }
    }
}

async fn handshake(
    config: &Arc<ClientConfig>,
    stream: Stream,
) -> Result<tokio_rustls::client::TlsStream<Stream>, ClientError> {
    TlsConnector::from(config.clone())
        .connect(server_name(), stream)
        .await
        .map_err(ClientError::Handshake)
}

/// Sends one request and closes the connection. hyper tells an error of the connection either to the request or to the driver
/// of the connection: both are asked.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>, ClientError> {
    let (mut requests, driver) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(ClientError::Exchange)?;
    let asked = async move {
        let response = requests
            .send_request(request)
            .await
            .map_err(ClientError::Exchange)?;
        read_whole(response).await
    };
    let (driven, asked) = tokio::join!(driver, asked);
    asked.map_err(|error| more_telling(error, driven.err().map(ClientError::Exchange)))
}
