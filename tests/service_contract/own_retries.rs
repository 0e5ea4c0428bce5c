//! C40: the retries that a team wrote for itself.

use std::time::Duration;

use hallway_service::contract::{Answer, Bootstrap, Call, CallOrder, CallResult};
use serde_json::{Value, json};

use crate::service::{Service, bootstrap, calling, get};
use crate::subject::Subject;
use crate::upstream::{Event, Response, Upstream, answer};
use crate::{Failure, Verdict, ensure, equal, lifecycle};

/// One row of the table of C40.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    attempts: usize,
    /// Whether an answer with this status is tried again.
    retries: fn(u16) -> bool,
    methods: &'static [&'static str],
    /// The least pause before each further attempt.
    pauses: [Duration; 3],
    patience: Duration,
}

const METHODS: [&str; 6] = ["GET", "HEAD", "PUT", "DELETE", "POST", "PATCH"];
const STATUSES: [u16; 8] = [200, 404, 499, 500, 502, 503, 504, 599];

/// The policy of the team of `language`, if it has one.
pub(crate) fn policy(language: &str) -> Option<Policy> {
    let milliseconds = Duration::from_millis;
    match language {
        "python" => Some(Policy {
            attempts: 3,
            retries: |status| status >= 500,
            methods: &METHODS,
            pauses: [milliseconds(20); 3],
            patience: milliseconds(1_000),
        }),
        "node" => Some(Policy {
            attempts: 4,
            retries: |status| status == 503,
            methods: &["GET", "HEAD"],
            pauses: [Duration::ZERO; 3],
            patience: milliseconds(500),
        }),
        "go" => Some(Policy {
            attempts: 3,
            retries: |status| matches!(status, 502..=504),
            methods: &["GET", "HEAD", "PUT", "DELETE"],
            pauses: [15, 30, 45].map(milliseconds),
            patience: milliseconds(2_000),
        }),
        "java" => Some(Policy {
            attempts: 2,
            retries: |status| status >= 500,
            methods: &METHODS,
            pauses: [Duration::ZERO; 3],
            patience: milliseconds(250),
        }),
        _ => None,
    }
}

impl Policy {
    /// How often a call is sent that fails each time, in a way that is tried again or not.
    fn attempts(&self, method: &str, is_retried: bool) -> usize {
        match is_retried && self.methods.contains(&method) {
            true => self.attempts,
            false => 1,
        }
    }
}

/// The first line of a service that has its own retries.
fn retrying(bootstrap: &Bootstrap, value: Value) -> Result<String, Failure> {
    let mut bootstrap = serde_json::to_value(bootstrap)?;
    bootstrap["own_retries"] = value;
    Ok(bootstrap.to_string())
}

/// An implementation without the group knows nothing of it.
pub(crate) async fn are_refused(subject: &Subject) -> Verdict {
    for value in [true, false] {
        lifecycle::is_refused(subject, &retrying(&bootstrap(subject), json!(value))?).await?;
    }
    Ok(())
}

pub(crate) async fn own_retries(subject: &Subject) -> Verdict {
    let policy = subject
        .implementation
        .own_retries()
        .ok_or("it is not known what its own retries do")?;
    for value in [Value::Null, json!(1), json!("yes")] {
        lifecycle::is_refused(subject, &retrying(&bootstrap(subject), value)?).await?;
    }
    are_made_for_statuses(subject, &policy).await?;
    are_made_for_errors(subject, &policy).await?;
    end_with_the_first_good_answer(subject).await?;
    wait_only_so_long(subject, &policy).await?;
    are_made_for_requests_alone(subject).await
}

fn target(seen: &crate::upstream::Seen) -> (String, String) {
    let path = seen.target().rsplit('/').next().unwrap_or_default().to_owned();
    (seen.line.split(' ').next().unwrap_or_default().to_owned(), path)
}

/// A call of each method to each path.
fn calls<'a>(paths: impl Iterator<Item = String> + Clone + 'a) -> Vec<Call> {
    let of_method = |method: &'static str| {
        paths.clone().map(move |path| Call {
            method: method.to_owned(),
            ..get(&format!("http://a/{path}"))
        })
    };
    METHODS.into_iter().flat_map(of_method).collect()
}

async fn are_made_for_statuses(subject: &Subject, policy: &Policy) -> Verdict {
    let upstream = Upstream::start(subject, |seen| {
        let status = target(seen).1;
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
        Response::Bytes(head.into_bytes())
    })
    .await?;
    let calling = Bootstrap {
        proxy: Some(upstream.address),
        calls: calls(STATUSES.iter().map(u16::to_string)),
        // All at once, a patience of a quarter of a second could be spent on waiting for a busy machine.
        call_order: CallOrder::Sequence,
        ..bootstrap(subject)
    };
    let service = Service::start_with(subject, &retrying(&calling, json!(true))?).await?;
    let results = service
        .get("/", &[("x-request-id", "id-1")])
        .await?
        .json::<Answer>()?
        .calls;
    for (call, result) in calling.calls.iter().zip(&results) {
        let (_, status) = call.url.rsplit_once('/').ok_or("a URL has a path")?;
        let status: u16 = status.parse()?;
        let what = format!("{} answered {status}", call.method);
        let attempts: Vec<_> = upstream
            .seen()
            .into_iter()
            .filter(|seen| target(seen) == (call.method.clone(), status.to_string()))
            .collect();
        let expected = policy.attempts(&call.method, (policy.retries)(status));
        equal(&format!("the attempts of {what}"), attempts.len(), expected)?;
        equal(&format!("the result of {what}"), result.status, Some(status))?;
        for (pair, pause) in attempts.windows(2).zip(policy.pauses) {
            let passed = pair[1].at - pair[0].at;
            // A timer may be a millisecond early by the clock of somebody else.
            ensure(passed + Duration::from_millis(1) >= pause, || {
                format!("{what} was tried again after {passed:?}")
            })?;
        }
        let carried = attempts
            .iter()
            .all(|seen| seen.header("x-request-id") == ["id-1"]);
        ensure(carried, || {
            format!("an attempt of {what} has not the headers of the first")
        })?;
    }
    Ok(())
}

async fn are_made_for_errors(subject: &Subject, policy: &Policy) -> Verdict {
    let upstream = Upstream::start(subject, |_| Response::Close).await?;
    let calling = Bootstrap {
        proxy: Some(upstream.address),
        calls: calls(["close".to_owned()].into_iter()),
        ..bootstrap(subject)
    };
    let service = Service::start_with(subject, &retrying(&calling, json!(true))?).await?;
    let reply = service.get("/", &[]).await?;
    equal("the status relayed", reply.status, 502)?;
    let results = reply.json::<Answer>()?.calls;
    for (method, result) in METHODS.into_iter().zip(results) {
        let attempts = upstream
            .seen()
            .iter()
            .filter(|seen| target(seen).0 == method)
            .count();
        let expected = policy.attempts(method, true);
        equal(
            &format!("the attempts of {method} without an answer"),
            attempts,
            expected,
        )?;
        ensure(result.status.is_none() && result.error.is_some(), || {
            format!("{method} without an answer gave {result:?}")
        })?;
    }
    Ok(())
}

async fn end_with_the_first_good_answer(subject: &Subject) -> Verdict {
    let failures = std::sync::atomic::AtomicUsize::new(0);
    let upstream = Upstream::start(subject, move |_| {
        let is_first = failures.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
        answer(if is_first { 503 } else { 200 }, "")
    })
    .await?;
    let calling = calling(subject, upstream.address, &["http://a/"]);
    let service = Service::start_with(subject, &retrying(&calling, json!(true))?).await?;
    let reply = service.get("/", &[]).await?;
    equal("the answer after one failure", reply.status, 200)?;
    equal("the attempts", upstream.seen().len(), 2)?;
    equal("the result", reply.json::<Answer>()?.calls[0].status, Some(200))
}

async fn wait_only_so_long(subject: &Subject, policy: &Policy) -> Verdict {
    let upstream = Upstream::start(subject, |_| Response::Silence).await?;
    let silent = calling(subject, upstream.address, &["http://a/"]);
    let service = Service::start_with(subject, &retrying(&silent, json!(true))?).await?;
    let result = service.get("/", &[]).await?.json::<Answer>()?.calls.remove(0);
    let says_so = result
        .error
        .as_ref()
        .is_some_and(|error| error.contains("timed out"));
    ensure(result.status.is_none() && says_so, || {
        format!("a call without an answer in time gave {result:?}")
    })?;
    let events = upstream
        .events_when(|events| {
            let left = events.iter().filter(|event| matches!(event, Event::Left(_)));
            left.count() >= policy.attempts
        })
        .await?;
    equal(
        "the attempts, each of them given up",
        events.len(),
        2 * policy.attempts,
    )?;
    let pauses: Duration = policy.pauses[..policy.attempts - 1].iter().sum();
    let least = policy.patience * u32::try_from(policy.attempts)? + pauses;
    let took = Duration::from_micros(result.elapsed_us) + Duration::from_millis(5);
    ensure(took >= least, || {
        format!(
            "{} attempts took {took:?} in all instead of {least:?}",
            policy.attempts
        )
    })?;

    let soon = policy.patience / 4;
    let upstream = Upstream::start(subject, move |_| Response::Late(soon)).await?;
    let late = calling(subject, upstream.address, &["http://a/"]);
    let service = Service::start_with(subject, &retrying(&late, json!(true))?).await?;
    equal("an answer in time", service.get("/", &[]).await?.status, 200)?;
    equal("its attempts", upstream.seen().len(), 1)
}

/// Without `own_retries`, and for calls on demand and first calls, there is one attempt.
async fn are_made_for_requests_alone(subject: &Subject) -> Verdict {
    let upstream = Upstream::start(subject, |_| answer(503, "")).await?;
    let calling = Bootstrap {
        first_calls: vec![get("http://a/first")],
        ..calling(subject, upstream.address, &["http://a/"])
    };
    let retrying = retrying(&calling, json!(true))?;
    let service = Service::start_with(subject, &retrying).await?;
    let call = serde_json::to_string(&get("http://a/on-demand"))?;
    let result: CallResult = service.command("POST", "/call", &call).await?.json()?;
    equal("a call on demand", result.status, Some(503))?;
    service
        .records_when(|records| !crate::service::first_calls(records).is_empty())
        .await?;
    equal("attempts of both", upstream.seen().len(), 2)?;
    let plain = Service::start_with(subject, &retrying.replace("true", "false")).await?;
    plain.get("/", &[]).await?;
    plain
        .records_when(|records| !crate::service::first_calls(records).is_empty())
        .await?;
    equal("attempts without own retries", upstream.seen().len(), 4)
}
