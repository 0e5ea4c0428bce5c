//! C14 to C16 and C21: how a service answers.

use std::time::Duration;

use futures_util::future::try_join_all;
use hallway_service::contract::{
    Answer, Behaviour, FailFirst, FailPattern, FailShare, Latency, Outcome, Record, SlowBody,
};
use tokio::time::Instant;

use crate::service::{Service, bootstrap};
use crate::subject::Subject;
use crate::wire::RawConnection;
use crate::{Verdict, ensure, equal};

pub(crate) async fn precedence(subject: &Subject) -> Verdict {
    let service = Service::start(subject, &bootstrap(subject)).await?;
    let mut behaviour = Behaviour {
        status: Some(201),
        reset_before: Some(1.0),
        hang: true,
        fail_first: Some(FailFirst {
            attempts: u32::MAX,
            status: 501,
        }),
        fail_pattern: Some(FailPattern {
            pattern: "x".to_owned(),
            status: 503,
        }),
        fail_share: Some(FailShare {
            share: 1.0,
            status: 502,
        }),
        reset_after: Some(1.0),
        truncate: Some(1.0),
        ..Default::default()
    };
    let steps: [(fn(&mut Behaviour), _); 8] = [
        (|_| {}, (Outcome::ResetBefore, None)),
        (
            |behaviour| behaviour.reset_before = None,
            (Outcome::Cancelled, None),
        ),
        (|behaviour| behaviour.hang = false, (Outcome::Answered, Some(501))),
        (
            |behaviour| behaviour.fail_first = None,
            (Outcome::Answered, Some(503)),
        ),
        (
            |behaviour| behaviour.fail_pattern = None,
            (Outcome::Answered, Some(502)),
        ),
        (
            |behaviour| behaviour.fail_share = None,
            (Outcome::ResetAfter, None),
        ),
        (
            |behaviour| behaviour.reset_after = None,
            (Outcome::Truncated, Some(201)),
        ),
        (
            |behaviour| behaviour.truncate = None,
            (Outcome::Answered, Some(201)),
        ),
    ];
    for (number, (change, expected)) in steps.into_iter().enumerate() {
        change(&mut behaviour);
        service.behave(&behaviour).await?;
        let mut connection = RawConnection::open(&service.application).await?;
        connection.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await?;
        service.received(number + 1).await?;
        if behaviour.hang && behaviour.reset_before.is_none() {
            drop(connection);
        }
        let finished = service.finished(number + 1).await?;
        let last = &finished[number];
        equal(
            &format!("the outcome under {behaviour:?}"),
            (last.outcome, last.status),
            expected,
        )?;
    }
    decided_on_arrival(&service).await
}

async fn decided_on_arrival(service: &Service) -> Verdict {
    let slow = Latency::Fixed { ms: 500.0 };
    service
        .behave(&Behaviour {
            status: Some(202),
            latency: Some(slow),
            ..Default::default()
        })
        .await?;
    let mut early = RawConnection::open(&service.application).await?;
    early
        .write(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await?;
    service.received(9).await?;
    service
        .behave(&Behaviour {
            status: Some(418),
            ..Default::default()
        })
        .await?;
    equal(
        "a request after the change",
        service.get("/", &[]).await?.status,
        418,
    )?;
    let answer = early.read_to_end().await?;
    ensure(answer.starts_with("HTTP/1.1 202 "), || {
        format!("a request from before the change got `{answer}`")
    })
}

pub(crate) async fn status(subject: &Subject) -> Verdict {
    let service = Service::start(subject, &bootstrap(subject)).await?;
    equal("the default", service.get("/", &[]).await?.status, 200)?;
    for status in [200, 299, 404, 500, 599] {
        service
            .behave(&Behaviour {
                status: Some(status),
                ..Default::default()
            })
            .await?;
        let reply = service.get("/", &[]).await?;
        equal("the status asked for", reply.status, status)?;
        equal("its body", &*reply.json::<Answer>()?.service, "payments")?;
    }
    Ok(())
}

pub(crate) async fn latency(subject: &Subject) -> Verdict {
    let fixed = Latency::Fixed { ms: 150.0 };
    let service = Service::behaving(
        subject,
        Behaviour {
            latency: Some(fixed),
            ..Default::default()
        },
    )
    .await?;
    let started = Instant::now();
    service.get("/", &[]).await?;
    let elapsed = started.elapsed();
    ensure(elapsed >= Duration::from_millis(150), || {
        format!("a latency of 150 ms took {elapsed:?}")
    })?;

    let percentiles = Latency::Percentiles {
        p50_ms: 300.0,
        p90_ms: 300.0,
        p99_ms: 600.0,
    };
    service
        .behave(&Behaviour {
            latency: Some(percentiles),
            ..Default::default()
        })
        .await?;
    try_join_all((0..60).map(|_| service.get("/", &[]))).await?;
    let worked = |record: &Record, records: &[Record]| match record {
        Record::Finished(end) if end.handling > 1 => records.iter().find_map(|record| match record {
            Record::Received(begin) if begin.handling == end.handling => Some(end.at_us - begin.at_us),
            _ => None,
        }),
        _ => None,
    };
    service.finished(61).await?;
    let records = service.records_when(|_| true).await?;
    let times: Vec<_> = records
        .iter()
        .filter_map(|record| worked(record, &records))
        .collect();
    // Half of 60 in expectation; the seed is fixed, so that this is no gamble. A busy machine only makes them slower.
    let slow = times.iter().filter(|time| **time >= 300_000).count();
    ensure((15..60).contains(&slow), || {
        format!("{slow} of {} took the median of 300 ms: {times:?}", times.len())
    })
}

pub(crate) async fn slow_body(subject: &Subject) -> Verdict {
    let slow = SlowBody {
        pieces: 4,
        over_ms: 600.0,
    };
    let service = Service::behaving(
        subject,
        Behaviour {
            slow_body: Some(slow),
            ..Default::default()
        },
    )
    .await?;
    let started = Instant::now();
    let mut connection = RawConnection::open(&service.application).await?;
    connection
        .write(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await?;
    let beginning = connection.read_until(|seen| seen.contains("\r\n\r\n{")).await?;
    let first = started.elapsed();
    let rest = connection.read_to_end().await?;
    let last = started.elapsed();
    let body = (beginning + &rest)
        .split_once("\r\n\r\n")
        .map_or(String::new(), |(_, body)| body.to_owned());
    equal(
        "the body in pieces",
        &*serde_json::from_str::<Answer>(&body)?.service,
        "payments",
    )?;
    ensure(last >= Duration::from_millis(600), || {
        format!("600 ms of body took {last:?}")
    })?;
    ensure(rest.len() >= body.len() / 2, || {
        format!("only {} of {} bytes came late", rest.len(), body.len())
    })?;
    ensure(first < last, || "the head came with the end".to_owned())?;

    service
        .behave(&Behaviour {
            status: Some(503),
            slow_body: Some(SlowBody {
                pieces: 1_000_000,
                over_ms: 100.0,
            }),
            ..Default::default()
        })
        .await?;
    let reply = service.get("/", &[]).await?;
    equal(
        "a body in more pieces than bytes",
        &*reply.json::<Answer>()?.service,
        "payments",
    )
}
