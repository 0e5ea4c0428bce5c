//! The gRPC service `hallway.Payments`: what is asked for, and how it is answered.

use std::convert::Infallible;
use std::future::ready;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde::Serialize;

use crate::contract::{Answer, SlowBody, WatchReply, WatchRequest};
use crate::grpc::{self, CONTENT_TYPE, MESSAGE_HEADER, STATUS_HEADER, code};
use crate::message::{self, Body, DataStream};

/// The most messages that `Watch` sends.
const MOST_MESSAGES: u32 = 1_000;
/// The most bytes of filling in one of them.
const MOST_FILLING: u32 = 4_096;

/// A call that can be answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Call {
    /// One message back: an echo.
    Charge,
    /// Many messages back.
    Watch(WatchRequest),
}

/// The gRPC call that a request is, if it is one; or the answer that refuses it.
pub(crate) fn asked(head: &Parts, body: &Bytes) -> Option<Result<Call, Response<Body>>> {
    let content_type = head.headers.get(header::CONTENT_TYPE)?.as_bytes();
    let is_grpc = content_type.starts_with(b"application/grpc")
        && head.method == Method::POST
        && head.version == Version::HTTP_2;
    is_grpc.then(|| parse(head, content_type, body).map_err(|(code, reason)| failure(code, &reason)))
}

fn parse(head: &Parts, content_type: &[u8], body: &Bytes) -> Result<Call, (u16, String)> {
    let unimplemented = |reason: &str| (code::UNIMPLEMENTED, reason.to_owned());
    let invalid = |reason: String| (code::INVALID_ARGUMENT, reason);
    if content_type != CONTENT_TYPE.as_bytes() {
        return Err(unimplemented(
            "the messages of this service are JSON: application/grpc+json",
        ));
    }
    // Whoever does not say that trailers will reach it would never learn the outcome.
    if head.headers.get(header::TE).is_none_or(|te| te != "trailers") {
        return Err((code::INTERNAL, "te: trailers is missing".to_owned()));
    }
    let messages = grpc::messages(body.clone()).map_err(|error| match error {
        grpc::MalformedMessages::Compressed => unimplemented("this service understands no compression"),
        grpc::MalformedMessages::CutOff => (code::INTERNAL, error.to_string()),
    })?;
    let [message] = &messages[..] else {
        return Err((
            code::INTERNAL,
            format!("there are {} messages instead of one", messages.len()),
        ));
    };
    match head.uri.path() {
        "/hallway.Payments/Charge" => Ok(Call::Charge),
        "/hallway.Payments/Watch" => watch(message).map(Call::Watch).map_err(invalid),
        _ => Err(unimplemented(
            "there are hallway.Payments/Charge and hallway.Payments/Watch",
        )),
    }
}

fn watch(message: &[u8]) -> Result<WatchRequest, String> {
    let request: WatchRequest = serde_json::from_slice(message).map_err(|error| error.to_string())?;
    if request.messages > MOST_MESSAGES || request.bytes > MOST_FILLING {
        return Err(format!(
            "at most {MOST_MESSAGES} messages of {MOST_FILLING} bytes can be had"
        ));
    }
    Ok(request)
}

impl Call {
    /// The answer to the call, of which `echo` is the answer to the same as a plain request, and `status` its status.
    pub(crate) fn answer(
        &self,
        echo: &Answer,
        status: StatusCode,
        slow: Option<&SlowBody>,
    ) -> Response<Body> {
        let code = grpc::code_of(status);
        if code != code::OK {
            return failure(code, &format!("told to answer {status}"));
        }
        match *self {
            Self::Charge => {
                let at_once = SlowBody {
                    pieces: 1,
                    over_ms: 0.0,
                };
                success(message::pieces(framed(echo), slow.unwrap_or(&at_once)))
            }
            Self::Watch(request) => {
                let reply = WatchReply {
                    service: echo.service.clone(),
                    version: echo.version.clone(),
                    instance: echo.instance.clone(),
                    number: 0,
                    filling: "x".repeat(request.bytes as usize),
                };
                let numbered = move |index| {
                    framed(&WatchReply {
                        number: index as u32 + 1,
                        ..reply.clone()
                    })
                };
                let over_ms = slow.map_or(0.0, |slow| slow.over_ms);
                success(message::paced(request.messages as usize, over_ms, numbered))
            }
        }
    }
}

fn framed(message: &impl Serialize) -> Bytes {
    grpc::frame(&serde_json::to_vec(message).expect("the contract's types are plain data"))
}

/// The messages, then the outcome in trailers.
fn success(messages: impl DataStream) -> Response<Body> {
    let mut trailers = HeaderMap::new();
    trailers.insert(STATUS_HEADER, code::OK.into());
    let trailers = stream::once(ready(Ok::<_, Infallible>(Frame::trailers(trailers))));
    let mut answer = Response::new(StreamBody::new(messages.chain(trailers)).boxed_unsync());
    let content_type = HeaderValue::from_static(CONTENT_TYPE);
    answer.headers_mut().insert(header::CONTENT_TYPE, content_type);
    answer
}

/// The outcome without a message, in the only head that there is ("Trailers-Only").
fn failure(code: u16, reason: &str) -> Response<Body> {
    let mut answer = message::empty(StatusCode::OK);
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    headers.insert(STATUS_HEADER, code.into());
    // Our own words are safe as they are; those of a JSON library may repeat anything, and are left out then.
    let is_safe = reason
        .bytes()
        .all(|byte| matches!(byte, b' '..=b'~') && byte != b'%');
    if let Some(reason) = HeaderValue::try_from(reason).ok().filter(|_| is_safe) {
        headers.insert(MESSAGE_HEADER, reason);
    }
    answer
}
