//! C22 to C24: what a service writes down.

use std::time::Duration;

use futures_util::future::try_join_all;
use hallway_service::contract::{Behaviour, Latency, Outcome, Record};
use tokio::io::AsyncWriteExt;

use crate::program::Ending;
use crate::service::{Service, bootstrap, calling, finished, received};
use crate::subject::Subject;
use crate::upstream::{Event, Response, Upstream};
use crate::wire::RawConnection;
use crate::{Verdict, effects, ensure, equal};

const CLIENT_CERT: &str =
    "By=spiffe://hallway.test/ns/shop/sa/payments;URI=spiffe://hallway.test/ns/shop/sa/orders";

pub(crate) async fn received_and_finished(subject: &Subject) -> Verdict {
    let service = Service::start(subject, &bootstrap(subject)).await?;
    let head = format!(
        "POST /charge?amount=1 HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\nx-request-id: id-1\r\n\
         X-Hallway-Request: load-1\r\nx-envoy-attempt-count: 3\r\nx-forwarded-client-cert: {CLIENT_CERT}\r\n\
         traceparent: 00-a-b-01\r\nconnection: close\r\n\r\n"
    );
    let mut connection = RawConnection::open(&service.application).await?;
    connection.write(head.as_bytes()).await?;
    let arrived = service.received(1).await?.remove(0);
    equal(
        "records before the body has come",
        service.records_when(|_| true).await?.len(),
        2,
    )?;
    equal("the count", arrived.handling, 1)?;
    let identity = (&*arrived.service, &*arrived.version, &*arrived.instance);
    equal("the service", identity, ("payments", "v1", "payments-1"))?;
    equal(
        "the request",
        (&*arrived.method, &*arrived.path),
        ("POST", "/charge?amount=1"),
    )?;
    equal("x-request-id", arrived.request_id.as_deref(), Some("id-1"))?;
    equal(
        "x-hallway-request",
        arrived.correlation.as_deref(),
        Some("load-1"),
    )?;
    equal("x-envoy-attempt-count", arrived.attempt, Some(3))?;
    equal(
        "x-forwarded-client-cert",
        arrived.client_cert.as_deref(),
        Some(CLIENT_CERT),
    )?;
    equal("traceparent", arrived.traceparent.as_deref(), Some("00-a-b-01"))?;

    connection.write(b"body").await?;
    connection.read_to_end().await?;
    let done = service.finished(1).await?.remove(0);
    equal(
        "the end",
        (done.handling, done.outcome, done.status),
        (1, Outcome::Answered, Some(200)),
    )?;
    // The year 2020 and one century on: microseconds since 1970, whatever the clock of this machine.
    let plausible = 1_577_836_800_000_000..4_733_510_400_000_000;
    ensure(
        plausible.contains(&arrived.at_us) && arrived.at_us <= done.at_us,
        || format!("it lasted from {} to {}", arrived.at_us, done.at_us),
    )?;

    service.get("/", &[("x-envoy-attempt-count", "many")]).await?;
    let bare = service.received(2).await?.remove(1);
    equal("the count goes on", bare.handling, 2)?;
    let absent = (
        bare.request_id,
        bare.correlation,
        bare.attempt,
        bare.client_cert,
        bare.traceparent,
    );
    equal("absent headers", absent, (None, None, None, None, None))
}

pub(crate) async fn killed(subject: &Subject) -> Verdict {
    let mut service = Service::start(subject, &bootstrap(subject)).await?;
    try_join_all((0..50).map(|_| service.get("/", &[]))).await?;
    service
        .behave(&Behaviour {
            hang: true,
            ..Default::default()
        })
        .await?;
    let mut hanging = Vec::new();
    for _ in 0..10 {
        let mut connection = RawConnection::open(&service.application).await?;
        connection.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await?;
        hanging.push(connection);
    }
    service.received(60).await?;
    service.behave(&Behaviour::default()).await?;
    service.get("/last", &[]).await?;
    // The answer to the last request has only just come: whatever is not in the pipe by now is lost.
    service.kill()?;
    let (ending, records) = service.ended(Duration::from_secs(5)).await?;
    equal("the end of a killed process", ending, Ending::Killed)?;
    equal("requests received", received(&records).len(), 61)?;
    let answered = finished(&records)
        .iter()
        .filter(|end| end.outcome == Outcome::Answered)
        .count();
    equal("requests answered", answered, 51)?;
    let balanced = matches!(records.last(), Some(Record::Finished(last)) if last.handling == 61);
    ensure(balanced, || format!("the last record is {:?}", records.last()))?;
    effects::none_is_lost(subject).await
}

pub(crate) async fn cancellation(subject: &Subject) -> Verdict {
    let upstream = Upstream::start(subject, |_| Response::Silence).await?;
    let service = Service::start(subject, &calling(subject, upstream.address, &["http://ledger/"])).await?;
    let hang = Behaviour {
        hang: true,
        ..Default::default()
    };
    let work = Behaviour {
        latency: Some(Latency::Fixed { ms: 60_000.0 }),
        ..Default::default()
    };
    let request = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    let half = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nhalf";
    let situations = [
        (&hang, request, Leave::Close),
        (&work, request, Leave::Close),
        (&work, half, Leave::Close),
    ];
    let manners = [
        (&work, request, Leave::Reset),
        (&hang, request, Leave::Reset),
        (&hang, request, Leave::HalfClose),
    ];
    let mut count = 0;
    for (behaviour, request, leave) in situations.into_iter().chain(manners) {
        service.behave(behaviour).await?;
        count += 1;
        abandon(&service, request, leave, count).await?;
    }

    service.behave(&Behaviour::default()).await?;
    let mut connection = RawConnection::open(&service.application).await?;
    connection.write(request.as_bytes()).await?;
    upstream.events_when(|events| events.len() == 1).await?;
    drop(connection);
    let events = upstream.events_when(|events| events.len() == 2).await?;
    ensure(matches!(events[1], Event::Left(_)), || {
        format!("a call given up came as {events:?}")
    })?;
    equal(
        "the outcome",
        service.outcomes(count + 1).await?[count],
        Outcome::Cancelled,
    )?;
    equal(
        "the service afterwards",
        service.command("GET", "/ready", "").await?.status,
        200,
    )
}

/// How a caller goes away.
#[derive(Clone, Copy, Debug)]
enum Leave {
    Close,
    HalfClose,
    Reset,
}

/// Sends a request, leaves, and expects the service to notice. `count` is how many requests there have been with this one.
async fn abandon(service: &Service, request: &str, leave: Leave, count: usize) -> Verdict {
    let mut connection = RawConnection::open(&service.application).await?;
    connection.write(request.as_bytes()).await?;
    service.received(count).await?;
    match leave {
        Leave::Close => drop(connection),
        Leave::HalfClose => {
            connection.0.shutdown().await?;
            equal(
                "what a caller gets that has closed its half",
                connection.read_to_end().await?.as_str(),
                "",
            )?;
        }
        Leave::Reset => {
            connection.0.reset_on_close()?;
            drop(connection);
        }
    }
    let what = format!("the outcome when the caller leaves by {leave:?}");
    equal(
        &what,
        service.outcomes(count).await?[count - 1],
        Outcome::Cancelled,
    )
}
