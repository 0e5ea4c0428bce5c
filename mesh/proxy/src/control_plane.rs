//! The control plane, as the proxy speaks to it: HTTP/1.1 over TLS, one connection for each exchange, or one for many that
//! follow each other ([`Line`]).

use std::sync::Arc;

use bytes::Bytes;
use hallway_host::Host;
use hallway_identity::{SvidStore, Versions, client_config};
use hallway_model::bootstrap::ControlPlaneAddress;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio::time::timeout;
use tokio_rustls::rustls::ClientConfig;

use crate::dial::{DialError, dial};

/// How long an exchange may take; the discovery stream is free of it once it is open.
const EXCHANGE_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);

/// The longest answer that is read, in bytes.
const ANSWER_LIMIT: usize = 1024 * 1024;

/// The way to the control plane.
pub(crate) struct ControlPlane {
    host: Host,
    address: ControlPlaneAddress,
    tls: Arc<ClientConfig>,
}

/// A connection to the control plane that is kept for further exchanges.
pub(crate) struct Line<'a> {
    control_plane: &'a ControlPlane,
    open: Option<Connection>,
}

/// An open connection.
struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    /// What it is called in `Host`.
    host: String,
}

/// Why an exchange with the control plane failed.
#[derive(Debug, Error)]
pub(crate) enum ControlPlaneError {
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error("the exchange broke off: {0}")]
    Http(#[from] hyper::Error),
    #[error("no answer within {} s", EXCHANGE_TIMEOUT.as_secs())]
    TimedOut,
    #[error("it answered {status}: {words}")]
    Refused { status: StatusCode, words: String },
    #[error("it answered what this proxy cannot read: {0}")]
    Unreadable(String),
}

impl ControlPlaneError {
    /// Whether asking again with the same words cannot help.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if status.is_client_error())
    }
}

impl ControlPlane {
    /// The control plane at `address`, which must prove to be who `address` says. The current SVID of `store` is presented.
    pub(crate) fn new(host: &Host, address: ControlPlaneAddress, store: &SvidStore) -> Self {
        Self {
            tls: client_config(host, store, address.identity.clone(), Versions::Http1),
            host: host.clone(),
            address,
        }
    }

    /// Posts `message` and reads an answer.
    pub(crate) async fn post<Answer: DeserializeOwned>(
        &self,
        path: &str,
        message: &impl Serialize,
    ) -> Result<Answer, ControlPlaneError> {
        let body = written(message);
        let exchange = async { self.connect().await?.post(path, body).await };
        let answer = in_time(exchange).await?;
        serde_json::from_slice(&answer).map_err(|error| ControlPlaneError::Unreadable(error.to_string()))
    }

    /// A connection for exchanges to come; it is opened by the first of them.
    pub(crate) fn line(&self) -> Line<'_> {
        Line {
            control_plane: self,
            open: None,
        }
    }

    /// Opens a stream.
    pub(crate) async fn stream(&self, path: &str) -> Result<Incoming, ControlPlaneError> {
        let exchange = async { self.connect().await?.send(Method::GET, path, Bytes::new()).await };
        in_time(exchange).await.map(Response::into_body)
    }

    async fn connect(&self) -> Result<Connection, ControlPlaneError> {
        let transport = dial(&self.host, self.address.address, Some(&self.tls)).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(transport)).await?;
        // It ends with its sender and the last response, whose errors say what went wrong.
        self.host.spawn(async move { drop(connection.await) });
        Ok(Connection {
            sender,
            host: self.address.address.to_string(),
        })
    }
}

impl Line<'_> {
    /// Posts `message`, which can be read twice without harm, and to which no answer but the status is expected. When the
    /// connection has been closed since the last message, a new one is opened.
    pub(crate) async fn tell(
        &mut self,
        path: &str,
        message: &impl Serialize,
    ) -> Result<(), ControlPlaneError> {
        let body = written(message);
        let kept = self.open.take().filter(|connection| connection.sender.is_ready());
        let exchange = async {
            if let Some(mut connection) = kept {
                match connection.post(path, body.clone()).await {
                    // It was closed in this very moment.
                    Err(ControlPlaneError::Http(_)) => {}
                    told => return told.map(|_| connection),
                }
            }
            let mut connection = self.control_plane.connect().await?;
            connection.post(path, body).await?;
            Ok(connection)
        };
        self.open = Some(in_time(exchange).await?);
        Ok(())
    }
}

impl Connection {
    async fn post(&mut self, path: &str, body: Bytes) -> Result<Bytes, ControlPlaneError> {
        let response = self.send(Method::POST, path, body).await?;
        read(response.into_body()).await
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, ControlPlaneError> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, &self.host)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(Full::new(body))
            .expect("paths are written in this crate, with names percent-encoded");
        let response = self.sender.send_request(request).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let words = read(response.into_body()).await.unwrap_or_default();
        let words = String::from_utf8_lossy(&words).trim().to_owned();
        Err(ControlPlaneError::Refused { status, words })
    }
}

async fn in_time<T>(
    exchange: impl Future<Output = Result<T, ControlPlaneError>>,
) -> Result<T, ControlPlaneError> {
    timeout(EXCHANGE_TIMEOUT, exchange)
        .await
        .unwrap_or(Err(ControlPlaneError::TimedOut))
}

fn written(message: &impl Serialize) -> Bytes {
    serde_json::to_vec(message)
        .expect("messages are plain data")
        .into()
}

async fn read(body: Incoming) -> Result<Bytes, ControlPlaneError> {
    match Limited::new(body, ANSWER_LIMIT).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) => Err(ControlPlaneError::Unreadable(error.to_string())),
    }
}
