//! C17 to C20: the faults.

use std::time::Duration;

use futures_util::future::try_join_all;
use hallway_service::contract::{Behaviour, Bootstrap, FailFirst, FailShare, Outcome};
use tokio::time::timeout;

use crate::implementation::Implementation;
use crate::service::{Service, bootstrap, calling};
use crate::upstream::{Upstream, answer};
use crate::wire::{RawConnection, is_reset};
use crate::{Failure, Verdict, ensure, equal, fail};

pub(crate) async fn fail_first(implementation: Implementation) -> Verdict {
    let upstream = Upstream::start(|_| answer(200, "")).await?;
    let behaviour = Behaviour {
        fail_first: Some(FailFirst {
            attempts: 2,
            status: 503,
        }),
        ..Default::default()
    };
    let bootstrap = Bootstrap {
        behaviour,
        ..calling(upstream.address, &["http://ledger/"])
    };
    let service = Service::start(implementation, &bootstrap).await?;

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

pub(crate) async fn fail_share(implementation: Implementation) -> Verdict {
    let upstream = Upstream::start(|_| answer(200, "")).await?;
    let sequence = async |seed: u64| -> Result<Vec<u16>, Failure> {
        let behaviour = Behaviour {
            fail_share: Some(FailShare {
                share: 0.3,
                status: 503,
            }),
            ..Default::default()
        };
        let calling = calling(upstream.address, &["http://ledger/"]);
        let service = Service::start(
            implementation,
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

pub(crate) async fn resets(implementation: Implementation) -> Verdict {
    for (outcome, calls) in [(Outcome::ResetBefore, 0), (Outcome::ResetAfter, 1)] {
        let upstream = Upstream::start(|_| answer(200, "")).await?;
        let always = |when| (outcome == when).then_some(1.0);
        let behaviour = Behaviour {
            reset_before: always(Outcome::ResetBefore),
            reset_after: always(Outcome::ResetAfter),
            ..Default::default()
        };
        let bootstrap = Bootstrap {
            behaviour,
            ..calling(upstream.address, &["http://ledger/"])
        };
        let service = Service::start(implementation, &bootstrap).await?;
        let mut connection = RawConnection::open(service.application).await?;
        connection.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await?;
        match connection.read_to_end().await {
            Err(failure) if is_reset(&failure) => {}
            other => return fail(format!("instead of a reset came {other:?}")),
        }
        equal("the ledger", service.outcomes(1).await?, [outcome])?;
        equal("the status", service.finished(1).await?[0].status, None)?;
        equal("calls made for a reset", upstream.seen().len(), calls)?;
    }
    let service = Service::start(implementation, &bootstrap()).await?;
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

pub(crate) async fn hang(implementation: Implementation) -> Verdict {
    let upstream = Upstream::start(|_| answer(200, "")).await?;
    let behaviour = Behaviour {
        hang: true,
        ..Default::default()
    };
    let bootstrap = Bootstrap {
        behaviour,
        ..calling(upstream.address, &["http://ledger/"])
    };
    let service = Service::start(implementation, &bootstrap).await?;
    let mut connection = RawConnection::open(service.application).await?;
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
