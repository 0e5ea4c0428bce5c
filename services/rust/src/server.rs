//! HTTP/1.1 on accepted connections.

use std::error::Error;
use std::pin::Pin;
use std::time::Duration;

use hallway_host::{Host, Listener, Stream};
use http::{HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::message::{Body, HEAD_LIMIT};

/// How long requests in flight may take to finish once the service has been told to stop.
const DRAIN: Duration = Duration::from_secs(5);

/// A request that gets no answer: what happens to its connection instead.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Unanswered {
    /// The connection is reset.
    #[error("told to reset the connection")]
    Reset,
    /// The connection is closed.
    #[error("the request was given up")]
    Close,
}

/// Serves connections until it is told to stop, and knows when the last of them has ended.
pub(crate) struct Server {
    host: Host,
    stop: CancellationToken,
    connections: TaskTracker,
}

impl Server {
    pub(crate) fn new(host: Host, stop: CancellationToken) -> Self {
        Self {
            host,
            stop,
            connections: TaskTracker::new(),
        }
    }

    /// Hands the requests of every connection of `listener` to `handler`, until the service stops.
    pub(crate) async fn serve<Handler, Answer>(&self, mut listener: Listener, handler: Handler)
    where
        Handler: Fn(Request<Incoming>) -> Answer + Clone + Send + Sync + 'static,
        Answer: Future<Output = Result<Response<Body>, Unanswered>> + Send + 'static,
    {
        loop {
            let stream = tokio::select! {
                (stream, _) = listener.accept() => stream,
                () = self.stop.cancelled() => return,
            };
            let connection = serve_connection(self.host.clone(), stream, handler.clone(), self.stop.clone());
            self.host.spawn(self.connections.track_future(connection));
        }
    }

    /// Waits for the connections that are still open. Each ends by itself within [`DRAIN`] of the order to stop.
    pub(crate) async fn drained(&self) {
        self.connections.close();
        self.connections.wait().await;
    }
}

async fn serve_connection<Handler, Answer>(
    host: Host,
    stream: Stream,
    handler: Handler,
    stop: CancellationToken,
) where
    Handler: Fn(Request<Incoming>) -> Answer,
    Answer: Future<Output = Result<Response<Body>, Unanswered>>,
{
    let service = service_fn(|request| {
        let answer = handler(request);
        async { answer.await.map(|answer| dated(answer, &host)) }
    });
    let mut connection = http1::Builder::new()
        .max_buf_size(HEAD_LIMIT)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service);

    let ended_by_itself = tokio::select! {
        ended = &mut connection => Some(ended),
        () = stop.cancelled() => None,
    };
    let ended = match ended_by_itself {
        Some(ended) => ended,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            tokio::time::timeout(DRAIN, &mut connection)
                .await
                .unwrap_or(Ok(()))
        }
    };
    if ended.is_err_and(|error| was_told_to_reset(&error)) {
        // Failing to ask for a reset leaves an ordinary close: the connection is gone either way.
        let _ = connection.into_parts().io.into_inner().reset_on_close();
    }
}

/// hyper would stamp answers with the system's clock; the host's is the one that counts.
fn dated(mut answer: Response<Body>, host: &Host) -> Response<Body> {
    let date = httpdate::fmt_http_date(host.wall_clock());
    let date = HeaderValue::try_from(date).expect("a date is printable ASCII");
    answer.headers_mut().insert(header::DATE, date);
    answer
}

fn was_told_to_reset(error: &hyper::Error) -> bool {
    error.source().and_then(<dyn Error>::downcast_ref) == Some(&Unanswered::Reset)
}
