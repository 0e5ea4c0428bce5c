//! The services that are measured: `service-1` is called, and the last one calls it.

use std::collections::BTreeMap;

use hallway_evidence::PushOutcome;
use hallway_host::{Host, Output};
use hallway_scenario::Scenario;
use hallway_service::contract::{Answer, Call, CallResult};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{RuleChange, Run};
use crate::authorities::Authorities;
use crate::error::WorldError;
use crate::ground::Ground;
use crate::incidents::Incidents;
use crate::load::{Names, order_to_call};
use crate::measure::process::Memory;
use crate::measure::rules::{GENERATION_HEADER, generation_of, rules};
use crate::measure::{acknowledged, scenario_of};
use crate::mesh::{Application, Edges, Mesh};
use crate::options::Options;
use crate::plan::{Plan, Workload};
use crate::players::Players;
use crate::processes::Processes;
use crate::programs::{Kind, Programs};

/// Services that are being measured, with or without a mesh.
pub(super) struct Subject<'a> {
    host: &'a Host,
    scenario: &'a Scenario,
    plan: &'a Plan,
    services: u32,
    programs: Programs<'a>,
    mesh: Option<Mesh>,
    /// Without a mesh.
    applications: BTreeMap<String, Application>,
}

/// Measures services; no process is left when it returns.
///
/// # Errors
/// Those of `measure`, [`WorldError::Incident`], and [`WorldError::Cancelled`] as soon as possible after `cancel`.
pub(super) async fn with(
    options: &Options,
    services: u32,
    cancel: &CancellationToken,
    measure: impl AsyncFnOnce(Subject<'_>) -> Result<Run, WorldError>,
) -> Result<Run, WorldError> {
    let host = Host::real(options.seed, Output::discard());
    let scenario = scenario(services);
    let plan = Plan::of(&scenario)?;
    let incidents = Incidents::default();
    let players = Players::find(&plan, options).await?;
    let hallway = options.languages.hallway();
    let ground = Ground::Processes(Processes::new(host.clone(), hallway, players, incidents.clone()));
    let subject = Subject {
        host: &host,
        scenario: &scenario,
        plan: &plan,
        services,
        programs: Programs::new(&ground, &scenario, &plan, options.seed),
        mesh: None,
        applications: BTreeMap::new(),
    };
    let measured = tokio::select! {
        measured = measure(subject) => measured,
        incident = incidents.first() => Err(WorldError::Incident(incident)),
        () = cancel.cancelled() => Err(WorldError::Cancelled),
    };
    ground.stop().await;
    measured
}

impl Subject<'_> {
    pub(super) async fn start_alone(&mut self) -> Result<(), WorldError> {
        // The last of them calls the others, directly.
        let levels = match self.plan.workloads.split_first() {
            Some((caller, others)) => vec![others.iter().collect(), vec![caller]],
            None => Vec::new(),
        };
        let reach = async |_: &Workload, _: &Workload, address| Ok(address);
        self.applications = self.programs.start_without_mesh(levels, reach).await?;
        Ok(())
    }

    pub(super) async fn start_meshed(&mut self) -> Result<(), WorldError> {
        let authorities = Authorities::of(self.scenario, self.plan, self.host)?;
        let mesh = self.programs.start(&authorities, Edges::Direct).await?;
        self.mesh = Some(mesh);
        Ok(())
    }

    pub(super) async fn push_rules(&self, generation: u16) -> Result<(), WorldError> {
        let text = rules(self.services, generation);
        match self.meshed().control.put_rules("rules.yaml", text).await? {
            PushOutcome::Accepted { .. } => Ok(()),
            PushOutcome::Refused { problems } => Err(WorldError::RulesRefused(problems)),
        }
    }

    /// Waits until every sidecar has accepted what it should have.
    pub(super) async fn acknowledged(&self) -> Result<(), WorldError> {
        acknowledged(&self.meshed().control).await
    }

    /// Lets the last service call the first one. Returns the generation of the rules that the call came under, without a mesh 0; `None` when
    /// there was no good answer.
    pub(super) async fn call(&self) -> Result<Option<u16>, WorldError> {
        let applications = match &self.mesh {
            Some(mesh) => &mesh.applications,
            None => &self.applications,
        };
        let caller = &applications[&self.plan.workloads[0].name];
        let call = Call {
            method: "GET".to_owned(),
            url: "http://service-1/".to_owned(),
            headers: BTreeMap::new(),
            body: None,
        };
        let names = Names {
            correlation: "measured",
            idempotency_key: None,
        };
        let order = order_to_call(caller.control.address, &caller.control.token, &call, &names);
        let ordered = caller.client.send(caller.control.address, order, &mut None).await;
        let failed = |error: &dyn std::fmt::Display| {
            let name = &self.plan.workloads[0].name;
            WorldError::scenario(format!("{name} was told to call"), error.to_string())
        };
        let response = ordered.map_err(|error| failed(&error))?;
        let result: CallResult = serde_json::from_slice(response.body()).map_err(|error| failed(&error))?;
        if result.status != Some(200) {
            return Ok(None);
        }
        let answer: Answer = serde_json::from_value(result.body).map_err(|error| failed(&error))?;
        let words = answer.headers.get(GENERATION_HEADER);
        Ok(Some(words.and_then(|words| generation_of(words)).unwrap_or(0)))
    }

    /// What was measured until now.
    pub(super) fn run(&self, first_answer: f64, changes: Vec<RuleChange>) -> Run {
        let kinds = [Kind::Application, Kind::Sidecar, Kind::ControlPlane];
        let processes: Vec<u32> = kinds
            .iter()
            .flat_map(|kind| self.programs.processes(*kind))
            .collect();
        Run {
            first_answer,
            processes: processes.len(),
            memory: memory(&processes),
            sidecars: memory(&self.programs.processes(Kind::Sidecar)),
            control_plane: memory(&self.programs.processes(Kind::ControlPlane)),
            changes,
        }
    }

    fn meshed(&self) -> &Mesh {
        self.mesh.as_ref().expect("only services with a mesh have rules")
    }
}

/// Of all `processes` together; `None` when nobody tells.
fn memory(processes: &[u32]) -> Option<Memory> {
    let all: Vec<Memory> = processes
        .iter()
        .map(|id| Memory::of(*id))
        .collect::<Option<_>>()?;
    all.into_iter().reduce(Memory::and)
}

fn scenario(services: u32) -> Scenario {
    let services: serde_json::Map<String, serde_json::Value> = (1..=services)
        .rev()
        .map(|service| (format!("service-{service}"), json!({})))
        .collect();
    scenario_of("lab", services)
}

#[cfg(test)]
mod tests {
    use super::scenario;
    use crate::plan::Plan;

    #[test]
    fn the_last_service_calls_and_no_edge_is_watched() {
        let plan = Plan::of(&scenario(12)).expect("a topology");
        assert_eq!(plan.workloads.len(), 12);
        assert_eq!(plan.workloads[0].name, "service-12-1");
        assert_eq!(plan.workloads[11].name, "service-1-1");
        assert_eq!(plan.callers().count(), 0);
    }
}
