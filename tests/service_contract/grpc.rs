//! C30 and C31: gRPC calls.

use std::time::Duration;

use hallway_service::contract::{Answer, Behaviour, Latency, SlowBody};
use hallway_service::payments::WatchReply;
use serde_json::json;
use tokio::time::Instant;

use crate::http2::h2c;
use crate::service::{Service, bootstrap};
use crate::subject::Subject;
use crate::wire::{Http2Connection, Reply};
use crate::{Failure, Verdict, ensure, equal, fail};

const CHARGE: &str = "/hallway.Payments/Charge";
const WATCH: &str = "/hallway.Payments/Watch";
const HEADERS: [(&str, &str); 2] = [("content-type", "application/grpc+json"), ("te", "trailers")];

pub(crate) async fn calls(subject: &Subject) -> Verdict {
    let service = Service::start(subject, &h2c(bootstrap(subject))).await?;
    let connection = Http2Connection::open(&service.application).await?;
    let charge = connection.send("POST", CHARGE, &HEADERS, framed("{}")).await?;
    let echo: Answer = match &messages(&charge)?[..] {
        [message] => serde_json::from_slice(message)?,
        other => return fail(format!("Charge has {} messages", other.len())),
    };
    equal(
        "the echo",
        (&*echo.instance, &*echo.path, &*echo.protocol),
        ("payments-1", CHARGE, "HTTP/2.0"),
    )?;
    equal(
        "the type",
        charge.header("content-type"),
        Some("application/grpc+json"),
    )?;
    equal("the outcome", outcome(&charge), Outcome::Trailers("0".to_owned()))?;

    // Several times what the client is ready to take at first.
    let asked = json!({ "messages": 300, "bytes": 1000 }).to_string();
    let watch = connection.send("POST", WATCH, &HEADERS, framed(&asked)).await?;
    let messages = messages(&watch)?;
    equal("the messages of Watch", messages.len(), 300)?;
    for (index, message) in messages.iter().enumerate() {
        let reply: WatchReply = serde_json::from_slice(message)?;
        equal(
            "a message of Watch",
            (&*reply.instance, reply.number as usize, reply.filling.len()),
            ("payments-1", index + 1, 1000),
        )?;
    }
    equal("its outcome", outcome(&watch), Outcome::Trailers("0".to_owned()))?;
    let none = json!({ "messages": 0 }).to_string();
    let none = connection.send("POST", WATCH, &HEADERS, framed(&none)).await?;
    equal("Watch without messages", none.body.len(), 0)?;
    equal("its outcome", outcome(&none), Outcome::Trailers("0".to_owned()))?;
    behaviours_hold(&service, &connection).await
}

async fn behaviours_hold(service: &Service, connection: &Http2Connection) -> Verdict {
    let slow = Behaviour {
        latency: Some(Latency::Fixed { ms: 150.0 }),
        slow_body: Some(SlowBody {
            pieces: 2,
            over_ms: 400.0,
        }),
        ..Default::default()
    };
    service.behave(&slow).await?;
    for (path, message, count) in [
        (CHARGE, "{}".to_owned(), 1),
        (WATCH, json!({ "messages": 5 }).to_string(), 5),
    ] {
        let started = Instant::now();
        let reply = connection.send("POST", path, &HEADERS, framed(&message)).await?;
        let elapsed = started.elapsed();
        equal("the messages", messages(&reply)?.len(), count)?;
        ensure(elapsed >= Duration::from_millis(550), || {
            format!("{path} took {elapsed:?}, where 150 ms of work and 400 ms of body were asked for")
        })?;
    }
    Ok(())
}

pub(crate) async fn outcomes(subject: &Subject) -> Verdict {
    let service = Service::start(subject, &h2c(bootstrap(subject))).await?;
    let connection = Http2Connection::open(&service.application).await?;
    let is_refused =
        async |what: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>, code: &str| -> Verdict {
            let reply = connection.send("POST", path, headers, body).await?;
            equal(what, outcome(&reply), Outcome::Head(code.to_owned()))?;
            equal(what, (reply.status, reply.body.len()), (200, 0))
        };
    let call = framed("{}");
    is_refused(
        "an unknown method",
        "/hallway.Payments/Refund",
        &HEADERS,
        call.clone(),
        "12",
    )
    .await?;
    let protobuf = [("content-type", "application/grpc"), ("te", "trailers")];
    is_refused("protobuf", CHARGE, &protobuf, call.clone(), "12").await?;
    is_refused("no te", CHARGE, &HEADERS[..1], call.clone(), "13").await?;
    let twice = call.repeat(2);
    is_refused("two messages", CHARGE, &HEADERS, twice, "13").await?;
    is_refused("no message", CHARGE, &HEADERS, Vec::new(), "13").await?;
    is_refused("half a message", CHARGE, &HEADERS, call[..6].to_vec(), "13").await?;
    let compressed = [&[1], &call[1..]].concat();
    is_refused("a compressed message", CHARGE, &HEADERS, compressed, "12").await?;
    for wrong in [
        "{}",
        "[1]",
        r#"{"messages":1001}"#,
        r#"{"messages":1,"bytes":4097}"#,
        r#"{"messages":1,"x":1}"#,
    ] {
        is_refused("a wrong message", WATCH, &HEADERS, framed(wrong), "3").await?;
    }
    for (status, code) in [
        (400, "13"),
        (401, "16"),
        (403, "7"),
        (404, "12"),
        (429, "14"),
        (500, "2"),
        (503, "14"),
    ] {
        service
            .behave(&Behaviour {
                status: Some(status),
                ..Default::default()
            })
            .await?;
        is_refused(&format!("status {status}"), CHARGE, &HEADERS, call.clone(), code).await?;
    }
    let finished = service.finished(19).await?;
    ensure(
        finished.iter().all(|finished| finished.status == Some(200)),
        || format!("the ledger has another status than 200: {finished:?}"),
    )?;

    let plain = connection.send("GET", CHARGE, &HEADERS, "").await?;
    equal("a GET is no gRPC call", plain.status, 503)
}

/// Where the outcome of a call stands, and what it is.
#[derive(Debug, PartialEq)]
enum Outcome {
    Trailers(String),
    Head(String),
    Nowhere,
}

fn outcome(reply: &Reply) -> Outcome {
    let text = |headers: &http::HeaderMap| Some(headers.get("grpc-status")?.to_str().ok()?.to_owned());
    match (text(&reply.headers), reply.trailers.as_ref().and_then(text)) {
        (Some(code), None) => Outcome::Head(code),
        (None, Some(code)) => Outcome::Trailers(code),
        _ => Outcome::Nowhere,
    }
}

/// A message with its five bytes before it, put together by hand.
fn framed(message: &str) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a short message");
    [&[0], &length.to_be_bytes()[..], message.as_bytes()].concat()
}

/// The messages of an answer, taken apart by hand.
fn messages(reply: &Reply) -> Result<Vec<&[u8]>, Failure> {
    let (mut rest, mut messages) = (&reply.body[..], Vec::new());
    while let Some((prefix, after)) = rest.split_first_chunk::<5>() {
        let [0, length @ ..] = *prefix else {
            return fail(format!("{prefix:?} stands before a message"));
        };
        let (message, next) = after
            .split_at_checked(u32::from_be_bytes(length) as usize)
            .ok_or("a message is cut off")?;
        messages.push(message);
        rest = next;
    }
    match rest {
        [] => Ok(messages),
        _ => fail("the last message is cut off"),
    }
}
