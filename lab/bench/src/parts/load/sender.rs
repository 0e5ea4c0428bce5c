//! Sends one request at a time and checks its answer: status, length, and with gRPC the trailers.

use bytes::Bytes;
use hallway_host::Host;
use http::header::{CONTENT_TYPE, TE};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::TokioIo;

use super::Request;
use crate::http1::{Answer, Connection, MessageError};
use crate::setup::Protocol;

/// The prefix of a gRPC message: a flag and its length.
pub(crate) const GRPC_PREFIX: usize = 5;
/// Streams share connections in HTTP/2, so many each.
const STREAMS_PER_CONNECTION: usize = 16;
/// The largest answer that is read, in bytes.
const ANSWER_LIMIT: usize = 8 * 1024 * 1024;

/// Sends one request at a time.
pub(super) struct Sender {
    via: Via,
    expected: usize,
}

enum Via {
    /// Over a connection of its own.
    Http1 {
        connection: Connection,
        message: Vec<u8>,
    },
    /// As a stream among others.
    Http2 {
        connection: SendRequest<Full<Bytes>>,
        request: http::Request<Full<Bytes>>,
        grpc: bool,
    },
}

impl Sender {
    /// So many senders, connected.
    ///
    /// # Errors
    /// In one sentence, why there is no connection.
    pub(super) async fn connect(host: &Host, request: &Request, count: usize) -> Result<Vec<Self>, String> {
        let mut senders = Vec::new();
        match request.protocol {
            Protocol::Http1 => {
                for _ in 0..count {
                    senders.push(Self::http1(host, request).await?);
                }
            }
            Protocol::Http2 | Protocol::Grpc => {
                while senders.len() < count {
                    let streams = STREAMS_PER_CONNECTION.min(count - senders.len());
                    let connection = connect_http2(host, request).await?;
                    senders.extend((0..streams).map(|_| Self::http2(connection.clone(), request)));
                }
            }
        }
        Ok(senders)
    }

    /// Sends the request, and checks the answer.
    ///
    /// # Errors
    /// In one sentence, what was wrong with it.
    pub(super) async fn exchange(&mut self) -> Result<(), String> {
        match &mut self.via {
            Via::Http1 { connection, message } => exchange_http1(connection, message, self.expected).await,
            Via::Http2 {
                connection,
                request,
                grpc,
            } => exchange_http2(connection, request.clone(), self.expected, *grpc).await,
        }
    }

    async fn http1(host: &Host, request: &Request) -> Result<Self, String> {
        let stream = host.connect(request.target).await;
        let stream = stream.map_err(|error| format!("cannot connect to {}: {error}", request.target))?;
        Ok(Self {
            via: Via::Http1 {
                connection: Connection::new(stream),
                message: request.http1(),
            },
            expected: request.answer,
        })
    }

    fn http2(connection: SendRequest<Full<Bytes>>, request: &Request) -> Self {
        Self {
            via: Via::Http2 {
                connection,
                request: request.http2(),
                grpc: request.protocol == Protocol::Grpc,
            },
            expected: request.answer,
        }
    }
}

/// Sends one request over a connection of its own.
///
/// # Errors
/// In one sentence, what went wrong.
pub(crate) async fn probe(host: &Host, request: &Request) -> Result<(), String> {
    let mut senders = Sender::connect(host, request, 1).await?;
    senders[0].exchange().await
}

async fn connect_http2(host: &Host, request: &Request) -> Result<SendRequest<Full<Bytes>>, String> {
    let stream = host.connect(request.target).await;
    let stream = stream.map_err(|error| format!("cannot connect to {}: {error}", request.target))?;
    let (connection, driver) = http2::handshake(host.clone(), TokioIo::new(stream))
        .await
        .map_err(|error| format!("no HTTP/2 with {}: {error}", request.target))?;
    // What goes wrong is told to whoever waits for an answer.
    host.spawn(async { driver.await.unwrap_or_default() });
    Ok(connection)
}

/// One exchange over a connection of HTTP/1.1.
///
/// # Errors
/// In one sentence, what was wrong with the answer.
pub(crate) async fn exchange_http1<Io: crate::http1::Bytes>(
    connection: &mut Connection<Io>,
    message: &[u8],
    expected: usize,
) -> Result<(), String> {
    let exchanged: Result<Answer, MessageError> = async {
        connection.send(message).await?;
        connection.answer().await
    }
    .await;
    match exchanged {
        Ok(answer) => check(answer.status, answer.length, expected),
        Err(error) => Err(error.to_string()),
    }
}

async fn exchange_http2(
    connection: &mut SendRequest<Full<Bytes>>,
    request: http::Request<Full<Bytes>>,
    expected: usize,
    grpc: bool,
) -> Result<(), String> {
    connection
        .ready()
        .await
        .map_err(|error| format!("the connection is gone: {error}"))?;
    let answer = connection
        .send_request(request)
        .await
        .map_err(|error| format!("no answer: {error}"))?;
    let status = answer.status().as_u16();
    let body = Limited::new(answer.into_body(), ANSWER_LIMIT)
        .collect()
        .await
        .map_err(|error| format!("the answer is incomplete: {error}"))?;
    let trailer = body.trailers().and_then(|trailers| trailers.get("grpc-status"));
    if grpc && trailer.is_none_or(|status| status != "0") {
        return Err(format!("the trailer grpc-status is {trailer:?} instead of 0"));
    }
    check(status, body.to_bytes().len(), expected)
}

fn check(status: u16, length: usize, expected: usize) -> Result<(), String> {
    match status == 200 && length == expected {
        true => Ok(()),
        false => Err(format!(
            "an answer was {status} with {length} bytes instead of 200 with {expected}"
        )),
    }
}

impl Request {
    fn method(&self) -> &'static str {
        match self.body {
            0 => "GET",
            _ => "POST",
        }
    }

    /// The whole message.
    pub(crate) fn http1(&self) -> Vec<u8> {
        let mut message = format!(
            "{} {} HTTP/1.1\r\nhost: {}\r\naccept: application/json\r\nuser-agent: hallway-bench\r\n",
            self.method(),
            self.path,
            self.authority
        );
        if self.request_id {
            message += "x-request-id: 5b6c0b7e-7b7d-4a39-9f5c-0d9a6f5e2d11\r\n";
        }
        if self.body > 0 {
            message += &format!(
                "content-type: application/json\r\ncontent-length: {}\r\n",
                self.body
            );
        }
        let mut message = (message + "\r\n").into_bytes();
        message.extend(std::iter::repeat_n(b'x', self.body));
        message
    }

    fn http2(&self) -> http::Request<Full<Bytes>> {
        let builder = http::Request::builder()
            .method(self.method())
            .uri(format!("http://{}{}", self.authority, self.path))
            .header(http::header::USER_AGENT, "hallway-bench");
        let builder = match self.protocol {
            Protocol::Grpc => builder
                .header(CONTENT_TYPE, "application/grpc")
                .header(TE, "trailers"),
            _ => builder,
        };
        let body = match self.protocol {
            Protocol::Grpc => grpc_message(self.body.saturating_sub(GRPC_PREFIX)),
            _ => vec![b'x'; self.body],
        };
        builder
            .body(Full::new(body.into()))
            .expect("a well-formed request")
    }
}

/// A message of so many bytes, uncompressed, behind its prefix.
pub(crate) fn grpc_message(bytes: usize) -> Vec<u8> {
    let length = u32::try_from(bytes).expect("messages are small");
    let mut message = vec![0];
    message.extend(length.to_be_bytes());
    message.resize(GRPC_PREFIX + bytes, b'x');
    message
}
