//! C1 to C3: starting and stopping.

use std::time::Duration;

use hallway_host::Host;
use hallway_service::contract::{Behaviour, Latency, Outcome, Record};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::implementation::Implementation;
use crate::service::{Service, bootstrap, finished, received, spawn};
use crate::ticks::ticking;
use crate::wire::{Connection, RawConnection};
use crate::{Verdict, ensure, equal, fail};

/// How long a process may take to stop when nothing keeps it: far less than the five seconds for requests in flight.
const AT_ONCE: Duration = Duration::from_secs(4);

pub(crate) async fn bootstrap_is_read(implementation: Implementation) -> Verdict {
    let taken = Host::real_unseeded().listen(([127, 0, 0, 1], 0).into()).await?;
    let with = |field: &str, value: Value| {
        let mut bootstrap = serde_json::to_value(bootstrap()).expect("a bootstrap is plain data");
        bootstrap[field] = value;
        bootstrap.to_string()
    };
    let mut incomplete = serde_json::to_value(bootstrap())?;
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
        is_refused(implementation, line).await?;
    }

    // What is optional may be null or missing, what is defaulted may be missing.
    let mut least = serde_json::to_value(bootstrap())?;
    least
        .as_object_mut()
        .ok_or("a bootstrap is an object")?
        .remove("proxy");
    least["behaviour"] = json!({ "status": null });
    Service::start_with(implementation, &least.to_string()).await?;
    Ok(())
}

pub(crate) async fn is_refused(implementation: Implementation, first_line: &str) -> Verdict {
    let child = spawn(implementation, first_line).await?;
    let Ok(output) = timeout(Duration::from_secs(20), child.wait_with_output()).await else {
        return fail(format!("it runs with the bootstrap `{first_line}`"));
    };
    let output = output?;
    ensure(!output.status.success(), || {
        format!("it is content with the bootstrap `{first_line}`")
    })?;
    equal("standard output", String::from_utf8(output.stdout)?.as_str(), "")?;
    ensure(!output.stderr.is_empty(), || {
        format!("it does not say what is wrong with `{first_line}`")
    })
}

pub(crate) async fn listening(implementation: Implementation) -> Verdict {
    // `start` insists that the record is the first one, and reads the addresses from it.
    let service = Service::start(implementation, &bootstrap()).await?;
    equal("the application", service.get("/", &[]).await?.status, 200)?;
    equal(
        "the control endpoint",
        service.command("GET", "/ready", "").await?.status,
        200,
    )
}

pub(crate) async fn stopping(implementation: Implementation) -> Verdict {
    finishes_what_is_in_flight(implementation).await?;
    gives_up_what_hangs(implementation).await?;
    tokio::try_join!(
        gives_up_after_five_seconds(implementation),
        finishes_what_ticks(implementation),
        breaks_off_what_ticks_on(implementation),
    )?;
    Ok(())
}

async fn finishes_what_is_in_flight(implementation: Implementation) -> Verdict {
    let behaviour = Behaviour {
        latency: Some(Latency::Fixed { ms: 700.0 }),
        ..Default::default()
    };
    let mut service = Service::behaving(implementation, behaviour).await?;
    let unused = RawConnection::open(service.application).await?;
    let mut idle = RawConnection::open(service.application).await?;
    idle.write(b"GET / HTTP/1.1\r\nhost: payments\r\n\r\n").await?;
    idle.read_until(|answer| answer.ends_with('}')).await?;
    let mut busy = RawConnection::open(service.application).await?;
    busy.write(b"GET / HTTP/1.1\r\nhost: payments\r\n\r\n").await?;
    service.received(2).await?;
    let started = Instant::now();
    service.close_input();

    for mut connection in [unused, idle] {
        let rest = connection.read_to_end().await?;
        equal("what an idle connection gets", rest.as_str(), "")?;
    }
    let answer = busy.read_to_end().await?;
    ensure(answer.starts_with("HTTP/1.1 200 "), || {
        format!("a request in flight got `{answer}`")
    })?;
    let refused = Connection::open(service.application).await;
    ensure(refused.is_err(), || {
        "it accepts connections after the order to stop".to_owned()
    })?;
    let (status, records) = service.ended(AT_ONCE).await?;
    equal("the exit code", status.code(), Some(0))?;
    equal(
        "requests finished",
        finished(&records).len(),
        received(&records).len(),
    )?;
    ensure(started.elapsed() < AT_ONCE, || {
        "it waits although nothing is in flight".to_owned()
    })
}

async fn gives_up_what_hangs(implementation: Implementation) -> Verdict {
    let mut service = Service::behaving(
        implementation,
        Behaviour {
            hang: true,
            ..Default::default()
        },
    )
    .await?;
    let mut hanging = RawConnection::open(service.application).await?;
    hanging.write(b"GET / HTTP/1.1\r\nhost: payments\r\n\r\n").await?;
    service.received(1).await?;
    service.signal(Signal::TERM)?;
    let (status, records) = service.ended(AT_ONCE).await?;
    equal("the exit code after SIGTERM", status.code(), Some(0))?;
    is_cancelled(&records)
}

async fn gives_up_after_five_seconds(implementation: Implementation) -> Verdict {
    let behaviour = Behaviour {
        latency: Some(Latency::Fixed { ms: 60_000.0 }),
        ..Default::default()
    };
    let mut service = Service::behaving(implementation, behaviour).await?;
    let mut endless = RawConnection::open(service.application).await?;
    endless.write(b"GET / HTTP/1.1\r\nhost: payments\r\n\r\n").await?;
    service.received(1).await?;
    let started = Instant::now();
    service.close_input();
    let (status, records) = service.ended(Duration::from_secs(10)).await?;
    ensure(started.elapsed() >= Duration::from_secs(5), || {
        format!("it gave up a request after {:?}", started.elapsed())
    })?;
    equal("the exit code", status.code(), Some(0))?;
    is_cancelled(&records)
}

const LISTEN: &[u8] = b"GET / HTTP/1.1\r\nhost: payments\r\n\r\n";

async fn finishes_what_ticks(implementation: Implementation) -> Verdict {
    let mut service = Service::behaving(implementation, ticking(5, Duration::from_millis(300))).await?;
    let mut listener = RawConnection::open(service.application).await?;
    listener.write(LISTEN).await?;
    let beginning = listener.read_until(|seen| seen.contains("id: 1\n")).await?;
    service.close_input();
    let rest = listener.read_to_end().await?;
    let last = rest.contains("id: 5\n") && rest.ends_with("0\r\n\r\n");
    ensure(last, || format!("an answer in flight was `{beginning}{rest}`"))?;
    let (status, _) = service.ended(AT_ONCE).await?;
    equal("the exit code", status.code(), Some(0))
}

async fn breaks_off_what_ticks_on(implementation: Implementation) -> Verdict {
    let mut service = Service::behaving(implementation, ticking(1000, Duration::from_millis(300))).await?;
    let mut listener = RawConnection::open(service.application).await?;
    listener.write(LISTEN).await?;
    listener.read_until(|seen| seen.contains("id: 1\n")).await?;
    let started = Instant::now();
    service.close_input();
    let rest = listener.read_to_end().await;
    ensure(!rest.is_ok_and(|rest| rest.ends_with("\r\n0\r\n\r\n")), || {
        "an answer that was broken off looks whole".to_owned()
    })?;
    let (status, records) = service.ended(Duration::from_secs(10)).await?;
    ensure(started.elapsed() >= Duration::from_secs(5), || {
        format!("it broke off an answer after {:?}", started.elapsed())
    })?;
    equal("the exit code", status.code(), Some(0))?;
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
