//! What befalls programs and links on purpose.

use hallway_control::api::RuleFile;
use hallway_model::bootstrap::{ControlBootstrap, ProxyBootstrap};
use hallway_model::telemetry::{ControlRecord, ProxyRecord};
use hallway_scenario::fault::Program;
use hallway_scenario::quantity::SignedDuration;
use hallway_service::contract::{Bootstrap, Record};

use super::slot::Slot;
use super::{Programs, endpoints};
use crate::error::WorldError;
use crate::faults::{Faults, LinkChange};
use crate::ground::Ground;
use crate::mesh::Mesh;
use crate::plan::Workload;

/// A mesh that is up, exposed to faults.
pub(crate) struct Exposed<'a, 'b> {
    pub(crate) programs: &'b mut Programs<'a>,
    pub(crate) mesh: &'b Mesh,
}

impl Faults for Exposed<'_, '_> {
    fn change_link(&mut self, from: &str, to: &str, change: LinkChange) -> Result<(), WorldError> {
        self.mesh.wire.change_link(from, to, change);
        Ok(())
    }

    fn reset_link(&mut self, one: &str, other: &str) {
        self.mesh.wire.reset_link(one, other);
    }

    fn skew_clock(&mut self, machine: &str, by: SignedDuration) -> Result<(), WorldError> {
        match self.programs.ground {
            Ground::Simulated(machines) => {
                machines.skew_clock(machine, by);
                Ok(())
            }
            Ground::Processes(_) => Err(WorldError::scenario(
                format!("the clock of {machine}"),
                "all processes share the clock of their machine",
            )),
        }
    }

    async fn crash(&mut self, program: &Program) -> Result<(), WorldError> {
        let what = format!("crash of {program}");
        match program {
            Program::ControlPlane => self.control()?.crash(&what).await,
            Program::Application(workload) => self.application(workload)?.crash(&what).await,
            Program::Sidecar(workload) => {
                self.sidecar(workload)?.crash(&what).await?;
                self.mesh.wire.refuse(workload, true);
                Ok(())
            }
        }
    }

    async fn restart(&mut self, program: &Program, rules: Option<&RuleFile>) -> Result<(), WorldError> {
        let what = format!("restart of {program}");
        match program {
            Program::ControlPlane => self.restart_control_plane(&what, rules).await,
            Program::Application(workload) => self.restart_application(&what, workload).await,
            Program::Sidecar(workload) => self.restart_sidecar(&what, workload).await,
        }
    }

    fn pause(&mut self, program: &Program) -> Result<(), WorldError> {
        let what = format!("pause of {program}");
        match program {
            Program::ControlPlane => self.control()?.child(&what)?.pause(),
            Program::Application(workload) => self.application(workload)?.child(&what)?.pause(),
            Program::Sidecar(workload) => self.sidecar(workload)?.child(&what)?.pause(),
        }
        Ok(())
    }

    fn resume(&mut self, program: &Program) -> Result<(), WorldError> {
        let what = format!("resumption of {program}");
        match program {
            Program::ControlPlane => self.control()?.child(&what)?.resume(),
            Program::Application(workload) => self.application(workload)?.child(&what)?.resume(),
            Program::Sidecar(workload) => self.sidecar(workload)?.child(&what)?.resume(),
        }
        Ok(())
    }
}

impl Exposed<'_, '_> {
    /// It comes back with the same key and at the same addresses, and is told at once of all workloads: a sidecar must not hear of a
    /// part of the mesh only.
    async fn restart_control_plane(
        &mut self,
        what: &str,
        rules: Option<&RuleFile>,
    ) -> Result<(), WorldError> {
        let life = self.control()?.next_life(what)?;
        let seed = self.programs.seed(&life);
        let ground = self.programs.ground;
        let control = self.control()?;
        control.bootstrap.seed = seed;
        let mut child = ground.start_control_plane(control.bootstrap.clone())?;
        child
            .ready(|record| matches!(record, ControlRecord::Listening { .. }).then_some(()))
            .await?;
        control.live_again(child);
        if let Some(rules) = rules {
            self.mesh
                .control
                .put_rules(&rules.name, rules.text.clone())
                .await?;
        }
        let known = endpoints::known(self.programs.plan, &self.programs.endpoints);
        self.mesh.control.restore(known).await
    }

    /// It joins with a new token, and is sent to again once it listens.
    async fn restart_sidecar(&mut self, what: &str, name: &str) -> Result<(), WorldError> {
        let life = self.sidecar(name)?.next_life(what)?;
        let seed = self.programs.seed(&life);
        let workload = self.programs.workload(name)?;
        let registration = endpoints::registration(self.programs.plan, workload);
        let registered = self.mesh.control.register(&registration).await?;
        let ground = self.programs.ground;
        let sidecar = self.sidecar(name)?;
        sidecar.bootstrap.seed = seed;
        sidecar.bootstrap.join_token = registered.join_token;
        let mut child = ground.start_sidecar(workload, sidecar.bootstrap.clone(), None)?;
        child
            .ready(|record| matches!(record, ProxyRecord::Listening { .. }).then_some(()))
            .await?;
        sidecar.live_again(child);
        self.mesh.wire.refuse(name, false);
        self.mesh.wire.refuse(name, false);
        let endpoint = &self.programs.endpoints[name];
        self.mesh.control.put_endpoint(name, endpoint).await
    }

    async fn restart_application(&mut self, what: &str, name: &str) -> Result<(), WorldError> {
        let life = self.application(name)?.next_life(what)?;
        let seed = self.programs.seed(&life);
        let workload = self.programs.workload(name)?;
        let ground = self.programs.ground;
        let application = self.application(name)?;
        application.bootstrap.seed = seed;
        let mut child = ground.start_application(workload, application.bootstrap.clone())?;
        child
            .ready(|record| matches!(record, Record::Listening { .. }).then_some(()))
            .await?;
        application.live_again(child);
        Ok(())
    }

    fn control(&mut self) -> Result<&mut Slot<ControlBootstrap, ControlRecord>, WorldError> {
        self.programs
            .control
            .as_mut()
            .ok_or_else(|| unknown("control plane"))
    }

    fn sidecar(&mut self, workload: &str) -> Result<&mut Slot<ProxyBootstrap, ProxyRecord>, WorldError> {
        self.programs
            .sidecars
            .get_mut(workload)
            .ok_or_else(|| unknown(workload))
    }

    fn application(&mut self, workload: &str) -> Result<&mut Slot<Bootstrap, Record>, WorldError> {
        self.programs
            .applications
            .get_mut(workload)
            .ok_or_else(|| unknown(workload))
    }
}

impl<'a> Programs<'a> {
    fn workload(&self, name: &str) -> Result<&'a Workload, WorldError> {
        let plan = self.plan;
        plan.workloads
            .iter()
            .find(|workload| workload.name == name)
            .ok_or_else(|| unknown(name))
    }
}

fn unknown(who: &str) -> WorldError {
    WorldError::scenario(
        format!("a fault of {who}"),
        "there is no such program in the topology",
    )
}
