//! A client and a server on one connection.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::task::Poll;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::{FutureExt, join};
use futures_util::stream::FuturesUnordered;
use hallway_lanes::client::{self, Requests};
use hallway_lanes::server::{self, Exchange};
use hallway_lanes::{Answer, Error, Receiving, RequestHead, Sending};
use http::response::Parts;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, Method, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, StreamBody};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, duplex};

/// The longest heads that are taken, in bytes.
pub(crate) const HEADER_BYTES: usize = 16 * 1024;

/// A body that was read to its end.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Whole {
    pub(crate) data: Vec<u8>,
    pub(crate) trailers: Option<HeaderMap>,
}

/// Runs `talk` with a client whose requests `handler` answers, on a connection that holds so many bytes. Gives what comes of the talk, and how
/// both sides end after it.
pub(crate) async fn talk<T, Talk, Handling>(
    buffer: usize,
    handler: impl Fn(Exchange) -> Handling,
    talk: impl FnOnce(Requests) -> Talk,
) -> (T, Result<(), Error>, Result<(), Error>)
where
    Talk: Future<Output = T>,
    Handling: Future<Output = ()>,
{
    let (near, far) = duplex(buffer);
    let (requests, client) = client::open(near, HEADER_BYTES);
    let serving = serve(server::open(far, HEADER_BYTES), handler);
    let (said, (client, server)) = join(talk(requests), join(client, serving)).await;
    (said, client, server)
}

/// Answers all requests of a connection, until it ends.
pub(crate) async fn serve<T, Handling>(
    mut connection: server::Connection<T>,
    handler: impl Fn(Exchange) -> Handling,
) -> Result<(), Error>
where
    T: AsyncRead + AsyncWrite + Unpin,
    Handling: Future<Output = ()>,
{
    let mut handling = FuturesUnordered::new();
    let ended = poll_fn(|context| {
        loop {
            // All that can be done for exchanges, and then what they have sent.
            while let Poll::Ready(Some(())) = handling.poll_next_unpin(context) {}
            match connection.poll_accept(context) {
                Poll::Ready(Some(Ok(exchange))) => handling.push(handler(exchange)),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
    });
    let ended = ended.await;
    drop(connection);
    // What goes on has to notice the end.
    while handling.next().await.is_some() {}
    ended
}

/// Begins a request, whose body is still to be sent.
pub(crate) async fn begin(requests: &Requests, path: &str, ends: bool) -> Result<(Answer, Sending), Error> {
    begin_with(requests, &Method::POST, path, &HeaderMap::new(), ends).await
}

pub(crate) async fn begin_with(
    requests: &Requests,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    ends: bool,
) -> Result<(Answer, Sending), Error> {
    let authority = Authority::from_static("payments");
    let target: PathAndQuery = path.parse().expect("a target");
    let head = RequestHead {
        method,
        authority: &authority,
        target: &target,
        headers,
        takes_trailers: false,
    };
    requests.begin(head, ends).await
}

/// Sends a request without a body, and reads its answer.
pub(crate) async fn get(requests: &Requests, path: &str) -> Result<Response<Whole>, Error> {
    let (answer, _sending) = begin(requests, path, true).await?;
    whole(answer.response().await?).await
}

/// A message with its body read.
pub(crate) async fn whole(response: Response<Receiving>) -> Result<Response<Whole>, Error> {
    let (head, body) = response.into_parts();
    Ok(Response::from_parts(head, read(body).await?))
}

pub(crate) async fn read(body: Receiving) -> Result<Whole, Error> {
    let collected = body.collect().await?;
    let trailers = collected.trailers().cloned();
    Ok(Whole {
        data: collected.to_bytes().to_vec(),
        trailers,
    })
}

/// A body of `pieces`, and `trailers` after them.
pub(crate) fn body(
    pieces: Vec<Vec<u8>>,
    trailers: Option<HeaderMap>,
) -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
    let pieces = pieces.into_iter().map(|piece| Frame::data(Bytes::from(piece)));
    let frames: Vec<_> = pieces.chain(trailers.map(Frame::trailers)).map(Ok).collect();
    StreamBody::new(futures_util::stream::iter(frames))
}

/// The head of an answer.
pub(crate) fn head(status: StatusCode) -> Parts {
    let mut response = Response::new(());
    *response.status_mut() = status;
    response.into_parts().0
}

/// Answers 200 without a body.
pub(crate) async fn empty(exchange: Exchange) {
    drop(exchange.respond.respond(&head(StatusCode::OK), true).await);
}

/// Answers with the body of the request.
pub(crate) async fn echo(exchange: Exchange) {
    if let Ok(sending) = exchange.respond.respond(&head(StatusCode::OK), false).await {
        drop(sending.send(exchange.request.into_body()).await);
    }
}

/// Frames as somebody else would write them.
pub(crate) fn frame(kind: u8, number: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len())
        .expect("a short payload")
        .to_be_bytes();
    [&[kind], &length[1..], &number.to_be_bytes(), payload].concat()
}

/// `POST /` for `a`, with one header if there is one.
pub(crate) fn post(header: Option<(&str, &str)>) -> Vec<u8> {
    let text = |text: &str| {
        [
            &[u8::try_from(text.len()).expect("a short text")],
            text.as_bytes(),
        ]
        .concat()
    };
    let header = header.map(|(name, value)| [vec![0], text(name), text(value)].concat());
    let count = vec![u8::from(header.is_some())];
    [
        text("POST"),
        text("a"),
        text("/"),
        count,
        header.unwrap_or_default(),
    ]
    .concat()
}

/// A server that answers as `handler` does, and the other end of its connection.
pub(crate) fn alone<Handling>(
    handler: impl Fn(Exchange) -> Handling,
) -> (DuplexStream, impl Future<Output = Result<(), Error>>)
where
    Handling: Future<Output = ()>,
{
    let (near, far) = duplex(1024 * 1024);
    (near, serve(server::open(far, HEADER_BYTES), handler))
}

/// Lets everything happen that can.
pub(crate) async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// Whether `future` has to wait, however long it is waited for.
pub(crate) async fn waits(future: impl Future) -> bool {
    let mut future = std::pin::pin!(future.fuse());
    for _ in 0..100 {
        if future.as_mut().now_or_never().is_some() {
            return false;
        }
        tokio::task::yield_now().await;
    }
    true
}
