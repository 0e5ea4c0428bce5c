//! A client: one connection, one request after the other.

use std::net::SocketAddr;

use bytes::Bytes;
use hallway_host::Host;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::application::AnswerBody;
use super::soon;

/// Bytes below HTTP.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

pub(crate) struct Client {
    sender: SendRequest<AnswerBody>,
}

/// An answer that was read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }
}

impl Client {
    pub(crate) async fn connect(host: &Host, address: SocketAddr) -> Self {
        let stream = soon("a connection", host.connect(address))
            .await
            .expect("it listens");
        Self::over(host, stream).await
    }

    /// Over a connection that is open.
    pub(crate) async fn over(host: &Host, stream: impl Io) -> Self {
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .expect("a fresh connection");
        host.spawn(async move { drop(connection.await) });
        Self { sender }
    }

    /// Sends a request and waits for the head of its answer.
    pub(crate) async fn begin(&mut self, request: Request<AnswerBody>) -> hyper::Result<Response<Incoming>> {
        soon("a client that is ready", self.sender.ready()).await?;
        soon("the head of an answer", self.sender.send_request(request)).await
    }

    /// Sends a request and reads its answer to the end.
    pub(crate) async fn send(&mut self, request: Request<AnswerBody>) -> hyper::Result<Answer> {
        let (head, body) = self.begin(request).await?.into_parts();
        let body = soon("the end of an answer", body.collect()).await?.to_bytes();
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
        })
    }
}

pub(crate) fn request(
    method: &str,
    uri: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Request<AnswerBody> {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = Full::new(body.into()).map_err(|never| match never {}).boxed();
    request.body(body).expect("a well-formed request")
}

/// One GET over a connection of its own.
pub(crate) async fn get(host: &Host, proxy: SocketAddr, uri: &str, headers: &[(&str, &str)]) -> Answer {
    let mut client = Client::connect(host, proxy).await;
    client
        .send(request("GET", uri, headers, ""))
        .await
        .expect("an answer")
}

/// Sends bytes as they are, and reads until the other side closes.
pub(crate) async fn raw(host: &Host, address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = soon("a connection", host.connect(address))
        .await
        .expect("it listens");
    stream.write_all(bytes).await.expect("it is still there");
    let mut answer = Vec::new();
    // Closing with unread data resets: what came before counts.
    let _ = soon("the close of the connection", stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}
