//! What a mesh costs a lab: the same services, each with a sidecar and a control plane for all, and alone, calling each other directly. All of
//! them are real processes; what the mesh costs is the difference.
//!
//! No relay stands between the sidecars here: the wire is the lab's, and no part of a mesh.

mod subject;

use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::subject::Subject;
use super::process::Memory;
use super::{POLL, Spread};
use crate::error::WorldError;
use crate::options::Options;

/// The rules change so often in each run.
const RULE_CHANGES: u16 = 5;

/// Nothing takes longer, unless it is broken.
const WITHIN: Duration = Duration::from_secs(60);

/// What to measure.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// How many services there are; at least a caller and a callee.
    pub services: u32,
    /// How often they are started.
    pub times: u32,
}

/// The services with and without a mesh.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// How many services there are.
    pub services: u32,
    /// How often they were started.
    pub times: u32,
    /// The services alone.
    pub alone: Cost,
    /// The services with a mesh.
    pub meshed: Cost,
    /// The sidecars' share of the memory.
    pub sidecars: Option<Memory>,
    /// The control plane's share of the memory.
    pub control_plane: Option<Memory>,
    /// From a push of rules until every sidecar has put them in force, as the control plane has been told.
    pub acknowledged_seconds: Spread<f64>,
    /// From a push of rules until a request shows that they are in force.
    pub observed_seconds: Spread<f64>,
}

/// What services cost.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Cost {
    /// How many processes there are.
    pub processes: usize,
    /// Their memory after a few requests; absent where the system does not tell.
    pub memory: Option<Memory>,
    /// From the first program's start until one service has had a good answer of another, through both of their sidecars where there are any.
    pub first_answer_seconds: Spread<f64>,
}

/// Starts the services with and without a mesh by turns, and measures. No process is left when it returns.
///
/// # Errors
/// [`WorldError`], when it could not be measured; [`WorldError::Cancelled`] as soon as possible after `cancel`.
pub async fn lab(options: &Options, order: Order, cancel: &CancellationToken) -> Result<Figures, WorldError> {
    let (mut alone, mut meshed) = (Vec::new(), Vec::new());
    for _ in 0..order.times {
        alone.push(subject::with(options, order.services, cancel, measure_alone).await?);
        meshed.push(subject::with(options, order.services, cancel, measure_meshed).await?);
    }
    let changes = || meshed.iter().flat_map(|run| &run.changes);
    let spread = |seconds: Vec<f64>| Spread::of(seconds).expect("rules change in every run");
    Ok(Figures {
        services: order.services,
        times: order.times,
        sidecars: middle(meshed.iter().map(|run| run.sidecars)),
        control_plane: middle(meshed.iter().map(|run| run.control_plane)),
        acknowledged_seconds: spread(changes().map(|change| change.acknowledged).collect()),
        observed_seconds: spread(changes().map(|change| change.observed).collect()),
        alone: cost(&alone),
        meshed: cost(&meshed),
    })
}

/// What was measured in one run.
struct Run {
    first_answer: f64,
    processes: usize,
    memory: Option<Memory>,
    sidecars: Option<Memory>,
    control_plane: Option<Memory>,
    changes: Vec<RuleChange>,
}

/// How long a change of the rules took, in seconds.
struct RuleChange {
    acknowledged: f64,
    observed: f64,
}

async fn measure_alone(mut subject: Subject<'_>) -> Result<Run, WorldError> {
    let start = Instant::now();
    subject.start_alone().await?;
    let first_answer = first_answer(&subject, start).await?;
    Ok(subject.run(first_answer, Vec::new()))
}

async fn measure_meshed(mut subject: Subject<'_>) -> Result<Run, WorldError> {
    let start = Instant::now();
    subject.start_meshed().await?;
    subject.push_rules(0).await?;
    let first_answer = first_answer(&subject, start).await?;
    in_time(subject.acknowledged()).await?;
    let mut changes = Vec::new();
    for generation in 1..=RULE_CHANGES {
        changes.push(change_rules(&subject, generation).await?);
    }
    Ok(subject.run(first_answer, changes))
}

/// Calls until there is a good answer. Until the sidecars have their configuration there is none.
async fn first_answer(subject: &Subject<'_>, start: Instant) -> Result<f64, WorldError> {
    let answered = async {
        while subject.call().await?.is_none() {
            sleep(POLL).await;
        }
        Ok(start.elapsed().as_secs_f64())
    };
    in_time(answered).await
}

async fn change_rules(subject: &Subject<'_>, generation: u16) -> Result<RuleChange, WorldError> {
    let start = Instant::now();
    subject.push_rules(generation).await?;
    let observed = async {
        while subject.call().await? != Some(generation) {
            sleep(POLL).await;
        }
        Ok(start.elapsed().as_secs_f64())
    };
    let acknowledged = async {
        subject.acknowledged().await?;
        Ok(start.elapsed().as_secs_f64())
    };
    let (observed, acknowledged) = in_time(async { tokio::try_join!(observed, acknowledged) }).await?;
    Ok(RuleChange {
        acknowledged,
        observed,
    })
}

async fn in_time<T>(work: impl Future<Output = Result<T, WorldError>>) -> Result<T, WorldError> {
    let late = |_| WorldError::NotReady {
        who: "the services".to_owned(),
        seconds: WITHIN.as_secs(),
        waiting_for: "a good answer under the rules that were pushed last".to_owned(),
    };
    timeout(WITHIN, work).await.map_err(late)?
}

fn cost(runs: &[Run]) -> Cost {
    let seconds = runs.iter().map(|run| run.first_answer);
    Cost {
        processes: runs[0].processes,
        memory: middle(runs.iter().map(|run| run.memory)),
        first_answer_seconds: Spread::of(seconds).expect("there is at least one run"),
    }
}

/// The middle one; none if one is unknown.
fn middle(memory: impl Iterator<Item = Option<Memory>>) -> Option<Memory> {
    let mut all: Vec<Memory> = memory.collect::<Option<_>>()?;
    all.sort_by_key(|memory| memory.kib());
    all.get(all.len() / 2).copied()
}
