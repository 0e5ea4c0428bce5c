//! The gRPC service `hallway.Payments`: what is asked for, and how it is answered.

use std::future::ready;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde::{Deserialize, Serialize};

use crate::contract::{Answer, SlowBody};
use crate::grpc::{self, CONTENT_TYPE, MESSAGE_HEADER, MalformedMessages, STATUS_HEADER, code};
use crate::message::{self, Body, DataStream};
use crate::server::Unanswered;

/// The most messages that `Watch` sends.
const MOST_MESSAGES: u32 = 1_000;
/// The most bytes of filling in one of them.
const MOST_FILLING: u32 = 4_096;

/// What `/hallway.Payments/Watch` is asked for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WatchRequest {
    /// How many messages to send.
    pub messages: u32,
    /// How many bytes of filling each has.
    #[serde(default)]
    pub bytes: u32,
}

/// One message of the answer to a [`WatchRequest`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct WatchReply {
    /// The service.
    pub service: String,
    /// Its version.
    pub version: String,
    /// Its replica.
    pub instance: String,
    /// Which message it is, from 1.
    pub number: u32,
    /// As many bytes as were asked for.
    pub filling: String,
}

/// A call that can be answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Call {
    /// One message back: an echo.
    Charge,
    /// Many messages back.
    Watch(WatchRequest),
}

/// A call that makes no sense.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Refusal {
    code: u16,
    reason: String,
}

/// The gRPC call that a request is, if it is one.
pub(crate) fn asked(head: &Parts, body: &Bytes) -> Option<Result<Call, Refusal>> {
    let content_type = head.headers.get(header::CONTENT_TYPE)?.as_bytes();
    let is_grpc = content_type.starts_with(b"application/grpc")
        && head.method == Method::POST
        && head.version == Version::HTTP_2;
    is_grpc.then(|| parse(head, content_type, body))
}

fn parse(head: &Parts, content_type: &[u8], body: &Bytes) -> Result<Call, Refusal> {
    if content_type != CONTENT_TYPE.as_bytes() {
        let reason = "the messages of this service are JSON: application/grpc+json";
        return Err(Refusal::new(code::UNIMPLEMENTED, reason));
    }
    // Whoever does not say that trailers will reach it would never learn the outcome.
    if head.headers.get(header::TE).is_none_or(|te| te != "trailers") {
        return Err(Refusal::new(code::INTERNAL, "te: trailers is missing"));
    }
    let messages = grpc::messages(body.clone()).map_err(|error| match error {
        MalformedMessages::Compressed => {
            Refusal::new(code::UNIMPLEMENTED, "this service understands no compression")
        }
        MalformedMessages::CutOff => Refusal::new(code::INTERNAL, error.to_string()),
    })?;
    let [message] = &messages[..] else {
        let reason = format!("there are {} messages instead of one", messages.len());
        return Err(Refusal::new(code::INTERNAL, reason));
    };
    match head.uri.path() {
        "/hallway.Payments/Charge" => Ok(Call::Charge),
        "/hallway.Payments/Watch" => watch(message).map(Call::Watch),
        _ => {
            let reason = "there are hallway.Payments/Charge and hallway.Payments/Watch";
            Err(Refusal::new(code::UNIMPLEMENTED, reason))
        }
    }
}

fn watch(body: &[u8]) -> Result<WatchRequest, Refusal> {
    let invalid = |reason: String| Refusal::new(code::INVALID_ARGUMENT, reason);
    let request: WatchRequest = message::parse(body).map_err(invalid)?;
    match request.messages <= MOST_MESSAGES && request.bytes <= MOST_FILLING {
        true => Ok(request),
        false => Err(invalid(format!(
            "at most {MOST_MESSAGES} messages of {MOST_FILLING} bytes can be had"
        ))),
    }
}

impl Refusal {
    fn new(code: u16, reason: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.into(),
        }
    }

    pub(crate) fn answer(&self) -> Response<Body> {
        failure(self.code, &self.reason)
    }
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
                success(message::spread(request.messages as usize, over_ms, numbered))
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
    let trailers = stream::once(ready(Ok::<_, Unanswered>(Frame::trailers(trailers))));
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
