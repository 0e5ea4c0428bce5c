//! The control endpoint: how the lab changes the behaviour of a running service, and has it call somebody.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use serde_json::json;

use crate::behaviour::Behaving;
use crate::call::CheckedCall;
use crate::client::Client;
use crate::contract::{Behaviour, Call};
use crate::message::{self, Body, BodyError};
use crate::server::{Endpoint, Outlook, Unanswered};

/// Answers to whoever holds the token.
pub(crate) struct Control {
    authorization: String,
    behaving: Arc<Behaving>,
    client: Arc<Client>,
}

impl Endpoint for Control {
    fn handle(self: Arc<Self>, request: Request<Incoming>) -> impl Future<Output = Outlook> + Send + 'static {
        self.answer(request)
    }

    fn idle_close(&self) -> Option<Duration> {
        None
    }
}

impl Control {
    pub(crate) fn new(token: String, behaving: Arc<Behaving>, client: Arc<Client>) -> Self {
        Self {
            authorization: format!("Bearer {token}"),
            behaving,
            client,
        }
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Outlook {
        let (head, body) = request.into_parts();
        if !self.is_authorized(&head.headers) {
            return Ok(message::closing(unauthorized()));
        }
        let body = match message::read(body).await {
            Ok(body) => body,
            Err(BodyError::CutOff) => return Err(Unanswered::Close),
            Err(error @ BodyError::TooLarge) => {
                let answer = message::refusal(StatusCode::PAYLOAD_TOO_LARGE, &error.to_string());
                return Ok(message::closing(answer));
            }
            Err(error @ BodyError::Malformed(_)) => {
                return Ok(message::closing(message::refusal(
                    StatusCode::BAD_REQUEST,
                    &error.to_string(),
                )));
            }
        };
        let answer = match (head.uri.path(), &head.method) {
            ("/ready", &Method::GET) => Ok(message::json(StatusCode::OK, &json!({ "ready": true }))),
            ("/behaviour", &Method::PUT) => self.change_behaviour(&body),
            ("/call", &Method::POST) => self.call(&body).await,
            ("/ready", _) => Ok(not_allowed("GET")),
            ("/behaviour", _) => Ok(not_allowed("PUT")),
            ("/call", _) => Ok(not_allowed("POST")),
            _ => Ok(message::refusal(
                StatusCode::NOT_FOUND,
                "there are GET /ready, PUT /behaviour and POST /call",
            )),
        };
        Ok(answer.unwrap_or_else(|reason| message::refusal(StatusCode::BAD_REQUEST, &reason)))
    }

    fn change_behaviour(&self, body: &[u8]) -> Result<Response<Body>, String> {
        let behaviour: Behaviour = message::parse(body)?;
        self.behaving
            .replace(behaviour)
            .map_err(|error| error.to_string())?;
        Ok(message::empty(StatusCode::NO_CONTENT))
    }

    async fn call(&self, body: &[u8]) -> Result<Response<Body>, String> {
        let call: Call = message::parse(body)?;
        let call = CheckedCall::try_from(&call).map_err(|error| error.to_string())?;
        let result = self.client.call(&call, &HeaderMap::new()).await;
        Ok(message::json(StatusCode::OK, &result))
    }

    fn is_authorized(&self, headers: &HeaderMap) -> bool {
        headers
            .get(header::AUTHORIZATION)
            .is_some_and(|given| same_secret(given.as_bytes(), self.authorization.as_bytes()))
    }
}

/// Compares in a time that does not depend on where two secrets of one length differ.
fn same_secret(given: &[u8], expected: &[u8]) -> bool {
    let difference = given
        .iter()
        .zip(expected)
        .fold(0, |difference, (a, b)| difference | (a ^ b));
    given.len() == expected.len() && std::hint::black_box(difference) == 0
}

fn unauthorized() -> Response<Body> {
    let mut answer = message::refusal(StatusCode::UNAUTHORIZED, "the bearer token is missing or wrong");
    answer
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    answer
}

fn not_allowed(method: &'static str) -> Response<Body> {
    let mut answer = message::refusal(StatusCode::METHOD_NOT_ALLOWED, "the method does not fit the path");
    answer
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static(method));
    answer
}

#[cfg(test)]
mod tests {
    use super::same_secret;

    #[test]
    fn secrets_are_the_same_only_whole() {
        assert!(same_secret(b"Bearer abc", b"Bearer abc"));
        for wrong in ["", "Bearer ab", "Bearer abcd", "Bearer abd", "bearer abc"] {
            assert!(!same_secret(wrong.as_bytes(), b"Bearer abc"), "{wrong}");
        }
    }
}
