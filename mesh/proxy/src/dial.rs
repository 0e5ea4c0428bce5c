//! Opening connections: TCP, and TLS over it where a peer must prove who it is.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hallway_host::Host;
use hallway_identity::{HandshakeFailure, server_name};
use hallway_model::telemetry::RefusalReason;
use thiserror::Error;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;

use crate::transport::{Peeked, Transport};

/// How long a connection may take to open, TLS included. A partition would otherwise hold a request for minutes.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why no connection could be opened.
#[derive(Debug, Error)]
pub(crate) enum DialError {
    /// TCP failed.
    #[error("{}", plain(.0))]
    Connect(io::Error),
    /// The TLS handshake failed, on either side.
    #[error("{}: {}", word(.0.reason), .0.detail)]
    Handshake(HandshakeFailure),
    /// It took longer than [`CONNECT_TIMEOUT`].
    #[error("connecting took longer than {} s", CONNECT_TIMEOUT.as_secs())]
    TimedOut,
}

/// Opens a connection to `address`; in plaintext, or with `tls`.
pub(crate) async fn dial(
    host: &Host,
    address: SocketAddr,
    tls: Option<&Arc<ClientConfig>>,
) -> Result<Transport, DialError> {
    let opening = async {
        let stream = host.connect(address).await.map_err(DialError::Connect)?;
        let stream = Peeked::untouched(stream);
        let Some(config) = tls else {
            return Ok(Transport::Plaintext(stream));
        };
        let connected = TlsConnector::from(Arc::clone(config))
            .connect(server_name(), stream.for_tls())
            .await
            .map_err(|error| DialError::Handshake(HandshakeFailure::of_handshake(&error)))?;
        Ok(Transport::Tls(Box::new(connected.into())))
    };
    tokio::time::timeout(CONNECT_TIMEOUT, opening)
        .await
        .unwrap_or(Err(DialError::TimedOut))
}

/// The reason in the words of the records, such as `unexpected-identity`.
pub(crate) fn word(reason: RefusalReason) -> String {
    match serde_json::to_value(reason) {
        Ok(serde_json::Value::String(word)) => word,
        _ => unreachable!("a reason is written as a word"),
    }
}

/// The words of an I/O error without the number of the operating system's.
fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::Other => error.to_string(),
        kind => kind.to_string(),
    }
}
