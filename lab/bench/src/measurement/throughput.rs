//! CPU time per request, and requests per second: closed loop, with the proxies on one core and everybody else on another.

use std::time::Duration;

use super::{Figures, MB, Sending, Told, larger};
use crate::error::BenchError;
use crate::machine::CpuTime;
use crate::metric::Metric;
use crate::pairs::{Pair, Workshop};
use crate::parts::application::LARGE;
use crate::parts::load::{Manner, Request};
use crate::plan::Durations;

/// How many small requests are under way at once.
const CONCURRENCY: usize = 64;
/// How many large ones.
const LARGE_CONCURRENCY: usize = 4;

/// What was counted in one window.
struct Window {
    answers: f64,
    elapsed: Duration,
    /// Of both sidecars together.
    used: CpuTime,
    /// Of each sidecar, at its end.
    resident: Vec<u64>,
}

/// 1 KiB each.
pub(super) async fn small(
    workshop: &Workshop,
    pair: &Pair,
    durations: Durations,
) -> Result<Figures, BenchError> {
    let idle = pair.resident_bytes()?;
    let window = count(workshop, pair, pair.request(), CONCURRENCY, durations).await?;
    let mut figures = vec![(
        Metric::RequestsPerSecond,
        window.answers / window.elapsed.as_secs_f64(),
    )];
    if !idle.is_empty() {
        let (user, system) = (
            window.per_answer(window.used.user),
            window.per_answer(window.used.system),
        );
        figures.extend([
            (Metric::CpuPerRequest, user + system),
            (Metric::UserPerRequest, user),
            (Metric::SystemPerRequest, system),
            (Metric::MemoryIdle, larger(&idle)),
            (Metric::MemoryLoaded, larger(&window.resident)),
        ]);
    }
    Ok(figures)
}

/// 1 MiB each, down and up.
pub(super) async fn bulk(
    workshop: &Workshop,
    pair: &Pair,
    durations: Durations,
) -> Result<Figures, BenchError> {
    let mut figures = Vec::new();
    for (request, cpu, rate) in [
        (pair.download(), Metric::DownloadCpu, Metric::DownloadRate),
        (pair.upload(), Metric::UploadCpu, Metric::UploadRate),
    ] {
        let window = count(workshop, pair, request, LARGE_CONCURRENCY, durations).await?;
        figures.push((
            rate,
            window.answers * LARGE as f64 / MB / window.elapsed.as_secs_f64(),
        ));
        if !window.resident.is_empty() {
            figures.push((cpu, window.per_answer(window.used.user + window.used.system)));
        }
    }
    Ok(figures)
}

async fn count(
    workshop: &Workshop,
    pair: &Pair,
    request: Request,
    concurrency: usize,
    durations: Durations,
) -> Result<Window, BenchError> {
    let (begun, answers, elapsed) = window(workshop, pair, request, concurrency, durations, || {
        pair.cpu_time()
    })
    .await?;
    Ok(Window {
        answers: answers as f64,
        elapsed,
        used: pair.cpu_time()?.since(begun),
        resident: pair.resident_bytes()?,
    })
}

/// Sends `request`, so many at once: what `begin` gave when the window began, and how many were answered since, in which time.
pub(crate) async fn window<T>(
    workshop: &Workshop,
    pair: &Pair,
    request: Request,
    concurrency: usize,
    Durations { warm_up, window }: Durations,
    begin: impl FnOnce() -> Result<T, BenchError>,
) -> Result<(T, u64, Duration), BenchError> {
    let manner = Manner::Closed {
        concurrency,
        warm_up,
        duration: window,
    };
    let mut sending = Sending::start(workshop, pair, request, manner).await?;
    sending.begins(warm_up).await?;
    let begun = begin()?;
    match sending.next(window).await? {
        Told::Counted { answers, elapsed } => Ok((begun, answers, elapsed)),
        Told::Begin | Told::Latencies(_) => Err(pair.failed(&sending.child)),
    }
}
impl Window {
    fn per_answer(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 1e6 / self.answers
    }
}
