//! CPU time per request, and requests per second: closed loop, with the proxies on one core and everybody else on another.

use std::time::Duration;

use serde::Serialize;

use super::{Load, Sending, Told};
use crate::error::BenchError;
use crate::pairs::{Pair, Workshop};
use crate::parts::load::Manner;

/// How many connections send at once.
pub(crate) const CONNECTIONS: usize = 64;
/// How long they send before it counts.
const WARM_UP: Duration = Duration::from_millis(500);

/// What was seen of one pair in one round.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Throughput {
    pub(crate) requests_per_second: f64,
    /// Of both sidecars together, in microseconds.
    pub(crate) user_us_per_request: f64,
    pub(crate) system_us_per_request: f64,
}

pub(crate) async fn measure(
    workshop: &Workshop,
    pair: &Pair,
    duration: Duration,
) -> Result<Throughput, BenchError> {
    let load = Load {
        request: pair.request(),
        manner: Manner::Closed {
            connections: CONNECTIONS,
            warm_up: WARM_UP,
            duration,
        },
    };
    let mut sending = Sending::start(workshop, pair, load).await?;
    let Told::Begin = sending.next(WARM_UP).await? else {
        return Err(pair.failed(&sending.child));
    };
    let before = pair.cpu_time()?;
    let Told::Closed { requests, elapsed } = sending.next(duration).await? else {
        return Err(pair.failed(&sending.child));
    };
    let used = pair.cpu_time()?.since(before);
    let per_request = |time: Duration| time.as_secs_f64() * 1e6 / requests as f64;
    Ok(Throughput {
        requests_per_second: requests as f64 / elapsed.as_secs_f64(),
        user_us_per_request: per_request(used.user),
        system_us_per_request: per_request(used.system),
    })
}
