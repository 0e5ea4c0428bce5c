//! C29: the application over HTTP/2.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use hallway_service::contract::{Answer, Behaviour, Bootstrap, FailFirst, Latency, Outcome, Protocol};
use tokio::sync::Barrier;
use tokio::time::{sleep, timeout};

use crate::idle::closing_after;
use crate::program::Ending;
use crate::service::{Service, bootstrap, calling, finished};
use crate::subject::Subject;
use crate::ticks::{are_events, ticking};
use crate::upstream::{Response, Upstream};
use crate::wire::{Http2Connection, exchange_raw, is_reset};
use crate::{Failure, Verdict, ensure, equal, fail, lifecycle};

/// A bootstrap of an application that serves HTTP/2.
pub(crate) fn h2c(bootstrap: Bootstrap) -> Bootstrap {
    Bootstrap {
        protocol: Protocol::H2c,
        ..bootstrap
    }
}

/// An implementation without the optional group knows nothing of it.
pub(crate) async fn is_refused(subject: &Subject) -> Verdict {
    lifecycle::is_refused(subject, &serde_json::to_string(&h2c(bootstrap(subject)))?).await
}

pub(crate) async fn protocol(subject: &Subject) -> Verdict {
    answers_are_the_same(subject).await?;
    limits_hold(subject).await?;
    two_hundred_on_one_connection(subject).await?;
    faults_hit_one_request(subject).await?;
    answers_can_be_events_or_halves(subject).await?;
    idle_connections_close(subject).await?;
    it_finishes_what_is_in_flight(subject).await?;
    it_gives_up_after_five_seconds(subject).await
}

async fn answers_are_the_same(subject: &Subject) -> Verdict {
    let service = Service::start(subject, &h2c(bootstrap(subject))).await?;
    let connection = Http2Connection::open(&service.application).await?;
    let headers = [("x-note", "one"), ("x-note", "two")];
    let reply = connection
        .send("PROPFIND", "/charge?amount=1", &headers, "ignored")
        .await?;
    equal("the status", reply.status, 200)?;
    equal("the type", reply.header("content-type"), Some("application/json"))?;
    ensure(
        reply.header("date").is_some_and(|date| date.ends_with(" GMT")),
        || format!("no date in {reply:?}"),
    )?;
    let echo: Answer = reply.json()?;
    equal(
        "the request",
        (&*echo.method, &*echo.path, echo.host.as_deref(), &*echo.protocol),
        ("PROPFIND", "/charge?amount=1", Some("payments"), "HTTP/2.0"),
    )?;
    equal(
        "a repeated header",
        echo.headers.get("x-note").map(String::as_str),
        Some("one, two"),
    )?;
    let head = connection.send("HEAD", "/", &[], "").await?;
    equal("HEAD", (head.status, head.body.len()), (200, 0))?;

    match exchange_raw(&service.application, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await {
        Ok(answer) => ensure(!answer.contains("HTTP/1."), || format!("HTTP/1.1 got `{answer}`"))?,
        Err(failure) => ensure(is_reset(&failure), || format!("HTTP/1.1 ended with `{failure}`"))?,
    }
    let received = service.received(2).await?;
    equal("requests received", received.len(), 2)?;

    let failing = Behaviour {
        fail_first: Some(FailFirst {
            attempts: 1,
            status: 503,
        }),
        ..Default::default()
    };
    service.behave(&failing).await?;
    let id = [("x-request-id", "id-1")];
    let first = connection.send("GET", "/", &id, "").await?;
    let second = connection.send("GET", "/", &id, "").await?;
    equal("fail first", (first.status, second.status), (503, 200))
}

async fn limits_hold(subject: &Subject) -> Verdict {
    let service = Service::start(subject, &h2c(bootstrap(subject))).await?;
    let connection = Http2Connection::open(&service.application).await?;
    let status = async |headers: &[(&str, &str)], body: String| -> Result<u16, Failure> {
        Ok(connection.send("POST", "/", headers, body).await?.status)
    };
    let long = "x".repeat(60 * 1024);
    let too_long = "x".repeat(64 * 1024);
    equal(
        "a head of 60 KiB",
        status(&[("x", &long)], String::new()).await?,
        200,
    )?;
    equal(
        "a head of more than 64 KiB",
        status(&[("x", &too_long)], String::new()).await?,
        431,
    )?;
    equal(
        "a body of 1 MiB",
        status(&[], "x".repeat(1024 * 1024)).await?,
        200,
    )?;
    equal(
        "a body of more than 1 MiB",
        status(&[], "x".repeat(1024 * 1024 + 1)).await?,
        413,
    )?;
    equal("a request after that", status(&[], String::new()).await?, 200)
}

/// The upstream answers none of the 200 calls before all have come, so all requests must be served at once.
async fn two_hundred_on_one_connection(subject: &Subject) -> Verdict {
    let barrier = Arc::new(Barrier::new(200));
    let upstream = Upstream::start(subject, move |_| Response::Together(barrier.clone())).await?;
    let calling = calling(subject, upstream.address, &["http://ledger/"]);
    let service = Service::start(subject, &h2c(calling)).await?;
    let connection = Http2Connection::open(&service.application).await?;
    let replies = try_join_all((0..200).map(|_| connection.send("GET", "/", &[], ""))).await?;
    let answered = replies.iter().filter(|reply| reply.status == 200).count();
    equal("answers to 200 requests on one connection", answered, 200)
}

/// A reset, and a caller that leaves, end one stream; the others of the connection go on.
async fn faults_hit_one_request(subject: &Subject) -> Verdict {
    let service = Service::start(subject, &h2c(bootstrap(subject))).await?;
    let connection = Http2Connection::open(&service.application).await?;
    let slow = Behaviour {
        latency: Some(Latency::Fixed { ms: 500.0 }),
        ..Default::default()
    };
    service.behave(&slow).await?;
    let unharmed = connection.send("GET", "/slow", &[], "");
    let harmed = async {
        service.received(1).await?;
        let reset = Behaviour {
            reset_before: Some(1.0),
            ..Default::default()
        };
        service.behave(&reset).await?;
        let reply = connection.send("GET", "/reset", &[], "").await;
        ensure(reply.is_err(), || format!("a reset is {reply:?}"))?;
        let hang = Behaviour {
            hang: true,
            ..Default::default()
        };
        service.behave(&hang).await?;
        let impatient = connection.send("GET", "/hang", &[], "");
        let outcome = tokio::select! {
            reply = impatient => fail(format!("a hanging request got {reply:?}")),
            received = service.received(3) => received.map(drop),
        };
        outcome
    };
    let (reply, harmed) = tokio::join!(unharmed, harmed);
    harmed?;
    equal("a request beside them", reply?.status, 200)?;
    let mut outcomes: Vec<_> = service
        .finished(3)
        .await?
        .iter()
        .map(|finished| (finished.handling, finished.outcome))
        .collect();
    outcomes.sort_by_key(|(handling, _)| *handling);
    equal(
        "the outcomes",
        outcomes,
        [
            (1, Outcome::Answered),
            (2, Outcome::ResetBefore),
            (3, Outcome::Cancelled),
        ],
    )
}

/// C34 and C35: half an answer resets its stream alone.
async fn answers_can_be_events_or_halves(subject: &Subject) -> Verdict {
    let service = Service::start(subject, &h2c(bootstrap(subject))).await?;
    let connection = Http2Connection::open(&service.application).await?;
    service.behave(&ticking(3, Duration::from_millis(100))).await?;
    let events = connection.send("GET", "/", &[], "").await?;
    equal(
        "the type",
        events.header("content-type"),
        Some("text/event-stream"),
    )?;
    are_events(std::str::from_utf8(&events.body)?, 3)?;
    let truncating = Behaviour {
        truncate: Some(1.0),
        ..Default::default()
    };
    service.behave(&truncating).await?;
    let half = connection.send("GET", "/", &[], "").await;
    ensure(half.is_err(), || format!("half an answer is {half:?}"))?;
    let last = service.finished(2).await?.remove(1);
    equal(
        "the ledger",
        (last.outcome, last.status),
        (Outcome::Truncated, Some(200)),
    )?;
    service.behave(&Behaviour::default()).await?;
    equal(
        "the next request of the connection",
        connection.send("GET", "/", &[], "").await?.status,
        200,
    )
}

/// C37.
async fn idle_connections_close(subject: &Subject) -> Verdict {
    let service = Service::start(subject, &h2c(bootstrap(subject))).await?;
    let patient = Http2Connection::open(&service.application).await?;
    patient.send("GET", "/", &[], "").await?;
    service.behave(&closing_after(Duration::from_millis(300))).await?;
    let connection = Http2Connection::open(&service.application).await?;
    equal(
        "a request",
        connection.send("GET", "/", &[], "").await?.status,
        200,
    )?;
    let closed = async {
        while !connection.is_closed() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    ensure(timeout(Duration::from_secs(10), closed).await.is_ok(), || {
        "an idle connection stays open".to_owned()
    })?;
    equal(
        "a request on one that fell idle without a limit",
        patient.send("GET", "/", &[], "").await?.status,
        200,
    )
}

async fn it_finishes_what_is_in_flight(subject: &Subject) -> Verdict {
    let behaviour = Behaviour {
        latency: Some(Latency::Fixed { ms: 700.0 }),
        ..Default::default()
    };
    let bootstrap = Bootstrap {
        behaviour,
        ..bootstrap(subject)
    };
    let mut service = Service::start(subject, &h2c(bootstrap)).await?;
    let connection = Http2Connection::open(&service.application).await?;
    let busy = connection.send("GET", "/", &[], "");
    let order = async {
        service.received(1).await?;
        service.tell_to_stop();
        Ok::<_, Failure>(())
    };
    let (reply, ordered) = tokio::join!(busy, order);
    ordered?;
    equal("a request in flight", reply?.status, 200)?;
    let (ending, _) = service.ended(Duration::from_secs(4)).await?;
    equal("its end", ending, Ending::Success)
}

async fn it_gives_up_after_five_seconds(subject: &Subject) -> Verdict {
    let behaviour = Behaviour {
        latency: Some(Latency::Fixed { ms: 60_000.0 }),
        ..Default::default()
    };
    let bootstrap = Bootstrap {
        behaviour,
        ..bootstrap(subject)
    };
    let mut service = Service::start(subject, &h2c(bootstrap)).await?;
    let connection = Http2Connection::open(&service.application).await?;
    let endless = connection.send("GET", "/", &[], "");
    let order = async {
        service.received(1).await?;
        service.tell_to_stop();
        service.ended(Duration::from_secs(10)).await
    };
    let (reply, ended) = tokio::join!(timeout(Duration::from_secs(15), endless), order);
    ensure(!matches!(reply, Ok(Ok(_))), || format!("it answered {reply:?}"))?;
    let (ending, records) = ended?;
    equal("its end", ending, Ending::Success)?;
    let outcomes: Vec<_> = finished(&records)
        .iter()
        .map(|finished| finished.outcome)
        .collect();
    equal(
        "the outcome of a request given up",
        outcomes,
        [Outcome::Cancelled],
    )
}
