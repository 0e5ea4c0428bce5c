//! One request, from its arrival to its answer.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use hyper::body::{Body as _, Incoming};
use tokio_util::sync::CancellationToken;

use crate::behaviour::{Behaving, Ending, Plan};
use crate::call::CheckedCall;
use crate::client::{self, Client};
use crate::contract::{
    Answer, CORRELATION_HEADER, CallOrder, CallResult, EffectSeen, IDEMPOTENCY_KEY_HEADER, Outcome,
    REQUEST_ID_HEADER,
};
use crate::effects::Effects;
use crate::ledger::{Handling, Ledger};
use crate::message::{self, Body, BodyError};
use crate::server::{Endpoint, Outlook, Unanswered};
use crate::{payments, ticks};

/// Everything that an answer depends on.
pub(crate) struct Application {
    pub(crate) service: String,
    pub(crate) version: String,
    pub(crate) instance: String,
    pub(crate) calls: Vec<CheckedCall>,
    pub(crate) call_order: CallOrder,
    pub(crate) ledger: Ledger,
    pub(crate) behaving: Arc<Behaving>,
    pub(crate) effects: Effects,
    pub(crate) client: Arc<Client>,
    pub(crate) stop: CancellationToken,
}

impl Endpoint for Application {
    /// Handles one request. It is recorded, and its fate decided, before this returns: what the future does comes after.
    fn handle(self: Arc<Self>, request: Request<Incoming>) -> impl Future<Output = Outlook> + Send + 'static {
        let arrived = names_one_host(&request).then(|| {
            let handling = self.ledger.receive(&request);
            (
                handling,
                self.behaving.decide(request_id(request.headers()).as_deref()),
            )
        });
        async move {
            match arrived {
                Some((handling, plan)) => self.take(request, handling, plan).await,
                None => Ok(message::closing(message::refusal(
                    StatusCode::BAD_REQUEST,
                    "a request has exactly one authority",
                ))),
            }
        }
    }

    fn idle_close(&self) -> Option<Duration> {
        self.behaving.idle_close()
    }
}

impl Application {
    /// Makes the calls that are made at first, one after the other.
    pub(crate) async fn call_first(&self, calls: &[CheckedCall]) {
        for (number, call) in (1..).zip(calls) {
            let result = self.client.call(call, &HeaderMap::new()).await;
            self.ledger.first_call(number, result);
        }
    }

    /// Takes the request in, body and all, before it is worked on.
    async fn take(&self, request: Request<Incoming>, handling: Handling, plan: Plan) -> Outlook {
        let (head, body) = request.into_parts();
        let refuse = |handling: Handling, status, reason: &str| {
            handling.answered(status);
            Ok(message::closing(message::refusal(status, reason)))
        };
        if head.method == Method::CONNECT {
            let reason = "this service is no proxy";
            return refuse(handling, StatusCode::METHOD_NOT_ALLOWED, reason);
        }
        match message::read(body).await {
            Ok(body) => match payments::asked(&head, &body) {
                None => self.work(&head, None, handling, &plan).await,
                Some(Ok(call)) => self.work(&head, Some(&call), handling, &plan).await,
                Some(Err(refusal)) => {
                    handling.answered(StatusCode::OK);
                    Ok(refusal.answer())
                }
            },
            Err(BodyError::CutOff) => Err(Unanswered::Close),
            Err(error @ BodyError::TooLarge) => {
                refuse(handling, StatusCode::PAYLOAD_TOO_LARGE, &error.to_string())
            }
            Err(error @ BodyError::Malformed(_)) => {
                refuse(handling, StatusCode::BAD_REQUEST, &error.to_string())
            }
        }
    }

    /// Does what was decided. Returning early, or being dropped, with `handling` unfinished records a cancelled request.
    async fn work(
        &self,
        head: &Parts,
        rpc: Option<&payments::Call>,
        handling: Handling,
        plan: &Plan,
    ) -> Outlook {
        match plan.ending {
            Ending::ResetBefore => {
                handling.reset(Outcome::ResetBefore);
                return Err(Unanswered::Reset);
            }
            Ending::Hang => {
                self.stop.cancelled().await;
                return Err(Unanswered::Close);
            }
            Ending::Fail(_) | Ending::ResetAfter | Ending::Truncate | Ending::Answer => {}
        }
        let place = match &plan.queue {
            None => None,
            Some(queue) => match queue.clone().enter().await {
                Some(place) => Some(place),
                None => {
                    let echo = self.echo(head, Vec::new(), None);
                    return Ok(answer(&echo, rpc, handling, plan, queue.refusal));
                }
            },
        };
        tokio::time::sleep(plan.latency).await;
        if let Ending::Fail(status) = plan.ending {
            drop(place);
            let echo = self.echo(head, Vec::new(), None);
            return Ok(answer(&echo, rpc, handling, plan, status));
        }
        let calls = self.make_calls(&head.headers, plan).await;
        let status = relayed(plan.status, &calls);
        let effect = self.effect(head, &handling, plan, status);
        drop(place);
        let echo = self.echo(head, calls, effect);
        match plan.ending {
            Ending::ResetAfter => {
                handling.reset(Outcome::ResetAfter);
                Err(Unanswered::Reset)
            }
            Ending::Truncate if head.method != Method::HEAD => half(&echo, rpc, handling, status).await,
            _ => Ok(answer(&echo, rpc, handling, plan, status)),
        }
    }

    async fn make_calls(&self, request: &HeaderMap, plan: &Plan) -> Vec<CallResult> {
        let context = client::propagated(request, plan.drop_trace);
        let calls = self.calls.iter().map(|call| self.client.call(call, &context));
        match self.call_order {
            CallOrder::Parallel => join_all(calls).await,
            CallOrder::Sequence => {
                let mut results = Vec::with_capacity(self.calls.len());
                for call in calls {
                    results.push(call.await);
                }
                results
            }
        }
    }

    /// The effect of a request that is to be answered `status`, recorded if it is a new one.
    fn effect(
        &self,
        head: &Parts,
        handling: &Handling,
        plan: &Plan,
        status: StatusCode,
    ) -> Option<EffectSeen> {
        let changes = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(&head.method);
        let rule = plan.effect.as_ref().filter(|_| changes && status.is_success())?;
        let key = head.headers.get(IDEMPOTENCY_KEY_HEADER).map(message::text);
        let record = |number, key: Option<&str>| handling.effect(number, key);
        Some(self.effects.have(rule, key, record))
    }

    fn echo(&self, head: &Parts, calls: Vec<CallResult>, effect: Option<EffectSeen>) -> Answer {
        Answer {
            service: self.service.clone(),
            version: self.version.clone(),
            instance: self.instance.clone(),
            method: head.method.to_string(),
            path: message::path(&head.uri),
            host: host(head),
            protocol: format!("{:?}", head.version),
            headers: message::headers_as_map(&head.headers),
            calls,
            effect,
        }
    }
}

fn answer(
    echo: &Answer,
    rpc: Option<&payments::Call>,
    handling: Handling,
    plan: &Plan,
    status: StatusCode,
) -> Response<Body> {
    let answer = match (rpc, &plan.ticks, &plan.slow_body) {
        (Some(call), _, slow) => call.answer(echo, status, slow.as_ref()),
        (None, Some(ticks), _) if has_ticks(status) => ticks::answer(status, echo, ticks),
        (None, _, Some(slow)) => message::slow_json(status, echo, slow),
        (None, _, None) => message::json(status, echo),
    };
    handling.answered(answer.status());
    answer
}

/// Half of the answer; one without a body as a whole.
async fn half(
    echo: &Answer,
    rpc: Option<&payments::Call>,
    handling: Handling,
    status: StatusCode,
) -> Outlook {
    let whole = match rpc {
        Some(call) => call.answer(echo, status, None),
        None => message::json(status, echo),
    };
    if whole.body().is_end_stream() {
        handling.answered(whole.status());
        return Ok(whole);
    }
    let half = message::truncated(whole).await?;
    handling.truncated(half.status());
    Ok(half)
}

/// A success becomes a stream of events, unless its status forbids a body.
fn has_ticks(status: StatusCode) -> bool {
    status.is_success() && status != StatusCode::NO_CONTENT
}

/// The status of the answer: the worst server error among the calls (a call without an answer counts as 502), or else the
/// service's own.
fn relayed(own: StatusCode, calls: &[CallResult]) -> StatusCode {
    let statuses = calls
        .iter()
        .map(|call| call.status.unwrap_or(StatusCode::BAD_GATEWAY.as_u16()));
    let worst = statuses.filter(|status| (500..=599).contains(status)).max();
    worst.map_or(own, |status| {
        StatusCode::from_u16(status).expect("599 and below are statuses")
    })
}

/// RFC 9112, section 3.2: a server must refuse an HTTP/1.1 request without a Host header, or with several. In HTTP/2 the authority has
/// a place of its own (RFC 9113, section 8.3.1).
fn names_one_host(request: &Request<Incoming>) -> bool {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    let is_optional = match request.version() {
        http::Version::HTTP_2 => request.uri().authority().is_some(),
        version => version < http::Version::HTTP_11,
    };
    hosts == 1 || (hosts == 0 && is_optional)
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    headers
        .get(REQUEST_ID_HEADER)
        .or_else(|| headers.get(CORRELATION_HEADER))
        .map(message::text)
}

/// The authority of an absolute-form target goes before the Host header (RFC 9112, section 3.2.2).
fn host(head: &Parts) -> Option<String> {
    let target = head.uri.authority().map(ToString::to_string);
    target.or_else(|| head.headers.get(header::HOST).map(message::text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_server_error_of_the_calls_is_relayed() {
        let result = |status| CallResult {
            url: String::new(),
            status,
            error: None,
            headers: Default::default(),
            body: serde_json::Value::Null,
            elapsed_us: 0,
        };
        let relayed = |statuses: &[Option<u16>]| {
            let calls: Vec<_> = statuses.iter().copied().map(result).collect();
            relayed(StatusCode::CREATED, &calls).as_u16()
        };
        assert_eq!(relayed(&[]), 201);
        assert_eq!(relayed(&[Some(200), Some(404)]), 201);
        assert_eq!(relayed(&[Some(500), Some(503), Some(200)]), 503);
        assert_eq!(relayed(&[Some(500), None]), 502);
        assert_eq!(relayed(&[Some(504), None]), 504);
    }
}
