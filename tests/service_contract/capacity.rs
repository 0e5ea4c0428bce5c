//! C33: how many requests are worked on at once.

use std::time::Duration;

use hallway_service::contract::{Answer, Behaviour, Capacity, FailShare, Latency, Outcome, SlowBody};
use tokio::time::Instant;

use crate::service::{Service, bootstrap};
use crate::subject::Subject;
use crate::wire::RawConnection;
use crate::{Verdict, ensure, equal};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

/// Long enough for a busy machine to see what happens meanwhile.
const WORK: Duration = Duration::from_millis(1500);

fn with_capacity(at_once: u32, queue: u32, work: Duration) -> Behaviour {
    Behaviour {
        capacity: Some(Capacity {
            at_once,
            queue,
            status: 429,
        }),
        latency: Some(Latency::Fixed {
            ms: work.as_secs_f64() * 1000.0,
        }),
        ..Default::default()
    }
}

pub(crate) async fn capacity(subject: &Subject) -> Verdict {
    tokio::try_join!(
        requests_wait_in_order(subject),
        whoever_goes_away_leaves_the_queue(subject),
        a_new_behaviour_has_a_queue_of_its_own(subject),
        a_place_is_held_for_the_work_alone(subject),
        failures_take_places_too(subject),
    )?;
    Ok(())
}

async fn requests_wait_in_order(subject: &Subject) -> Verdict {
    let service = Service::behaving(subject, with_capacity(1, 2, WORK)).await?;
    let mut waiting = Vec::new();
    for number in 1..=3 {
        let mut connection = RawConnection::open(&service.application).await?;
        connection.write(REQUEST).await?;
        service.received(number).await?;
        waiting.push(connection);
    }
    let started = Instant::now();
    let refused = service.get("/", &[]).await?;
    ensure(started.elapsed() < WORK, || {
        format!("it took {:?} to be refused", started.elapsed())
    })?;
    equal("the one who finds the queue full", refused.status, 429)?;
    equal("its answer", &*refused.json::<Answer>()?.service, "payments")?;
    for mut connection in waiting {
        let answer = connection.read_to_end().await?;
        ensure(answer.starts_with("HTTP/1.1 200 "), || {
            format!("a request that waited got `{answer}`")
        })?;
    }
    let finished = service.finished(4).await?;
    let order: Vec<_> = finished
        .iter()
        .map(|finished| (finished.handling, finished.status))
        .collect();
    equal(
        "the order in which they ended",
        order,
        [(4, Some(429)), (1, Some(200)), (2, Some(200)), (3, Some(200))],
    )?;
    // The place is handed on a moment before the record: some slack for that.
    let work_us = u64::try_from(WORK.as_micros())? * 3 / 4;
    for pair in finished[1..].windows(2) {
        ensure(pair[1].at_us - pair[0].at_us >= work_us, || {
            format!(
                "{} and {} were worked on at once",
                pair[0].handling, pair[1].handling
            )
        })?;
    }
    Ok(())
}

async fn whoever_goes_away_leaves_the_queue(subject: &Subject) -> Verdict {
    let service = Service::behaving(subject, with_capacity(1, 1, WORK)).await?;
    let mut working = RawConnection::open(&service.application).await?;
    working.write(REQUEST).await?;
    service.received(1).await?;
    let mut impatient = RawConnection::open(&service.application).await?;
    impatient.write(REQUEST).await?;
    service.received(2).await?;
    drop(impatient);
    let first = service.finished(1).await?.remove(0);
    equal(
        "the one who went away",
        (first.handling, first.outcome),
        (2, Outcome::Cancelled),
    )?;
    equal(
        "one who comes after that",
        service.get("/", &[]).await?.status,
        200,
    )?;
    equal("one after all", service.get("/", &[]).await?.status, 200)
}

async fn a_new_behaviour_has_a_queue_of_its_own(subject: &Subject) -> Verdict {
    let service = Service::behaving(subject, with_capacity(1, 1, WORK)).await?;
    let mut old = Vec::new();
    for number in 1..=2 {
        let mut connection = RawConnection::open(&service.application).await?;
        connection.write(REQUEST).await?;
        service.received(number).await?;
        old.push(connection);
    }
    service.behave(&with_capacity(1, 0, Duration::ZERO)).await?;
    equal(
        "a request under the new behaviour",
        service.get("/", &[]).await?.status,
        200,
    )?;
    let early: Vec<_> = service
        .finished(1)
        .await?
        .iter()
        .map(|end| end.handling)
        .collect();
    equal("what has ended by then", early, [3])?;
    for mut connection in old {
        let answer = connection.read_to_end().await?;
        ensure(answer.starts_with("HTTP/1.1 200 "), || {
            format!("a request of the old behaviour got `{answer}`")
        })?;
    }
    Ok(())
}

/// It is taken when the body has been read, and given back before the answer leaves.
async fn a_place_is_held_for_the_work_alone(subject: &Subject) -> Verdict {
    let service = Service::behaving(subject, with_capacity(1, 0, Duration::ZERO)).await?;
    let mut slow_caller = RawConnection::open(&service.application).await?;
    slow_caller
        .write(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhal")
        .await?;
    service.received(1).await?;
    equal(
        "a request beside one that is not read",
        service.get("/", &[]).await?.status,
        200,
    )?;

    let slow = Behaviour {
        slow_body: Some(SlowBody {
            pieces: 2,
            over_ms: 3000.0,
        }),
        ..with_capacity(1, 0, Duration::ZERO)
    };
    service.behave(&slow).await?;
    let mut leaving = RawConnection::open(&service.application).await?;
    leaving.write(REQUEST).await?;
    leaving.read_until(|seen| seen.contains("\r\n\r\n{")).await?;
    let mut beside = RawConnection::open(&service.application).await?;
    beside.write(REQUEST).await?;
    let answer = beside.read_until(|seen| seen.contains("\r\n\r\n")).await?;
    ensure(answer.starts_with("HTTP/1.1 200 "), || {
        format!("a request beside an answer that leaves got `{answer}`")
    })
}

async fn failures_take_places_too(subject: &Subject) -> Verdict {
    let failing = Behaviour {
        fail_share: Some(FailShare {
            share: 1.0,
            status: 500,
        }),
        ..with_capacity(1, 0, WORK)
    };
    let service = Service::start(subject, &bootstrap(subject)).await?;
    service.behave(&failing).await?;
    let mut working = RawConnection::open(&service.application).await?;
    working.write(REQUEST).await?;
    service.received(1).await?;
    equal(
        "a request beside one that will fail",
        service.get("/", &[]).await?.status,
        429,
    )?;
    let answer = working.read_to_end().await?;
    ensure(answer.starts_with("HTTP/1.1 500 "), || {
        format!("the one that fails got `{answer}`")
    })
}
