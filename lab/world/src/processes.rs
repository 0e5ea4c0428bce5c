//! The ground of real processes: every program of the mesh is a child of the lab.

use std::io;
use std::time::Duration;

use hallway_host::Host;
use hallway_model::bootstrap::{ControlBootstrap, ProxyBootstrap};
use hallway_model::telemetry::{ControlRecord, ProxyRecord};
use hallway_scenario::topology::Language;
use hallway_service::contract::{Bootstrap, Record};
use tokio::process::Command;

use crate::Options;
use crate::child::{Child, Supervisor};
use crate::error::WorldError;
use crate::incidents::Incidents;
use crate::plan::Workload;

/// How long a program may take from the order to stop until it has ended: services take six seconds at most (clause C3 of
/// their contract).
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// Starts the processes of one run.
pub(crate) struct Processes {
    host: Host,
    supervisor: Supervisor,
    options: Options,
}

impl Processes {
    pub(crate) fn new(host: Host, options: &Options, incidents: Incidents) -> Self {
        Self {
            supervisor: Supervisor::new(host.clone(), incidents, GRACE),
            host,
            options: options.clone(),
        }
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    pub(crate) fn start_control_plane(
        &self,
        bootstrap: &ControlBootstrap,
    ) -> Result<Child<ControlRecord>, WorldError> {
        self.supervisor
            .spawn("control plane", self.role("control-plane"), bootstrap)
    }

    pub(crate) fn start_sidecar(
        &self,
        workload: &Workload,
        bootstrap: &ProxyBootstrap,
    ) -> Result<Child<ProxyRecord>, WorldError> {
        self.supervisor
            .spawn(&workload.sidecar(), self.role("proxy"), bootstrap)
    }

    pub(crate) fn start_application(
        &self,
        workload: &Workload,
        bootstrap: &Bootstrap,
    ) -> Result<Child<Record>, WorldError> {
        self.supervisor
            .spawn(&workload.name, self.program(workload.language), bootstrap)
            .map_err(|error| self.missing_runtime(workload, error))
    }

    pub(crate) async fn stop(&self) {
        self.supervisor.stop().await;
    }

    fn program(&self, language: Language) -> Command {
        match language {
            Language::Rust => self.role("service"),
            Language::Python => {
                let mut command = Command::new(&self.options.python);
                command.arg(&self.options.python_service);
                command
            }
        }
    }

    fn role(&self, role: &str) -> Command {
        let mut command = Command::new(&self.options.binary);
        command.arg(role);
        command
    }

    /// The same error, in better words when it is an interpreter that does not exist.
    fn missing_runtime(&self, workload: &Workload, error: WorldError) -> WorldError {
        match error {
            WorldError::Spawn { source, .. }
                if workload.language == Language::Python && source.kind() == io::ErrorKind::NotFound =>
            {
                WorldError::MissingRuntime {
                    runtime: self.options.python.display().to_string(),
                    needed_by: workload.name.clone(),
                    install: "install Python 3.9 or newer (apt install python3, brew install python3), \
                              or put it in PATH"
                        .to_owned(),
                }
            }
            other => other,
        }
    }
}
