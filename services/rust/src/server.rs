//! HTTP/1.1 or HTTP/2 on accepted connections.

use std::error::Error;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use hallway_host::{Host, Listener, Stream};
use http::{HeaderValue, Method, Request, Response, header};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::contract::Protocol;
use crate::idle::Activity;
use crate::message::{self, Body, HEAD_LIMIT};

/// How many requests one HTTP/2 connection carries at once.
const STREAMS: u32 = 256;

/// How long requests in flight may take to finish once the service has been told to stop.
const DRAIN: Duration = Duration::from_secs(5);

/// A request that gets no answer: what happens to its connection instead.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Unanswered {
    /// The connection is reset; in HTTP/2, the stream.
    #[error("told to reset the connection")]
    Reset,
    /// The connection is closed; in HTTP/2, the stream is reset.
    #[error("the request was given up")]
    Close,
}

/// What becomes of a request.
pub(crate) type Outlook = Result<Response<Body>, Unanswered>;

/// Who answers the requests of a listener.
pub(crate) trait Endpoint: Send + Sync + 'static {
    /// Handles one request. What this does before it returns happens in the order of arrival.
    fn handle(self: Arc<Self>, request: Request<Incoming>) -> impl Future<Output = Outlook> + Send + 'static;

    /// For how long a connection may be idle that falls idle now; for ever when there is no limit.
    fn idle_close(&self) -> Option<Duration>;
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

    /// Hands the requests of every connection of `listener` to `endpoint`, until the service stops.
    pub(crate) async fn serve(
        &self,
        mut listener: Listener,
        protocol: Protocol,
        endpoint: Arc<impl Endpoint>,
    ) {
        loop {
            let stream = tokio::select! {
                (stream, _) = listener.accept() => stream,
                () = self.stop.cancelled() => return,
            };
            let (endpoint, stop) = (endpoint.clone(), self.stop.clone());
            let tasks = Tasks {
                host: self.host.clone(),
                tracker: self.connections.clone(),
            };
            match protocol {
                Protocol::Http1 => {
                    tasks.execute(serve_http1(self.host.clone(), stream, endpoint, stop));
                }
                Protocol::H2c => tasks.execute(serve_http2(tasks.clone(), stream, endpoint, stop)),
            }
        }
    }

    /// Waits for the connections that are still open. Each ends by itself within [`DRAIN`] of the order to stop.
    pub(crate) async fn drained(&self) {
        self.connections.close();
        self.connections.wait().await;
    }
}

/// Runs the tasks of connections, those of the streams of HTTP/2 included, and keeps count of them.
#[derive(Clone)]
struct Tasks {
    host: Host,
    tracker: TaskTracker,
}

impl<Task: Future<Output = ()> + Send + 'static> Executor<Task> for Tasks {
    fn execute(&self, task: Task) {
        self.host.spawn(self.tracker.track_future(task));
    }
}

async fn serve_http1(host: Host, stream: Stream, endpoint: Arc<impl Endpoint>, stop: CancellationToken) {
    let activity = Activity::default();
    let service = service_fn(|request| {
        let under_way = activity.begin();
        let answer = endpoint.clone().handle(request);
        async {
            let answer = dated(answer.await?, &host);
            Ok::<_, Unanswered>(under_way.until_sent(answer))
        }
    });
    let mut connection = http1::Builder::new()
        .max_buf_size(HEAD_LIMIT)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service);

    let ended_by_itself = tokio::select! {
        ended = &mut connection => Some(ended),
        () = is_to_end(&stop, &activity, &*endpoint) => None,
    };
    let ended = match ended_by_itself {
        Some(ended) => ended,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            tokio::select! {
                ended = &mut connection => ended,
                () = is_to_be_given_up(&stop) => Ok(()),
            }
        }
    };
    if ended.is_err_and(|error| was_told_to_reset(&error)) {
        // Failing to ask for a reset leaves an ordinary close: the connection is gone either way.
        let _ = connection.into_parts().io.into_inner().reset_on_close();
    }
}

async fn serve_http2(tasks: Tasks, stream: Stream, endpoint: Arc<impl Endpoint>, stop: CancellationToken) {
    let host = tasks.host.clone();
    let activity = Activity::default();
    let service = service_fn(|request| {
        let under_way = activity.begin();
        // Unlike HTTP/1.1, hyper would send the body of an answer to HEAD.
        let is_head = request.method() == Method::HEAD;
        let answer = endpoint.clone().handle(request);
        let host = host.clone();
        async move {
            let answer = under_way.until_sent(dated(answer.await?, &host));
            Ok::<_, Unanswered>(if is_head {
                message::bodiless(answer)
            } else {
                answer
            })
        }
    });
    let connection = http2::Builder::new(tasks)
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEAD_LIMIT as u32)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        // An error of the connection concerns whoever waits for an answer on it, and is told there.
        _ = &mut connection => {}
        () = is_to_end(&stop, &activity, &*endpoint) => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                _ = connection => {}
                // Those that are still there are given up with the connection.
                () = is_to_be_given_up(&stop) => {}
            }
        }
    }
}

/// Waits until a connection is to take no further request.
async fn is_to_end(stop: &CancellationToken, activity: &Activity, endpoint: &impl Endpoint) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = activity.idle_for_too_long(|| endpoint.idle_close()) => {}
    }
}

/// Waits until the requests in flight have had their time to finish.
async fn is_to_be_given_up(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(DRAIN).await;
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
