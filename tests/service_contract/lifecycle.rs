//! C1 to C3: starting and stopping.

use std::time::Duration;

use hallway_service::contract::{Behaviour, Latency, Outcome, Record};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::program::{Ending, Program};
use crate::service::{Service, bootstrap, finished, received};
use crate::subject::{OfProcesses, Subject};
use crate::ticks::ticking;
use crate::wire::{Connection, RawConnection};
use crate::{Verdict, ensure, equal};

/// How long a process may take to stop when nothing keeps it: far less than the five seconds for requests in flight.
const AT_ONCE: Duration = Duration::from_secs(4);

pub(crate) async fn bootstrap_is_read(subject: &Subject) -> Verdict {
    subject.concerns(OfProcesses::StandardInput);
    let taken = subject.taken_port().await?;
    let with = |field: &str, value: Value| {
        let mut bootstrap = serde_json::to_value(bootstrap(subject)).expect("a bootstrap is plain data");
        bootstrap[field] = value;
        bootstrap.to_string()
    };
    let mut incomplete = serde_json::to_value(bootstrap(subject))?;
    incomplete
        .as_object_mut()
        .ok_or("a bootstrap is an object")?
        .remove("calls");
    let unusable = [
        String::new(),
        "not JSON".to_owned(),
        with("colour", json!("red")),
        incomplete.to_string(),
        with("service", json!(7)),
        with("listen", json!("somewhere")),
        with("listen", json!(taken.local_address()?)),
        with("call_order", json!("backwards")),
        with("calls", json!([{ "method": "GET", "url": "/relative" }])),
        with("behaviour", json!({ "status": 42 })),
        with("seed", json!(-1)),
        with("first_calls", Value::Null),
        with("first_calls", json!([{ "method": "GET" }])),
        with(
            "first_calls",
            json!([{ "method": "CONNECT", "url": "http://a/" }]),
        ),
    ];
    for line in &unusable {
        is_refused(subject, line).await?;
    }

    // What is optional may be null or missing, what is defaulted may be missing.
    let mut least = serde_json::to_value(bootstrap(subject))?;
    least
        .as_object_mut()
        .ok_or("a bootstrap is an object")?
        .remove("proxy");
    least["behaviour"] = json!({ "status": null });
    Service::start_with(subject, &least.to_string()).await?;
    Ok(())
}

pub(crate) async fn is_refused(subject: &Subject, first_line: &str) -> Verdict {
    let mut program = Program::start(subject, first_line).await?;
    let ended = program.ended(Duration::from_secs(20)).await;
    let ended = ended.map_err(|failure| format!("with the bootstrap `{first_line}`, {failure}"))?;
    equal(
        &format!("its end with the bootstrap `{first_line}`"),
        ended.ending,
        Ending::Failure,
    )?;
    equal("records", ended.records.len(), 0)?;
    ensure(!ended.words.is_empty(), || {
        format!("it does not say what is wrong with `{first_line}`")
    })
}

pub(crate) async fn listening(subject: &Subject) -> Verdict {
    // `start` insists that the record is the first one, and reads the addresses from it.
    let service = Service::start(subject, &bootstrap(subject)).await?;
    equal("the application", service.get("/", &[]).await?.status, 200)?;
    equal(
        "the control endpoint",
        service.command("GET", "/ready", "").await?.status,
        200,
    )
}

pub(crate) async fn stopping(subject: &Subject) -> Verdict {
    finishes_what_is_in_flight(subject).await?;
    gives_up_what_hangs(subject).await?;
    tokio::try_join!(
        gives_up_after_five_seconds(subject),
        finishes_what_ticks(subject),
        breaks_off_what_ticks_on(subject),
    )?;
    Ok(())
}

async fn finishes_what_is_in_flight(subject: &Subject) -> Verdict {
    let behaviour = Behaviour {
        latency: Some(Latency::Fixed { ms: 700.0 }),
        ..Default::default()
    };
    let mut service = Service::behaving(subject, behaviour).await?;
    let unused = RawConnection::open(&service.application).await?;
    let mut idle = RawConnection::open(&service.application).await?;
    idle.write(b"GET / HTTP/1.1\r\nhost: payments\r\n\r\n").await?;
    idle.read_until(|answer| answer.ends_with('}')).await?;
    let mut busy = RawConnection::open(&service.application).await?;
    busy.write(b"GET / HTTP/1.1\r\nhost: payments\r\n\r\n").await?;
    service.received(2).await?;
    let started = Instant::now();
    service.tell_to_stop();

    for mut connection in [unused, idle] {
        let rest = connection.read_to_end().await?;
        equal("what an idle connection gets", rest.as_str(), "")?;
    }
    let answer = busy.read_to_end().await?;
    ensure(answer.starts_with("HTTP/1.1 200 "), || {
        format!("a request in flight got `{answer}`")
    })?;
    let refused = Connection::open(&service.application).await;
    ensure(refused.is_err(), || {
        "it accepts connections after the order to stop".to_owned()
    })?;
    let (ending, records) = service.ended(AT_ONCE).await?;
    equal("its end", ending, Ending::Success)?;
    equal(
        "requests finished",
        finished(&records).len(),
        received(&records).len(),
    )?;
    ensure(started.elapsed() < AT_ONCE, || {
        "it waits although nothing is in flight".to_owned()
    })
}

async fn gives_up_what_hangs(subject: &Subject) -> Verdict {
    let mut service = Service::behaving(
        subject,
        Behaviour {
            hang: true,
            ..Default::default()
        },
    )
    .await?;
    let mut hanging = RawConnection::open(&service.application).await?;
    hanging.write(b"GET / HTTP/1.1\r\nhost: payments\r\n\r\n").await?;
    service.received(1).await?;
    service.terminate()?;
    let (ending, records) = service.ended(AT_ONCE).await?;
    equal("its end after SIGTERM", ending, Ending::Success)?;
    is_cancelled(&records)
}

async fn gives_up_after_five_seconds(subject: &Subject) -> Verdict {
    let behaviour = Behaviour {
        latency: Some(Latency::Fixed { ms: 60_000.0 }),
        ..Default::default()
    };
    let mut service = Service::behaving(subject, behaviour).await?;
    let mut endless = RawConnection::open(&service.application).await?;
    endless.write(b"GET / HTTP/1.1\r\nhost: payments\r\n\r\n").await?;
    service.received(1).await?;
    let started = Instant::now();
    service.tell_to_stop();
    let (ending, records) = service.ended(Duration::from_secs(10)).await?;
    ensure(started.elapsed() >= Duration::from_secs(5), || {
        format!("it gave up a request after {:?}", started.elapsed())
    })?;
    equal("its end", ending, Ending::Success)?;
    is_cancelled(&records)
}

const LISTEN: &[u8] = b"GET / HTTP/1.1\r\nhost: payments\r\n\r\n";

async fn finishes_what_ticks(subject: &Subject) -> Verdict {
    let mut service = Service::behaving(subject, ticking(5, Duration::from_millis(300))).await?;
    let mut listener = RawConnection::open(&service.application).await?;
    listener.write(LISTEN).await?;
    let beginning = listener.read_until(|seen| seen.contains("id: 1\n")).await?;
    service.tell_to_stop();
    let rest = listener.read_to_end().await?;
    let last = rest.contains("id: 5\n") && rest.ends_with("0\r\n\r\n");
    ensure(last, || format!("an answer in flight was `{beginning}{rest}`"))?;
    let (ending, _) = service.ended(AT_ONCE).await?;
    equal("its end", ending, Ending::Success)
}

async fn breaks_off_what_ticks_on(subject: &Subject) -> Verdict {
    let mut service = Service::behaving(subject, ticking(1000, Duration::from_millis(300))).await?;
    let mut listener = RawConnection::open(&service.application).await?;
    listener.write(LISTEN).await?;
    listener.read_until(|seen| seen.contains("id: 1\n")).await?;
    let started = Instant::now();
    service.tell_to_stop();
    let rest = listener.read_to_end().await;
    ensure(!rest.is_ok_and(|rest| rest.ends_with("\r\n0\r\n\r\n")), || {
        "an answer that was broken off looks whole".to_owned()
    })?;
    let (ending, records) = service.ended(Duration::from_secs(10)).await?;
    ensure(started.elapsed() >= Duration::from_secs(5), || {
        format!("it broke off an answer after {:?}", started.elapsed())
    })?;
    equal("its end", ending, Ending::Success)?;
    let outcomes: Vec<_> = finished(&records).iter().map(|end| end.outcome).collect();
    equal("the ledger", outcomes, [Outcome::Answered])
}

fn is_cancelled(records: &[Record]) -> Verdict {
    let outcomes: Vec<_> = finished(records)
        .iter()
        .map(|finished| finished.outcome)
        .collect();
    equal(
        "the outcome of a request given up",
        outcomes,
        [Outcome::Cancelled],
    )
}
