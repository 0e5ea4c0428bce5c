//! One run in a simulation.

use std::time::Duration;

use hallway_evidence::Observations;
use hallway_scenario::{Files, Scenario};
use hallway_simulator::{Fingerprint, Simulation};

use crate::clock::{Clock, microseconds};
use crate::error::WorldError;
use crate::ground::Ground;
use crate::incidents::Incidents;
use crate::mesh::Edges;
use crate::options::Options;
use crate::plan::Plan;
use crate::replay::{Journal, ReplayEvent};
use crate::session::{Session, marker};
use crate::simulated::{Machines, link};
use crate::wire::Tap;

/// What a simulated run was like.
#[derive(Debug)]
pub struct Simulated {
    /// What was observed, as of a run on processes.
    pub observations: Observations,
    /// Everything that happened, in two numbers: the same for the same scenario and seed.
    pub fingerprint: Fingerprint,
    /// What happened, event by event; only when [`Options::trace`] asks for it.
    pub events: Vec<ReplayEvent>,
    /// How long it lasted inside the simulation.
    pub virtual_time: Duration,
}

/// Runs `scenario` once in a simulation, in the calling thread and under virtual time; otherwise like [`run`](crate::run()).
///
/// # Errors
/// [`WorldError`], when the run could not be made.
///
/// # Panics
/// When a simulated program panics, or virtual time makes no progress: both are bugs.
pub fn simulate(scenario: &Scenario, files: &Files, options: &Options) -> Result<Simulated, WorldError> {
    let plan = Plan::of(scenario)?;
    let link = link(&scenario.topology.network);
    let simulation = Simulation::new(hallway_simulator::Options {
        seed: options.seed,
        link,
        ..hallway_simulator::Options::default()
    });
    let journal = options.trace.then(|| Journal::of(&simulation));
    let incidents = Incidents::default();
    let machines = Machines::new(&simulation, &plan, link, incidents.clone());
    let marker = marker(machines.lab());
    let origin_us = microseconds(machines.lab().wall_clock());
    let observations = simulation.run(async {
        let clock = Clock::start(machines.lab());
        let tap = Tap::new(&marker, origin_us);
        watch(&simulation, &tap);
        let wire = Edges::Tapped(tap, machines.links());
        let ground = Ground::Simulated(machines);
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
        let observed = session.run(wire).await;
        ground.stop().await;
        observed
    })?;
    let events = journal.map(|journal| journal.finish(scenario, &observations, origin_us));
    Ok(Simulated {
        observations,
        events: events.unwrap_or_default(),
        fingerprint: simulation.fingerprint(),
        virtual_time: simulation.elapsed(),
    })
}

fn watch(simulation: &Simulation, tap: &Tap) {
    let (segments, events) = (tap.clone(), tap.clone());
    simulation
        .network()
        .on_segment(move |segment| segments.segment(segment));
    simulation.on_event(move |event| events.event(event));
}
