//! Calls to other services: through the sidecar, or straight to an address.
//!
//! There is no retry, no redirect, no timeout and no proxy from the environment here: all that is the mesh's affair.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;

use bytes::Bytes;
use hallway_host::Host;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri, header, uri::Scheme};
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::time::Instant;

use crate::call::CheckedCall;
use crate::contract::{CORRELATION_HEADER, CallResult, IDEMPOTENCY_KEY_HEADER, REQUEST_ID_HEADER};
use crate::message::{self, BodyError, HEAD_LIMIT};

/// The headers that are copied from a request to the calls made for it.
const PROPAGATED: [HeaderName; 3] = [
    HeaderName::from_static(REQUEST_ID_HEADER),
    HeaderName::from_static(CORRELATION_HEADER),
    HeaderName::from_static(IDEMPOTENCY_KEY_HEADER),
];

/// The headers that are copied as well, unless the author of the service forgot them.
const TRACE_CONTEXT: [HeaderName; 2] = [
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
];

/// How many idle connections are kept for one address.
const IDLE_CONNECTIONS: usize = 256;

type Connection = SendRequest<Full<Bytes>>;

/// Makes calls over connections that are kept alive.
pub(crate) struct Client {
    host: Host,
    proxy: Option<SocketAddr>,
    addresses: BTreeMap<String, SocketAddr>,
    idle: Mutex<BTreeMap<SocketAddr, Vec<Connection>>>,
}

/// Why a call got no answer.
#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("there is no address for `{host}`, and no proxy to ask")]
    UnknownHost { host: String },
    #[error("cannot connect to {address}")]
    Connect { address: SocketAddr, source: io::Error },
    #[error("no answer from {address}")]
    Exchange {
        address: SocketAddr,
        source: hyper::Error,
    },
    #[error("the answer from {address} is unusable")]
    Body { address: SocketAddr, source: BodyError },
}

/// The headers of `request` that its calls carry on.
pub(crate) fn propagated(request: &HeaderMap, drop_trace: bool) -> HeaderMap {
    let copies = |name: HeaderName| {
        request
            .get_all(&name)
            .iter()
            .cloned()
            .map(|value| (name.clone(), value))
            .collect::<Vec<_>>()
    };
    let trace_context = TRACE_CONTEXT.into_iter().filter(|_| !drop_trace);
    PROPAGATED
        .into_iter()
        .chain(trace_context)
        .flat_map(copies)
        .collect()
}

impl Client {
    pub(crate) fn new(
        host: Host,
        proxy: Option<SocketAddr>,
        addresses: BTreeMap<String, SocketAddr>,
    ) -> Self {
        Self {
            host,
            proxy,
            addresses,
            idle: Mutex::default(),
        }
    }

    /// Makes one call, with `context` copied to it. Dropping the future closes the connection, which tells the callee
    /// that nobody waits any more.
    pub(crate) async fn call(&self, call: &CheckedCall, context: &HeaderMap) -> CallResult {
        let started = Instant::now();
        let mut result = CallResult {
            url: call.url.clone(),
            status: None,
            error: None,
            headers: BTreeMap::new(),
            body: Value::Null,
            elapsed_us: 0,
        };
        match self.exchange(call, context).await {
            Ok((head, body)) => {
                result.status = Some(head.status.as_u16());
                result.headers = message::headers_as_map(&head.headers);
                result.body = serde_json::from_slice(&body)
                    .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned()));
            }
            Err(error) => result.error = Some(with_causes(&error)),
        }
        result.elapsed_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        result
    }

    async fn exchange(
        &self,
        call: &CheckedCall,
        context: &HeaderMap,
    ) -> Result<(http::response::Parts, Bytes), CallError> {
        let address = self.address(call)?;
        let mut connection = self
            .connection(address)
            .await
            .map_err(|source| CallError::Connect { address, source })?;
        let answer = connection
            .send_request(self.request(call, context))
            .await
            .map_err(|source| CallError::Exchange { address, source })?;
        let (head, body) = answer.into_parts();
        let body = message::read(body)
            .await
            .map_err(|source| CallError::Body { address, source })?;
        self.keep(address, connection);
        Ok((head, body))
    }

    fn address(&self, call: &CheckedCall) -> Result<SocketAddr, CallError> {
        let host = call.authority.host();
        self.proxy
            .or_else(|| self.addresses.get(host).copied())
            .ok_or_else(|| CallError::UnknownHost {
                host: host.to_owned(),
            })
    }

    /// In absolute form for a proxy, in origin form otherwise (RFC 9112, section 3.2).
    fn request(&self, call: &CheckedCall, context: &HeaderMap) -> Request<Full<Bytes>> {
        let mut uri = Uri::builder().path_and_query(call.target.clone());
        if self.proxy.is_some() {
            uri = uri.scheme(Scheme::HTTP).authority(call.authority.clone());
        }
        let mut request = Request::new(Full::new(call.body.clone()));
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = uri.build().expect("these parts come from a URL");
        let host = HeaderValue::try_from(call.authority.as_str()).expect("an authority is printable ASCII");
        let headers = request.headers_mut();
        headers.insert(header::HOST, host);
        headers.extend(context.clone());
        for (name, value) in &call.headers {
            headers.insert(name, value.clone());
        }
        request
    }

    /// An idle connection that is still open, or else a new one.
    async fn connection(&self, address: SocketAddr) -> io::Result<Connection> {
        while let Some(mut connection) = self.take_idle(address) {
            if connection.ready().await.is_ok() {
                return Ok(connection);
            }
        }
        let stream = self.host.connect(address).await?;
        let (connection, driver) = http1::Builder::new()
            .max_buf_size(HEAD_LIMIT)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        // What goes wrong on the connection is told to whoever waits for an answer on it.
        self.host.spawn(async { driver.await.unwrap_or_default() });
        Ok(connection)
    }

    fn take_idle(&self, address: SocketAddr) -> Option<Connection> {
        self.idle
            .lock()
            .expect("pooling does not panic")
            .get_mut(&address)?
            .pop()
    }

    fn keep(&self, address: SocketAddr, connection: Connection) {
        let mut idle = self.idle.lock().expect("pooling does not panic");
        let connections = idle.entry(address).or_default();
        if connections.len() < IDLE_CONNECTIONS && !connection.is_closed() {
            connections.push(connection);
        }
    }
}

fn with_causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |message, cause| format!("{message}: {cause}"))
}
