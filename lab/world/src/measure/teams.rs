//! What one decision costs, "two attempts in all, not three", where every team keeps retries in a module of its own, and where a mesh keeps
//! them in one rule.
//!
//! Four services, each in its team's language, get requests at a steady rate and relay each as two calls, a GET and a POST, to a service that
//! answers 503 to everything. That service's ledger says how often each call was attempted. Everything is a real process. What people need
//! for it, to find out, to agree, to review and to roll out, is not in the figures: it would come on top.
//!
//! - [`module`]: where each team keeps its number of attempts, and how that is changed; [`change`]: what was changed, as a diff
//! - [`alone`]: without a mesh; [`meshed`]: with one
//! - [`requests`]: the steady requests; [`count`]: what the ledger says of them

mod alone;
mod change;
mod count;
mod meshed;
mod module;
mod requests;

use std::collections::BTreeMap;
use std::time::Duration;

use hallway_scenario::Scenario;
use hallway_scenario::topology::Language;
use hallway_service::contract::Call;
use serde::Serialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::Spread;
use crate::error::WorldError;
use crate::incidents::Incidents;
use crate::options::Options;
use crate::plan::Plan;

pub use change::Change;

/// What is asked for: so many attempts in all, the first included.
pub const ATTEMPTS_WANTED: u32 = 2;

/// The service that is called.
const CALLEE: &str = "payments";

/// What happens before is not counted: a virtual machine that has just started is slow enough for impatient callers.
const WARM_UP: Duration = Duration::from_secs(2);

/// What to measure.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// From one request to the next of the same caller.
    pub interval: Duration,
    /// How long attempts are counted before the change, and again after it.
    pub steady: Duration,
}

/// The same decision without and with a mesh.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Requests that each caller gets in a second.
    pub requests_per_second: f64,
    /// What was asked for: attempts in all.
    pub attempts_wanted: u32,
    /// Each team changes its module.
    pub without_mesh: WithoutMesh,
    /// One rule is pushed.
    pub with_mesh: WithMesh,
}

/// Each team changed its module, one after the other.
#[derive(Clone, Debug, Serialize)]
pub struct WithoutMesh {
    /// The teams, in this order.
    pub teams: Vec<Team>,
    /// From the decision until the last team's service listened again.
    pub seconds: f64,
}

/// One team without a mesh.
#[derive(Clone, Debug, Serialize)]
pub struct Team {
    /// What it did about it.
    pub caller: Caller,
    /// Its module, in the directory of all services.
    pub module: String,
    /// What it changed. Nothing, when its module did already what is asked for.
    pub change: Change,
    /// Programs that had to be built.
    pub builds: u32,
    /// Processes that had to be started anew.
    pub restarts: u32,
    /// From its turn until its service listened again, a build included.
    pub seconds: f64,
    /// Requests without an answer, in the whole run: they met a service that was not there.
    pub unanswered: usize,
}

/// One rule was pushed.
#[derive(Clone, Debug, Serialize)]
pub struct WithMesh {
    /// The callers.
    pub callers: Vec<Caller>,
    /// What was changed in the rules.
    pub change: Change,
    /// Processes that were not the same before and after: applications, sidecars, control plane.
    pub restarts: usize,
    /// From the push until every sidecar had put the rule in force, as the control plane was told.
    pub acknowledged_seconds: f64,
    /// Requests without an answer, in the whole run.
    pub unanswered: usize,
}

/// What the callee's ledger says of one caller.
#[derive(Clone, Debug, Serialize)]
pub struct Caller {
    /// Its language.
    pub language: Language,
    /// Attempts per call before.
    pub before: Attempts,
    /// Attempts per call after.
    pub after: Attempts,
    /// Requests that began between the decision and its end and were answered.
    pub meanwhile: usize,
    /// Those of them of which the GET was not attempted as often as was asked for.
    pub wrong_meanwhile: usize,
    /// Requests that began after the end and were answered.
    pub afterwards: usize,
    /// Those of them of which the GET was not attempted as often as was asked for.
    pub wrong_afterwards: usize,
}

/// Attempts per call.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Attempts {
    /// Of the GET.
    pub get: Spread<u32>,
    /// Of the POST.
    pub post: Spread<u32>,
}

/// Measures the change without and with a mesh. No process is left when it returns.
///
/// # Errors
/// [`WorldError`], when it could not be measured; [`WorldError::Cancelled`] as soon as possible after `cancel`.
pub async fn teams(
    options: &Options,
    order: Order,
    cancel: &CancellationToken,
) -> Result<Figures, WorldError> {
    Ok(Figures {
        requests_per_second: order.interval.as_secs_f64().recip(),
        attempts_wanted: ATTEMPTS_WANTED,
        without_mesh: alone::measure(options, order, cancel).await?,
        with_mesh: meshed::measure(options, order, cancel).await?,
    })
}

/// What `work` yields, unless something goes wrong with the lab, or it is cancelled.
async fn undisturbed<T>(
    work: impl Future<Output = Result<T, WorldError>>,
    incidents: &Incidents,
    cancel: &CancellationToken,
) -> Result<T, WorldError> {
    tokio::select! {
        done = work => done,
        incident = incidents.first() => Err(WorldError::Incident(incident)),
        () = cancel.cancelled() => Err(WorldError::Cancelled),
    }
}

/// The callers and whom they call.
struct City {
    scenario: Scenario,
    plan: Plan,
}

impl City {
    /// The scenario itself knows of no calls: the lab would put a relay on the way of each.
    fn new() -> Result<Self, WorldError> {
        let scenario = scenario();
        let mut plan = Plan::of(&scenario)?;
        for workload in &mut plan.workloads {
            if workload.service != CALLEE {
                workload.calls = ["GET", "POST"].map(call).to_vec();
            }
        }
        Ok(Self { scenario, plan })
    }
}

fn call(method: &str) -> Call {
    Call {
        method: method.to_owned(),
        url: format!("http://{CALLEE}/"),
        headers: BTreeMap::new(),
        body: None,
    }
}

fn scenario() -> Scenario {
    let mut services: serde_json::Map<String, serde_json::Value> = module::MODULES
        .iter()
        .map(|module| (module.service(), json!({ "language": module.language })))
        .collect();
    services.insert(CALLEE.to_owned(), json!({ "behaviour": { "status": 503 } }));
    super::scenario_of("teams", services)
}
