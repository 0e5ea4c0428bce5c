//! Accepting connections, and serving HTTP/1.1 on them until they end, retire, or the proxy drains.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hallway_host::{Listener, Stream};
use hallway_model::telemetry::Direction;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Semaphore;

use crate::downstream::Downstream;
use crate::drain::Drain;
use crate::lifetime::{Lifetime, reached};
use crate::proxy::Proxy;
use crate::request;
use crate::transport::Transport;

/// How long a head may take to arrive, and a connection may wait for its next request. Peers keep theirs for less.
const HEADER_TIMEOUT: Duration = Duration::from_secs(60);

/// The least buffer that hyper works with, in bytes. Heads are limited exactly, below.
const LEAST_BUFFER: usize = 8 * 1024;

/// Accepts connections until `drain` begins, and gives each to `serve` as a task of its own.
pub(crate) async fn accept<Serving>(
    proxy: &Arc<Proxy>,
    mut listener: Listener,
    direction: Direction,
    drain: Drain,
    serve: impl Fn(Stream, SocketAddr, Drain) -> Serving,
) where
    Serving: Future<Output = ()> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(proxy.bootstrap.limits.connections));
    loop {
        let (stream, address) = tokio::select! {
            accepted = listener.accept() => accepted,
            () = drain.begun() => return,
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            proxy.metrics.connection_overflowed(direction);
            continue;
        };
        let serving = serve(stream, address, drain.clone());
        let shared = Arc::clone(proxy);
        proxy.host.spawn(async move {
            shared.metrics.downstream_opened(direction);
            serving.await;
            shared.metrics.downstream_closed(direction);
            drop(place);
        });
    }
}

/// Serves the requests of one connection, and gives how many there were.
pub(crate) async fn serve(
    proxy: &Arc<Proxy>,
    transport: Transport,
    downstream: Downstream,
    lifetime: Option<Lifetime>,
    drain: &Drain,
) -> u64 {
    let requests = AtomicU64::new(0);
    let direction = downstream.direction;
    let downstream = Arc::new(downstream);
    let service = service_fn(|request| {
        requests.fetch_add(1, Ordering::Relaxed);
        request::handle(Arc::clone(proxy), Arc::clone(&downstream), request)
    });
    let limit = proxy.bootstrap.limits.header_bytes;
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_header_size(limit)
            .max_buf_size(limit.saturating_add(LEAST_BUFFER))
            .auto_date_header(false)
            .serve_connection(TokioIo::new(transport), service)
    );
    let retire = async {
        tokio::select! {
            () = drain.begun() => {}
            () = reached(lifetime.map(|lifetime| lifetime.retire_at)) => {}
        }
    };
    let cut_off = async {
        tokio::select! {
            () = drain.over() => {}
            () = reached(lifetime.map(|lifetime| lifetime.close_at)) => {}
        }
    };
    let (mut retire, mut cut_off) = (pin!(retire), pin!(cut_off));
    let mut retiring = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if ended.is_err_and(|error| error.is_parse()) {
                    proxy.metrics.protocol_broken(direction);
                }
                break;
            }
            () = retire.as_mut(), if !retiring => {
                retiring = true;
                connection.as_mut().graceful_shutdown();
            }
            () = cut_off.as_mut() => break,
        }
    }
    requests.load(Ordering::Relaxed)
}
