//! Reading bodies within their limit, and building answers.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited, StreamBody};
use hyper::body::{Body as _, Frame, Incoming};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::contract::SlowBody;
use crate::server::Unanswered;

/// The largest head of a message, in bytes.
pub(crate) const HEAD_LIMIT: usize = 64 * 1024;
/// The largest body of a message, in bytes.
pub(crate) const BODY_LIMIT: usize = 1024 * 1024;

/// How long half of an answer has to leave before its connection is closed, or its stream reset: what a library still holds then is lost.
const DEPARTURE: Duration = Duration::from_millis(50);

/// The body of an answer. When it fails, the answer ends as the error says.
pub(crate) type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, Unanswered>;

/// The frames of a body, as they are to be sent.
pub(crate) trait DataStream: Stream<Item = Result<Frame<Bytes>, Unanswered>> + Send + 'static {}

impl<S: Stream<Item = Result<Frame<Bytes>, Unanswered>> + Send + 'static> DataStream for S {}

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the body is larger than {BODY_LIMIT} bytes")]
    TooLarge,
    #[error("the body ends before its announced end")]
    CutOff,
    #[error("the body is malformed: {0}")]
    Malformed(Box<dyn Error + Send + Sync>),
}

/// Reads a whole body. One that announces too great a length is refused before a byte of it is read.
pub(crate) async fn read(body: Incoming) -> Result<Bytes, BodyError> {
    if body.size_hint().lower() > BODY_LIMIT as u64 {
        return Err(BodyError::TooLarge);
    }
    match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Err(error) if is_malformed(error.as_ref()) => Err(BodyError::Malformed(error)),
        Err(_) => Err(BodyError::CutOff),
    }
}

/// hyper reports a broken chunk as invalid input, and everything that ends a connection early as something else.
fn is_malformed(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| (*error).source())
        .filter_map(|error| error.downcast_ref::<std::io::Error>())
        .any(|error| {
            matches!(
                error.kind(),
                std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData
            )
        })
}

/// Reads a JSON object, strictly.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    let parsed = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    // serde reads a struct from an array of its fields as well; the contract does not, and knows no array here.
    match serde_json::from_slice(body) {
        Ok(value) if !holds_array(&value) => Ok(parsed),
        _ => Err("an array stands where there should be an object".to_owned()),
    }
}

fn holds_array(value: &Value) -> bool {
    match value {
        Value::Array(_) => true,
        Value::Object(fields) => fields.values().any(holds_array),
        _ => false,
    }
}

/// An answer with a JSON body.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let body = Bytes::from(serde_json::to_vec(value).expect("the contract's types are plain data"));
    let length = body.len();
    with_body(status, length, whole(body))
}

/// An answer with a JSON body that comes in pieces.
pub(crate) fn slow_json(status: StatusCode, value: &impl Serialize, slow: &SlowBody) -> Response<Body> {
    let body = Bytes::from(serde_json::to_vec(value).expect("the contract's types are plain data"));
    let length = body.len();
    with_body(status, length, in_pieces(body, slow))
}

/// `answer` with the announced length of its whole body, but only the first half of it (rounded down).
pub(crate) async fn truncated(answer: Response<Body>) -> Result<Response<Body>, Unanswered> {
    let (mut head, body) = answer.into_parts();
    let body = body.collect().await?.to_bytes();
    let length = HeaderValue::from(body.len());
    head.headers.insert(header::CONTENT_LENGTH, length);
    let half = body.slice(..body.len() / 2);
    let broken_off = async {
        tokio::time::sleep(DEPARTURE).await;
        Err(Unanswered::Close)
    };
    let frames = stream::iter([Ok(Frame::data(half))]).chain(stream::once(broken_off));
    Ok(Response::from_parts(head, StreamBody::new(frames).boxed_unsync()))
}

/// An answer that says what is wrong with a request.
pub(crate) fn refusal(status: StatusCode, reason: &str) -> Response<Body> {
    json(status, &serde_json::json!({ "error": reason }))
}

/// `answer` without its body, as it is given to HEAD.
pub(crate) fn bodiless(answer: Response<Body>) -> Response<Body> {
    answer.map(|_| whole(Bytes::new()))
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(whole(Bytes::new()));
    *answer.status_mut() = status;
    answer
}

/// Makes `answer` the last one of its connection, for when bytes of the request were left unread. HTTP/2 has no such header, and no
/// need of it: hyper drops it and ends the stream alone.
pub(crate) fn closing(mut answer: Response<Body>) -> Response<Body> {
    answer
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    answer
}

/// Headers as JSON: names in lower case, repeated ones joined with a comma and a space.
pub(crate) fn headers_as_map(headers: &HeaderMap) -> BTreeMap<String, String> {
    let joined = |name| {
        headers
            .get_all(name)
            .iter()
            .map(text)
            .collect::<Vec<_>>()
            .join(", ")
    };
    headers
        .keys()
        .map(|name| (name.to_string(), joined(name)))
        .collect()
}

/// The path of a request with its query, whatever the form of its target.
pub(crate) fn path(target: &Uri) -> String {
    target
        .path_and_query()
        .map_or_else(|| "/".to_owned(), ToString::to_string)
}

/// The value of a header; bytes that are not UTF-8 are replaced.
pub(crate) fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

fn with_body(status: StatusCode, length: usize, body: Body) -> Response<Body> {
    if matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        return empty(status);
    }
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    answer
}

fn whole(body: Bytes) -> Body {
    Full::new(body).map_err(|never| match never {}).boxed_unsync()
}

/// `body` in nearly equal pieces: the first at once, the last when the time is up.
fn in_pieces(body: Bytes, slow: &SlowBody) -> Body {
    StreamBody::new(pieces(body, slow)).boxed_unsync()
}

/// The frames of [`in_pieces`].
pub(crate) fn pieces(body: Bytes, slow: &SlowBody) -> impl DataStream {
    let count = (slow.pieces as usize).clamp(1, body.len());
    let piece = move |index| body.slice(body.len() * index / count..body.len() * (index + 1) / count);
    spread(count, slow.over_ms, piece)
}

/// What `piece` makes of each number from 0 to `count`: the first at once, the last after `over_ms`, the others evenly between.
pub(crate) fn spread(
    count: usize,
    over_ms: f64,
    piece: impl Fn(usize) -> Bytes + Send + 'static,
) -> impl DataStream {
    let pause = Duration::from_secs_f64(over_ms / 1000.0) / count.saturating_sub(1).max(1) as u32;
    paced(count, pause, piece)
}

/// What `piece` makes of each number from 0 to `count`: the first at once, each of the others `pause` after the one before.
pub(crate) fn paced(
    count: usize,
    pause: Duration,
    piece: impl Fn(usize) -> Bytes + Send + 'static,
) -> impl DataStream {
    stream::iter(0..count).then(move |index| {
        let piece = piece(index);
        async move {
            if index > 0 && !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            Ok(Frame::data(piece))
        }
    })
}
