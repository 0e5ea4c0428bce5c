//! HTTP/2 towards an upstream: many requests at a time.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::Reason;
use h2::client::{Connection, SendRequest};
use hallway_host::Host;
use hallway_host::task::TaskGuard;
use http::Response;
use http_body::Body;
use tokio::time::Instant;

use super::{SendError, life};
use crate::cork::Cork;
use crate::http2;
use crate::incoming::Incoming;
use crate::outgoing::Outgoing;
use crate::transport::Transport;

#[derive(Clone)]
pub(super) struct Sender {
    requests: SendRequest<Bytes>,
    cork: Cork,
    /// Whether it no longer takes requests.
    closed: Arc<AtomicBool>,
}

/// What does the connection's work.
pub(super) struct Driver {
    connection: Connection<Cork, Bytes>,
    cork: Cork,
}

/// Opens HTTP/2 on `transport`; heads of responses are limited to `header_bytes`.
pub(super) async fn open(transport: Transport, header_bytes: usize) -> (super::Sender, life::Driver) {
    let cork = Cork::on(transport);
    let (requests, connection) = h2::client::Builder::new()
        .enable_push(false)
        .initial_window_size(http2::STREAM_WINDOW)
        .initial_connection_window_size(http2::CONNECTION_WINDOW)
        .max_send_buffer_size(http2::SEND_BUFFER)
        .max_header_list_size(u32::try_from(header_bytes).unwrap_or(u32::MAX))
        .max_concurrent_reset_streams(http2::RESETS_REMEMBERED)
        .reset_stream_duration(http2::RESET_MEMORY)
        .handshake(cork.clone())
        .await
        .expect("nothing is exchanged before the first request");
    let sender = Sender {
        requests,
        cork: cork.clone(),
        closed: Arc::default(),
    };
    let driver = life::Driver::Http2(Box::new(Driver { connection, cork }));
    (super::Sender::Http2(sender), driver)
}

impl Driver {
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Self { connection, cork } = self;
        cork.poll_then_send(context, |context| Pin::new(connection).poll(context))
            .map(drop)
    }
}

impl Sender {
    /// Whether it no longer takes requests.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// How many requests it carries at once.
    pub(super) fn most(&self) -> usize {
        self.requests
            .current_max_send_streams()
            .min(http2::STREAMS as usize)
    }

    /// When the peer was last heard of.
    pub(super) fn last_read(&self) -> Instant {
        self.cork.last_read()
    }

    /// Sends a request, which may be the `first` of the connection; a body that has to wait for the peer goes on in `upload`.
    pub(super) async fn send<'a>(
        &mut self,
        host: &Host,
        request: Outgoing<'a>,
        first: bool,
        upload: &mut Option<TaskGuard>,
    ) -> Result<Response<Incoming>, SendError<'a>> {
        if let Err(error) = poll_fn(|context| self.requests.poll_ready(context)).await {
            self.closed.store(true, Ordering::Relaxed);
            return Err(SendError {
                unsent: Some(Box::new(request)),
                ..self.failure(&error)
            });
        }
        let (head, body) = request.into_http2(first);
        let is_empty = body.is_end_stream();
        let (response, stream) = self
            .requests
            .send_request(head, is_empty)
            .map_err(|error| SendError {
                may_be_executed: false,
                ..self.failure(&error)
            })?;
        if !is_empty {
            // Whatever stops it reaches the request as the end of its stream.
            let sending = async move { drop(http2::send(stream, body, None).await) };
            *upload = super::upload(host, sending).await;
        }
        let response = response.await.map_err(|error| self.failure(&error))?;
        let (head, stream) = response.into_parts();
        let body = Incoming::http2(stream, &head.headers);
        Ok(Response::from_parts(head, body))
    }

    fn failure<'a>(&self, error: &h2::Error) -> SendError<'a> {
        // Both say that the peer did not look at the request (RFC 9113 §8.7).
        let refused = error.reason() == Some(Reason::REFUSED_STREAM);
        let unprocessed = error.is_remote() && (refused || error.is_go_away());
        SendError {
            unsent: None,
            may_be_executed: !unprocessed,
            refusal: self.cork.refusal(),
            cause: error.to_string(),
        }
    }
}
