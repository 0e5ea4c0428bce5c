//! C35: answers that are a stream of events.

use std::time::Duration;

use hallway_service::contract::{Answer, Behaviour, Outcome, SlowBody, Tick, Ticks};
use tokio::time::{Instant, sleep};

use crate::program::Ending;
use crate::service::Service;
use crate::subject::Subject;
use crate::wire::{Connection, RawConnection, exchange_raw};
use crate::{Failure, Verdict, ensure, equal};

pub(crate) fn ticking(count: u32, every: Duration) -> Behaviour {
    Behaviour {
        ticks: Some(Ticks {
            count,
            every_ms: every.as_secs_f64() * 1000.0,
        }),
        ..Default::default()
    }
}

pub(crate) async fn ticks(subject: &Subject) -> Verdict {
    answers_are_streams_of_events(subject).await?;
    only_successes_tick(subject).await?;
    a_listener_who_leaves_is_noticed(subject).await
}

async fn answers_are_streams_of_events(subject: &Subject) -> Verdict {
    let slow = SlowBody {
        pieces: 3,
        over_ms: 60_000.0,
    };
    let behaviour = Behaviour {
        status: Some(201),
        slow_body: Some(slow),
        ..ticking(4, Duration::from_millis(200))
    };
    let service = Service::behaving(subject, behaviour).await?;
    let mut connection = Connection::open(&service.application).await?;
    for _ in 0..2 {
        let started = Instant::now();
        let reply = connection.send("GET", "/", &[], "").await?;
        ensure(started.elapsed() >= Duration::from_millis(600), || {
            format!("four events every 200 ms took {:?}", started.elapsed())
        })?;
        equal("the status", reply.status, 201)?;
        equal(
            "the type",
            reply.header("content-type"),
            Some("text/event-stream"),
        )?;
        equal("the announced length", reply.header("content-length"), None)?;
        are_events(std::str::from_utf8(&reply.body)?, 4)?;
    }
    let old = exchange_raw(&service.application, b"GET / HTTP/1.0\r\n\r\n").await?;
    let (_, body) = old.split_once("\r\n\r\n").ok_or("HTTP/1.0 got no head")?;
    are_events(body, 4)?;

    let mut raw = RawConnection::open(&service.application).await?;
    let started = Instant::now();
    raw.write(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await?;
    let beginning = raw.read_until(|seen| seen.contains("id: 1\n")).await?;
    let first = started.elapsed();
    ensure(!beginning.contains("id: 4\n"), || {
        "all events came at once".to_owned()
    })?;
    let answered = service.outcomes(4).await?;
    equal("the ledger while events go on", answered, [Outcome::Answered; 4])?;
    raw.read_to_end().await?;
    ensure(started.elapsed() >= first.max(Duration::from_millis(600)), || {
        format!("the last event came after {:?}", started.elapsed())
    })?;
    let head = exchange_raw(
        &service.application,
        b"HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    )
    .await?;
    ensure(head.ends_with("\r\n\r\n"), || format!("HEAD got `{head}`"))
}

/// Exactly `count` events, byte for byte but for the order of the fields.
pub(crate) fn are_events(body: &str, count: u32) -> Verdict {
    let rest = (1..=count).try_fold(body, |rest, number| -> Result<&str, Failure> {
        let (event, rest) = rest
            .split_once("\n\n")
            .ok_or_else(|| format!("event {number} is missing in `{body}`"))?;
        let data = event.strip_prefix(&format!("id: {number}\ndata: "));
        let tick: Tick = serde_json::from_str(data.ok_or_else(|| format!("event {number} is `{event}`"))?)?;
        let expected = Tick {
            service: "payments".to_owned(),
            version: "v1".to_owned(),
            instance: "payments-1".to_owned(),
            number,
        };
        equal("the data of an event", tick, expected)?;
        Ok(rest)
    })?;
    equal("what comes after the last event", rest, "")
}

async fn only_successes_tick(subject: &Subject) -> Verdict {
    let failing = Behaviour {
        status: Some(404),
        ..ticking(2, Duration::ZERO)
    };
    let service = Service::behaving(subject, failing).await?;
    let reply = service.get("/", &[]).await?;
    equal("the status", reply.status, 404)?;
    equal(
        "the type of another answer",
        reply.header("content-type"),
        Some("application/json"),
    )?;
    equal("its body", &*reply.json::<Answer>()?.service, "payments")?;
    service.behave(&ticking(10_000, Duration::ZERO)).await?;
    let many = service.get("/", &[]).await?;
    are_events(std::str::from_utf8(&many.body)?, 10_000)
}

/// The next event is a minute away: it is not by writing that the service can notice. What it has noticed does not keep it from
/// stopping.
async fn a_listener_who_leaves_is_noticed(subject: &Subject) -> Verdict {
    let mut service = Service::behaving(subject, ticking(100, Duration::from_secs(60))).await?;
    let mut listener = RawConnection::open(&service.application).await?;
    listener.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await?;
    listener.read_until(|seen| seen.contains("id: 1\n")).await?;
    drop(listener);
    sleep(Duration::from_secs(1)).await;
    let started = Instant::now();
    service.tell_to_stop();
    let (ending, records) = service.ended(Duration::from_secs(10)).await?;
    ensure(started.elapsed() < Duration::from_secs(4), || {
        "it waits for a listener who has left".to_owned()
    })?;
    equal("its end", ending, Ending::Success)?;
    let outcomes: Vec<_> = crate::service::finished(&records)
        .iter()
        .map(|end| end.outcome)
        .collect();
    equal("the ledger", outcomes, [Outcome::Answered])
}
