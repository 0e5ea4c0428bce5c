//! Somebody who has no sidecar, and speaks to a gateway, or to the sidecars of others, with what it has.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::multiplexed::{Dialer, handshake};
use super::outcome::more_telling;
use super::request::{Names, RequestTemplate};
use crate::http_client::{ClientError, read_whole};

/// Opens a connection of its own for every request.
pub(crate) struct Stranger {
    /// Its machine, where the wire takes it to the other side, and what it presents.
    pub(crate) dialer: Dialer,
    /// A request in origin form.
    pub(crate) request: RequestTemplate,
}

impl Stranger {
    pub(super) async fn send(
        &self,
        names: &Names<'_>,
        local_address: &mut Option<SocketAddr>,
    ) -> Result<Response<Bytes>, ClientError> {
        let stream = self.dialer.connect().await?;
        *local_address = stream.local_address().ok();
        let request = self.request.instance(names);
        match &self.dialer.tls {
            None => exchange(stream, request).await,
            Some(tls) => exchange(handshake(tls, stream).await?, request).await,
        }
    }
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
