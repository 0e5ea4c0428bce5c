//! One run on processes.

use hallway_evidence::Observations;
use hallway_host::{Host, Output};
use hallway_scenario::{Files, Scenario};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::error::WorldError;
use crate::ground::Ground;
use crate::incidents::Incidents;
use crate::mesh::Edges;
use crate::options::Options;
use crate::plan::Plan;
use crate::players::Players;
use crate::processes::Processes;
use crate::session::{Session, marker};
use crate::wire::Wire;

/// Runs `scenario` once on processes, as it stands (a control is a scenario with its change applied), with the rule files of `files`, and
/// returns what was observed. When it returns, with or without an error, no process that it started is left.
///
/// What goes wrong with the lab after the mesh is up (a process that dies by itself, say) ends the traffic and is an incident
/// in the observations.
///
/// # Errors
/// [`WorldError`], when the run could not be made; [`WorldError::Cancelled`] as soon as possible after `cancel`.
pub async fn run(
    scenario: &Scenario,
    files: &Files,
    options: &Options,
    cancel: CancellationToken,
) -> Result<Observations, WorldError> {
    let host = Host::real(options.seed, Output::discard());
    let plan = Plan::of(scenario)?;
    let players = cancel.run_until_cancelled(Players::find(&plan, options)).await;
    let players = players.unwrap_or(Err(WorldError::Cancelled))?;
    let incidents = Incidents::default();
    let clock = Clock::start(&host);
    let marker = marker(&host);
    let wire = Wire::new(host.clone(), clock, &marker);
    let ground = Ground::Processes(Processes::new(
        host,
        options.languages.hallway(),
        players,
        incidents.clone(),
    ));
    let session = Session {
        scenario,
        files,
        options,
        plan: &plan,
        ground: &ground,
        incidents,
        clock,
        marker: &marker,
    };
    let observed = cancel
        .run_until_cancelled(session.run(Edges::Relayed(wire)))
        .await;
    ground.stop().await;
    observed.unwrap_or(Err(WorldError::Cancelled))
}
