//! What came of a request, in the words of the evidence.

use std::error::Error;
use std::io;

use bytes::Bytes;
use hallway_evidence::ResponseSeen;
use hallway_evidence::client::{FailureKind, FailureSeen};
use hallway_identity::HandshakeFailure;
use hallway_service::contract::{CallResult, REQUEST_ID_HEADER};
use http::Response;
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
    }
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
    let error = cause.downcast_ref::<io::Error>()?;
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
