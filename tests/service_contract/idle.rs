//! C37, and what C4 says of idle connections.

use std::time::Duration;

use hallway_service::contract::{Behaviour, IdleClose, Latency};
use tokio::time::{Instant, sleep, timeout};

use crate::service::{Service, bootstrap};
use crate::subject::Subject;
use crate::wire::RawConnection;
use crate::{Failure, Verdict, ensure, equal, fail};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const LIMIT: Duration = Duration::from_secs(1);

pub(crate) fn closing_after(limit: Duration) -> Behaviour {
    Behaviour {
        idle_close: Some(IdleClose {
            ms: limit.as_secs_f64() * 1000.0,
        }),
        ..Default::default()
    }
}

pub(crate) async fn idle_close(subject: &Subject) -> Verdict {
    let service = Service::behaving(subject, closing_after(LIMIT)).await?;
    tokio::try_join!(unused(&service), used(&service))?;
    busy_is_not_idle(&service).await?;
    the_behaviour_when_it_fell_idle_counts(subject).await
}

/// How long it takes until the other side closes without a word.
async fn until_closed(mut connection: RawConnection) -> Result<Duration, Failure> {
    let started = Instant::now();
    equal(
        "what an idle connection gets",
        &*connection.read_to_end().await?,
        "",
    )?;
    Ok(started.elapsed())
}

async fn unused(service: &Service) -> Verdict {
    let opening = Instant::now();
    let connection = RawConnection::open(&service.application).await?;
    until_closed(connection).await?;
    ensure(opening.elapsed() >= LIMIT, || {
        format!(
            "an unused connection was closed {:?} after its opening",
            opening.elapsed()
        )
    })
}

async fn used(service: &Service) -> Verdict {
    let mut connection = RawConnection::open(&service.application).await?;
    for _ in 0..3 {
        // Far below the limit: a busy machine sleeps for longer than it is told to.
        sleep(LIMIT / 4).await;
        connection.write(REQUEST).await?;
        let answer = connection.read_until(|seen| seen.ends_with('}')).await?;
        ensure(answer.starts_with("HTTP/1.1 200 "), || {
            format!("a request on a connection that is not idle yet got `{answer}`")
        })?;
    }
    let idle = until_closed(connection).await?;
    // The answer was sent some time before it was read.
    ensure(idle >= LIMIT / 2, || {
        format!("a used connection was closed {idle:?} after its last answer")
    })
}

async fn busy_is_not_idle(service: &Service) -> Verdict {
    let slow = Behaviour {
        latency: Some(Latency::Fixed { ms: 2000.0 }),
        ..closing_after(LIMIT)
    };
    service.behave(&slow).await?;
    let mut connection = RawConnection::open(&service.application).await?;
    connection.write(REQUEST).await?;
    let answer = connection.read_until(|seen| seen.ends_with('}')).await?;
    ensure(answer.starts_with("HTTP/1.1 200 "), || {
        format!("a request longer than the limit got `{answer}`")
    })?;
    until_closed(connection).await?;
    Ok(())
}

async fn the_behaviour_when_it_fell_idle_counts(subject: &Subject) -> Verdict {
    let service = Service::start(subject, &bootstrap(subject)).await?;
    let mut patient = RawConnection::open(&service.application).await?;
    patient.write(REQUEST).await?;
    patient.read_until(|seen| seen.ends_with('}')).await?;
    service.behave(&closing_after(LIMIT)).await?;
    let mut closing = RawConnection::open(&service.application).await?;
    closing.write(REQUEST).await?;
    closing.read_until(|seen| seen.ends_with('}')).await?;
    service.behave(&Behaviour::default()).await?;
    until_closed(closing).await?;
    // It fell idle when there was no limit, as a connection in the pool of a sidecar does.
    match timeout(LIMIT * 2, patient.read_to_end()).await {
        Err(_) => Ok(()),
        Ok(end) => fail(format!(
            "a connection that fell idle without a limit ended with {end:?}"
        )),
    }?;
    patient.write(REQUEST).await?;
    let answer = patient.read_until(|seen| seen.ends_with('}')).await?;
    ensure(answer.starts_with("HTTP/1.1 200 "), || {
        format!("the next request on it got `{answer}`")
    })
}
