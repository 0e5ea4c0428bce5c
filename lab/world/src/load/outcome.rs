//! What came of a request, in the words of the evidence.

use std::error::Error;
use std::io;

use bytes::Bytes;
use hallway_evidence::ResponseSeen;
use hallway_evidence::client::{FailureKind, FailureSeen, GrpcSeen};
use hallway_identity::HandshakeFailure;
use hallway_service::contract::{CallResult, REQUEST_ID_HEADER};
use hallway_service::grpc;
use http::{Response, StatusCode, header};
use http_body_util::Collected;
use serde::Deserialize;
use serde_json::Value;

use super::sender::SendError;
use crate::http_client::ClientError;

/// How much of what a proxy says is kept, in characters.
const MESSAGE_LIMIT: usize = 400;

/// The part of a service's answer that says who it is.
#[derive(Deserialize)]
struct Answerer {
    service: String,
    instance: String,
}

/// What a proxy says when it is the one to answer.
#[derive(Deserialize)]
struct ProxyAnswer {
    error: String,
}

pub(super) fn response(response: &Response<Bytes>) -> ResponseSeen {
    let request_id = response.headers().get(REQUEST_ID_HEADER);
    let answerer = serde_json::from_slice::<Answerer>(response.body()).ok();
    ResponseSeen {
        status: response.status().as_u16(),
        request_id: request_id.map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned()),
        proxy_message: answerer.is_none().then(|| proxy_message(response.body())),
        service: answerer.as_ref().map(|answerer| answerer.service.clone()),
        instance: answerer.map(|answerer| answerer.instance),
        grpc: None,
    }
}

/// What came of a gRPC call. An answer that is none, such as a proxy's in plain words, has a status of its own.
pub(super) fn of_grpc(answer: Response<Collected<Bytes>>) -> Result<ResponseSeen, ClientError> {
    let trailers = answer.body().trailers().cloned();
    let answer = answer.map(Collected::to_bytes);
    let content_type = answer.headers().get(header::CONTENT_TYPE);
    let is_grpc = content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"));
    if answer.status() != StatusCode::OK || !is_grpc {
        return Ok(response(&answer));
    }
    let cut_short = |why: String| ClientError::CutShort(why);
    // Without a message, the only head may carry the outcome.
    let last = match &trailers {
        None if answer.body().is_empty() => answer.headers(),
        None => return Err(cut_short("it has no trailers".to_owned())),
        Some(trailers) => trailers,
    };
    let text = |name| last.get(name).and_then(|value| value.to_str().ok());
    let status = text(grpc::STATUS_HEADER)
        .and_then(|status| status.parse().ok())
        .ok_or_else(|| cut_short("its trailers have no grpc-status".to_owned()))?;
    let messages = grpc::messages(answer.body().clone()).map_err(|error| cut_short(error.to_string()))?;
    let request_id = answer.headers().get(REQUEST_ID_HEADER);
    let answerer = messages
        .first()
        .and_then(|first| serde_json::from_slice::<Answerer>(first).ok());
    Ok(ResponseSeen {
        status: answer.status().as_u16(),
        request_id: request_id.map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned()),
        proxy_message: None,
        service: answerer.as_ref().map(|answerer| answerer.service.clone()),
        instance: answerer.map(|answerer| answerer.instance),
        grpc: Some(GrpcSeen {
            status,
            message: text(grpc::MESSAGE_HEADER).map(|message| self::text(message.as_bytes())),
            messages: u32::try_from(messages.len()).unwrap_or(u32::MAX),
        }),
    })
}

/// What the caller got, or its error when it got nothing.
pub(super) fn of_call(result: CallResult) -> Result<ResponseSeen, String> {
    let Some(status) = result.status else {
        return Err(result.error.unwrap_or_else(|| "it does not say why".to_owned()));
    };
    let said = match &result.body {
        Value::String(said) => text(said.as_bytes()),
        other => proxy_message(other.to_string().as_bytes()),
    };
    let answerer = serde_json::from_value::<Answerer>(result.body).ok();
    Ok(ResponseSeen {
        status,
        request_id: result.headers.get(REQUEST_ID_HEADER).cloned(),
        proxy_message: answerer.is_none().then_some(said),
        service: answerer.as_ref().map(|answerer| answerer.service.clone()),
        instance: answerer.map(|answerer| answerer.instance),
        grpc: None,
    })
}

/// The reason in a proxy's answer, or the beginning of whatever it is.
fn proxy_message(body: &[u8]) -> String {
    match serde_json::from_slice::<ProxyAnswer>(body) {
        Ok(answer) => text(answer.error.as_bytes()),
        Err(_) => text(body),
    }
}

/// The beginning of a text.
pub(super) fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body)
        .trim()
        .chars()
        .take(MESSAGE_LIMIT)
        .collect()
}

pub(super) fn failure(error: &SendError) -> FailureSeen {
    let kind = match error {
        SendError::Client(error) => kind(error),
        SendError::Call(_) | SendError::Control(_) => FailureKind::Other,
    };
    FailureSeen {
        kind,
        detail: error.to_string(),
    }
}

fn kind(error: &ClientError) -> FailureKind {
    match error {
        ClientError::Connect(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            FailureKind::ConnectionRefused
        }
        ClientError::Handshake(_) => FailureKind::Handshake,
        ClientError::CutShort(_) => FailureKind::CutShort,
        ClientError::Connect(error) => of_causes(error),
        ClientError::Exchange(error) if error.is_incomplete_message() || error.is_canceled() => {
            FailureKind::ConnectionClosed
        }
        ClientError::Exchange(error) => of_causes(error),
        ClientError::Body(error) => of_causes(error.as_ref()),
    }
}

/// The alert with which a peer refuses a certificate arrives with the first read after the handshake: TLS 1.3 clients are
/// done with theirs by then.
fn of_causes(error: &(dyn Error + 'static)) -> FailureKind {
    let mut causes = std::iter::successors(Some(error), |cause| (*cause).source());
    causes.find_map(of_cause).unwrap_or(FailureKind::Other)
}

fn of_cause(cause: &(dyn Error + 'static)) -> Option<FailureKind> {
    if let Some(error) = cause.downcast_ref::<hyper::Error>() {
        return error
            .is_incomplete_message()
            .then_some(FailureKind::ConnectionClosed);
    }
    if let Some(error) = cause.downcast_ref::<h2::Error>() {
        return match error.get_io() {
            Some(error) => of_io(error),
            None if error.is_go_away() => Some(FailureKind::ConnectionClosed),
            None => error.is_reset().then_some(FailureKind::CutShort),
        };
    }
    of_io(cause.downcast_ref::<io::Error>()?)
}

fn of_io(error: &io::Error) -> Option<FailureKind> {
    if HandshakeFailure::from_io(error).is_some() {
        return Some(FailureKind::Handshake);
    }
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::NotConnected
    )
    .then_some(FailureKind::ConnectionClosed)
}

/// Which of two errors of one connection tells more: the refusal of a handshake before anything else.
pub(super) fn more_telling(first: ClientError, second: Option<ClientError>) -> ClientError {
    match second {
        Some(second) if kind(&second) == FailureKind::Handshake && kind(&first) != FailureKind::Handshake => {
            second
        }
        _ => first,
    }
}
