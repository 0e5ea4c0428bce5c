//! HTTP/2 with a downstream: many requests at a time, each a task of its own.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::RecvStream;
use h2::server::{Builder, Connection, SendResponse};
use hallway_model::telemetry::Direction;
use http::header::CONNECTION;
use http::{Request, Response};
use http_body::Body;
use tokio::time::{timeout, timeout_at};

use super::idle::Idle;
use super::{Ended, Ending, HEADER_TIMEOUT, SILENCE_TIMEOUT};
use crate::cork::Cork;
use crate::downstream::Downstream;
use crate::http2;
use crate::incoming::Incoming;
use crate::request;
use crate::transport::Transport;
use crate::worker::Worker;

pub(super) async fn serve(
    worker: &Arc<Worker>,
    transport: Transport,
    downstream: Arc<Downstream>,
    ending: Ending<'_>,
) -> u64 {
    let limits = &worker.proxy.bootstrap.limits;
    let cork = Cork::on(transport);
    let handshake = Builder::new()
        .initial_window_size(http2::STREAM_WINDOW)
        .initial_connection_window_size(http2::CONNECTION_WINDOW)
        .max_concurrent_streams(http2::STREAMS)
        .max_send_buffer_size(http2::SEND_BUFFER)
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .max_concurrent_reset_streams(http2::RESETS_REMEMBERED)
        .reset_stream_duration(http2::RESET_MEMORY)
        .handshake(cork.clone());
    let mut handshake = pin!(handshake);
    let shaking = poll_fn(|context| cork.poll_then_send(context, |context| handshake.as_mut().poll(context)));
    let Ok(Ok(connection)) = timeout(HEADER_TIMEOUT, shaking).await else {
        worker.proxy.metrics.protocol_broken(downstream.direction);
        return 0;
    };
    let mut server = Server {
        worker,
        connection,
        cork,
        downstream: &downstream,
        idle: Idle::new(),
        requests: 0,
    };
    let ended = ending
        .watch(
            Pin::new(&mut server),
            |server| server.get_mut().connection.graceful_shutdown(),
            std::future::pending(),
        )
        .await;
    if let Ended::ByItself(Err(error)) = ended
        && !error.is_io()
        && !error.is_remote()
    {
        worker.proxy.metrics.protocol_broken(downstream.direction);
    }
    server.requests
}

/// One connection. As a future, it ends with it.
struct Server<'a> {
    worker: &'a Arc<Worker>,
    connection: Connection<Cork, Bytes>,
    cork: Cork,
    downstream: &'a Arc<Downstream>,
    idle: Idle,
    requests: u64,
}

impl Future for Server<'_> {
    type Output = Result<(), h2::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), h2::Error>> {
        let server = self.get_mut();
        let cork = server.cork.clone();
        cork.poll_then_send(context, |context| server.accept(context))
    }
}

impl Server<'_> {
    /// Starts a task for each request that has come.
    fn accept(&mut self, context: &mut Context<'_>) -> Poll<Result<(), h2::Error>> {
        loop {
            match self.connection.poll_accept(context)? {
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Ready(Some((request, respond))) => {
                    self.requests += 1;
                    self.idle.asked();
                    let (worker, downstream) = (Arc::clone(self.worker), Arc::clone(self.downstream));
                    let host = &self.worker.proxy.host;
                    // Boxed here, so that it is not copied from hand to hand until it is in its task.
                    host.spawn(Box::pin(answer(worker, downstream, request, respond)));
                }
                Poll::Pending => break,
            }
        }
        if self.idle.poll(context, || self.connection.has_streams()) {
            self.connection.graceful_shutdown();
            return self.accept(context);
        }
        Poll::Pending
    }
}

/// Answers one request, unless the downstream takes it back.
async fn answer(
    worker: Arc<Worker>,
    downstream: Arc<Downstream>,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) {
    let (head, stream) = request.into_parts();
    let body = Incoming::http2(stream, &head.headers);
    let request = Request::from_parts(head, body);
    let response = tokio::select! {
        biased;
        response = request::handle(&worker, &downstream, request) => response,
        _ = poll_fn(|context| respond.poll_reset(context)) => return,
    };
    let (mut head, body) = response.into_parts();
    head.version = http::Version::HTTP_2;
    // What a local reply asks of an HTTP/1.1 connection means nothing here (RFC 9113 §8.2.2).
    head.headers.remove(CONNECTION);
    let is_empty = body.is_end_stream();
    // Whatever goes wrong from here on, the downstream is gone or is told by a reset, and the records say what happened.
    let Ok(stream) = respond.send_response(Response::from_parts(head, ()), is_empty) else {
        return;
    };
    if is_empty {
        return;
    }
    let deadline = body.deadline();
    let patience = (downstream.direction == Direction::Gateway).then_some(SILENCE_TIMEOUT);
    let sending = http2::send(stream, body, patience);
    match deadline {
        None => drop(sending.await),
        Some(deadline) => drop(timeout_at(deadline, sending).await),
    }
}
