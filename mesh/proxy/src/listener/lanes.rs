//! Lanes with a downstream: many requests at a time, all of them in the task of their connection. A task for each would cost what
//! it takes to start one, and a turn more before the answer is sent.

use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use hallway_lanes::Error;
use hallway_lanes::server::{Connection, Exchange, open};
use http::header::CONNECTION;
use http_body::Body;
use tokio::time::timeout_at;

use super::idle::Idle;
use super::{Ended, Ending};
use crate::downstream::Downstream;
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
    let mut server = Server {
        worker,
        connection: open(transport, worker.proxy.bootstrap.limits.header_bytes),
        downstream: &downstream,
        handling: FuturesUnordered::new(),
        idle: Idle::new(),
        requests: 0,
    };
    let ended = ending
        .watch(
            Pin::new(&mut server),
            |server| server.get_mut().connection.say_goodbye(),
            std::future::pending(),
        )
        .await;
    if let Ended::ByItself(Err(error)) = ended
        && error.is_violation()
    {
        worker.proxy.metrics.protocol_broken(downstream.direction);
    }
    server.requests
}

/// One connection. As a future, it ends with it.
struct Server<'a> {
    worker: &'a Arc<Worker>,
    connection: Connection<Transport>,
    downstream: &'a Arc<Downstream>,
    /// The requests that are being answered; whoever is still there when the connection ends is dropped with it.
    handling: FuturesUnordered<BoxFuture<'static, ()>>,
    idle: Idle,
    requests: u64,
}

impl Future for Server<'_> {
    type Output = Result<(), Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let server = self.get_mut();
        loop {
            // First, so that what they have to say goes out in the same turn.
            while let Poll::Ready(Some(())) = server.handling.poll_next_unpin(context) {}
            match server.connection.poll_accept(context)? {
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Ready(Some(exchange)) => {
                    server.requests += 1;
                    server.idle.asked();
                    let (worker, downstream) = (Arc::clone(server.worker), Arc::clone(server.downstream));
                    let answering = answer(worker, downstream, exchange);
                    // A bug that one request meets is none of the others', as if each had a task of its own.
                    let answering = AssertUnwindSafe(answering).catch_unwind().map(drop);
                    server.handling.push(Box::pin(answering));
                }
                Poll::Pending if server.idle.poll(context, || server.connection.has_exchanges()) => {
                    server.connection.say_goodbye();
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

/// Answers one request, unless the downstream takes it back.
async fn answer(worker: Arc<Worker>, downstream: Arc<Downstream>, exchange: Exchange) {
    let Exchange { request, mut respond } = exchange;
    let request = request.map(Incoming::Lane);
    let response = tokio::select! {
        biased;
        response = request::handle(&worker, &downstream, request) => response,
        _ = poll_fn(|context| respond.poll_reset(context)) => return,
    };
    let (mut head, body) = response.into_parts();
    // What a local reply asks of an HTTP/1.1 connection means nothing here.
    head.headers.remove(CONNECTION);
    // Whatever goes wrong from here on, the downstream is gone or is told by a reset, and the records say what happened.
    let Ok(sending) = respond.respond(&head, body.is_end_stream()).await else {
        return;
    };
    if body.is_end_stream() {
        return;
    }
    let deadline = body.deadline();
    let sending = sending.send(body);
    match deadline {
        None => drop(sending.await),
        Some(deadline) => drop(timeout_at(deadline, sending).await),
    }
}
