//! HTTP/1.1 with a downstream: one request at a time.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use super::{Ended, Ending};
use crate::downstream::Downstream;
use crate::patience::Patience;
use crate::request;
use crate::transport::Transport;
use crate::worker::Worker;

/// The least buffer that hyper works with, in bytes. Heads are limited exactly, below.
const LEAST_BUFFER: usize = 8 * 1024;

pub(super) async fn serve(
    worker: &Arc<Worker>,
    transport: Transport,
    downstream: Arc<Downstream>,
    ending: Ending<'_>,
) -> u64 {
    let requests = AtomicU64::new(0);
    let direction = downstream.direction;
    let patience = Patience::new();
    let service = service_fn(|request: Request<Incoming>| {
        requests.fetch_add(1, Ordering::Relaxed);
        let (worker, downstream, answering) = (Arc::clone(worker), Arc::clone(&downstream), patience.asked());
        async move {
            let request = request.map(crate::incoming::Incoming::Http1);
            let response = request::handle(&worker, &downstream, request).await;
            Ok::<_, Infallible>(response.map(|body| body.awaited(answering)))
        }
    });
    let proxy = &worker.proxy;
    let limit = proxy.bootstrap.limits.header_bytes;
    let connection = pin!(
        http1::Builder::new()
            .max_header_size(limit)
            .max_buf_size(limit.saturating_add(LEAST_BUFFER))
            .auto_date_header(false)
            // Copying a small body behind its head costs less than gathering both in the kernel.
            .writev(false)
            .serve_connection(TokioIo::new(transport), service)
    );
    let ended = ending
        .watch(
            connection,
            |connection| connection.graceful_shutdown(),
            patience.exhausted(),
        )
        .await;
    if let Ended::ByItself(Err(error)) = ended
        && error.is_parse()
    {
        proxy.metrics.protocol_broken(direction);
    }
    requests.load(Ordering::Relaxed)
}
