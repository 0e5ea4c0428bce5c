//! C17 to C20, C32 and C34: the faults.

use std::time::Duration;

use futures_util::future::try_join_all;
use hallway_service::contract::{
    Answer, Behaviour, Bootstrap, FailFirst, FailPattern, FailShare, Outcome, SlowBody, Ticks,
};
use tokio::time::{Instant, timeout};

use crate::service::{Service, bootstrap, calling};
use crate::subject::Subject;
use crate::upstream::{Upstream, answer};
use crate::wire::{RawConnection, is_reset};
use crate::{Failure, Verdict, ensure, equal, fail};

pub(crate) async fn fail_first(subject: &Subject) -> Verdict {
    let upstream = Upstream::start(subject, |_| answer(200, "")).await?;
    let behaviour = Behaviour {
        fail_first: Some(FailFirst {
            attempts: 2,
            status: 503,
        }),
        ..Default::default()
    };
    let bootstrap = Bootstrap {
        behaviour,
        ..calling(subject, upstream.address, &["http://ledger/"])
    };
    let service = Service::start(subject, &bootstrap).await?;

    let ids: Vec<_> = (0..20).map(|number| format!("id-{number}")).collect();
    let attempts = async |id: &String| statuses(&service, &[("x-request-id", id)]).await;
    let histories = try_join_all(ids.iter().map(attempts)).await?;
    for history in histories {
        equal(
            "four attempts of one request id, among those of others",
            history,
            [503, 503, 200, 200],
        )?;
    }
    equal("calls, of which failures make none", upstream.seen().len(), 40)?;

    let same = [("x-request-id", "at once")];
    let at_once = try_join_all((0..10).map(|_| service.get("/", &same))).await?;
    let failed = at_once.iter().filter(|reply| reply.status == 503).count();
    equal("failures among ten attempts at once", failed, 2)?;

    let correlation = statuses(&service, &[("x-hallway-request", "load-1")]).await?;
    equal(
        "attempts known by x-hallway-request",
        correlation,
        [503, 503, 200, 200],
    )?;
    let both = statuses(
        &service,
        &[("x-request-id", "new"), ("x-hallway-request", "load-1")],
    )
    .await?;
    equal(
        "attempts known by x-request-id before x-hallway-request",
        both,
        [503, 503, 200, 200],
    )?;
    let neither = statuses(&service, &[]).await?;
    equal("requests without an id", neither, [503; 4])
}

/// The statuses of four attempts, one after the other.
async fn statuses(service: &Service, headers: &[(&str, &str)]) -> Result<Vec<u16>, Failure> {
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(service.get("/", headers).await?.status);
    }
    Ok(statuses)
}

pub(crate) async fn fail_share(subject: &Subject) -> Verdict {
    let upstream = Upstream::start(subject, |_| answer(200, "")).await?;
    let sequence = async |seed: u64| -> Result<Vec<u16>, Failure> {
        let behaviour = Behaviour {
            fail_share: Some(FailShare {
                share: 0.3,
                status: 503,
            }),
            ..Default::default()
        };
        let calling = calling(subject, upstream.address, &["http://ledger/"]);
        let service = Service::start(
            subject,
            &Bootstrap {
                behaviour,
                seed,
                ..calling
            },
        )
        .await?;
        let mut statuses = Vec::new();
        for _ in 0..200 {
            statuses.push(service.get("/", &[]).await?.status);
        }
        Ok(statuses)
    };
    let first = sequence(1).await?;
    let failed = first.iter().filter(|status| **status == 503).count();
    // The seed is fixed, so that these bounds (five standard deviations) are no gamble.
    ensure((28..=92).contains(&failed), || {
        format!("{failed} of 200 failed at a share of 0.3")
    })?;
    equal(
        "calls, of which failures make none",
        upstream.seen().len(),
        200 - failed,
    )?;
    ensure(first == sequence(1).await?, || {
        "the same seed decided differently".to_owned()
    })?;
    ensure(first != sequence(2).await?, || {
        "another seed decided alike".to_owned()
    })
}

pub(crate) async fn fail_pattern(subject: &Subject) -> Verdict {
    let upstream = Upstream::start(subject, |_| answer(200, "")).await?;
    let calling = calling(subject, upstream.address, &["http://ledger/"]);
    let service = Service::start(subject, &calling).await?;
    let with_pattern = |pattern: &str| Behaviour {
        fail_pattern: Some(FailPattern {
            pattern: pattern.to_owned(),
            status: 503,
        }),
        ..Default::default()
    };
    for _ in 0..2 {
        service.behave(&with_pattern("..x.x")).await?;
        let mut statuses = Vec::new();
        for _ in 0..7 {
            statuses.push(service.get("/", &[]).await?.status);
        }
        equal(
            "requests along the pattern, which begins with the behaviour",
            statuses,
            [200, 200, 503, 200, 503, 200, 200],
        )?;
    }
    equal("calls, of which failures make none", upstream.seen().len(), 10)?;

    let both = Behaviour {
        fail_first: Some(FailFirst {
            attempts: 1,
            status: 500,
        }),
        ..with_pattern(".x")
    };
    service.behave(&both).await?;
    let mut statuses = Vec::new();
    for id in ["a", "a", "b", "b", "a", "b", "c"] {
        statuses.push(service.get("/", &[("x-request-id", id)]).await?.status);
    }
    equal(
        "requests of which another fault decides about some",
        statuses,
        [500, 503, 500, 503, 200, 503, 500],
    )?;

    service.behave(&with_pattern("..x..x..xx")).await?;
    let at_once = try_join_all((0..100).map(|_| service.get("/", &[]))).await?;
    let failed = at_once.iter().filter(|reply| reply.status == 503).count();
    equal("failures among a hundred at once", failed, 40)
}

pub(crate) async fn truncated_body(subject: &Subject) -> Verdict {
    let truncating = Behaviour {
        status: Some(201),
        truncate: Some(1.0),
        slow_body: Some(SlowBody {
            pieces: 2,
            over_ms: 60_000.0,
        }),
        ..Default::default()
    };
    let ticking = Behaviour {
        ticks: Some(Ticks {
            count: 100,
            every_ms: 60_000.0,
        }),
        ..truncating.clone()
    };
    let service = Service::start(subject, &bootstrap(subject)).await?;
    for (number, behaviour) in [truncating, ticking].into_iter().enumerate() {
        service.behave(&behaviour).await?;
        let started = Instant::now();
        let mut connection = RawConnection::open(&service.application).await?;
        connection.write(b"GET /half HTTP/1.1\r\nhost: a\r\n\r\n").await?;
        let answer = connection.read_to_end().await?;
        ensure(started.elapsed() < Duration::from_secs(15), || {
            format!("half a body took {:?}", started.elapsed())
        })?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("the head is cut off")?;
        ensure(head.starts_with("HTTP/1.1 201 "), || {
            format!("the head is `{head}`")
        })?;
        let announced = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .ok_or("no length is announced")?;
        let announced: usize = announced.1.trim().parse()?;
        equal("the bytes of the body", body.len(), announced / 2)?;
        let last = service.finished(number + 1).await?.remove(number);
        equal(
            "the ledger",
            (last.outcome, last.status),
            (Outcome::Truncated, Some(201)),
        )?;
    }
    let bodiless = Behaviour {
        status: Some(204),
        truncate: Some(1.0),
        ..Default::default()
    };
    service.behave(&bodiless).await?;
    equal(
        "an answer without a body",
        service.get("/", &[]).await?.status,
        204,
    )?;

    let sometimes = Behaviour {
        truncate: Some(0.5),
        ..Default::default()
    };
    service.behave(&sometimes).await?;
    let mut whole = 0;
    for _ in 0..60 {
        let reply = service.get("/", &[]).await;
        whole += usize::from(reply.is_ok_and(|reply| reply.json::<Answer>().is_ok()));
    }
    ensure((10..=50).contains(&whole), || {
        format!("{whole} of 60 answers were whole at a share of 0.5")
    })
}

pub(crate) async fn resets(subject: &Subject) -> Verdict {
    for (outcome, calls) in [(Outcome::ResetBefore, 0), (Outcome::ResetAfter, 1)] {
        let upstream = Upstream::start(subject, |_| answer(200, "")).await?;
        let always = |when| (outcome == when).then_some(1.0);
        let behaviour = Behaviour {
            reset_before: always(Outcome::ResetBefore),
            reset_after: always(Outcome::ResetAfter),
            ..Default::default()
        };
        let bootstrap = Bootstrap {
            behaviour,
            ..calling(subject, upstream.address, &["http://ledger/"])
        };
        let service = Service::start(subject, &bootstrap).await?;
        let mut connection = RawConnection::open(&service.application).await?;
        connection.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await?;
        match connection.read_to_end().await {
            Err(failure) if is_reset(&failure) => {}
            other => return fail(format!("instead of a reset came {other:?}")),
        }
        equal("the ledger", service.outcomes(1).await?, [outcome])?;
        equal("the status", service.finished(1).await?[0].status, None)?;
        equal("calls made for a reset", upstream.seen().len(), calls)?;
    }
    let service = Service::start(subject, &bootstrap(subject)).await?;
    let sometimes = Behaviour {
        reset_before: Some(0.5),
        ..Default::default()
    };
    service.behave(&sometimes).await?;
    let mut answered = 0;
    for _ in 0..60 {
        answered += usize::from(service.get("/", &[]).await.is_ok());
    }
    ensure((10..=50).contains(&answered), || {
        format!("{answered} of 60 were answered at a share of 0.5")
    })
}

pub(crate) async fn hang(subject: &Subject) -> Verdict {
    let upstream = Upstream::start(subject, |_| answer(200, "")).await?;
    let behaviour = Behaviour {
        hang: true,
        ..Default::default()
    };
    let bootstrap = Bootstrap {
        behaviour,
        ..calling(subject, upstream.address, &["http://ledger/"])
    };
    let service = Service::start(subject, &bootstrap).await?;
    let mut connection = RawConnection::open(&service.application).await?;
    connection.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await?;
    service.received(1).await?;
    let silence = timeout(Duration::from_millis(500), connection.read_to_end()).await;
    ensure(silence.is_err(), || {
        format!("a request told to hang got {silence:?}")
    })?;
    equal("calls made for a request told to hang", upstream.seen().len(), 0)?;
    service.behave(&Behaviour::default()).await?;
    equal(
        "another request meanwhile",
        service.get("/", &[]).await?.status,
        200,
    )
}
