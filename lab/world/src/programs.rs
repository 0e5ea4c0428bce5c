//! The ground of real processes: every program of the mesh is a child of the lab.
//!
//! The order matters: the control plane first, since sidecars join it; then the sidecars, whose addresses the applications
//! are told; then everybody's place is made known, so that nobody is sent to where nobody listens yet.
//!
//! - [`bootstrap`]: what each program is told when it starts
//! - [`endpoints`]: where each workload is, as seen by its callers

mod bootstrap;
mod endpoints;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use hallway_host::{Host, Random};
use hallway_model::bootstrap::{ControlPlaneAddress, Token};
use hallway_model::telemetry::{ControlRecord, ProxyRecord};
use hallway_scenario::Scenario;
use hallway_scenario::topology::Language;
use hallway_service::contract::Record;
use rand::Rng;
use tokio::process::Command;

use crate::Options;
use crate::authorities::Authorities;
use crate::child::{Child, Supervisor};
use crate::collect::Records;
use crate::control_client::ControlClient;
use crate::error::WorldError;
use crate::incidents::Incidents;
use crate::mesh::{AdminAddress, Application, Mesh, Sidecar};
use crate::plan::{Plan, Workload};
use crate::wire::Wire;

/// How long a program may take from the order to stop until it has ended: services take six seconds at most (clause C3 of
/// their contract).
const GRACE: Duration = Duration::from_secs(10);

/// The processes of one run.
pub(crate) struct Processes<'a> {
    host: Host,
    scenario: &'a Scenario,
    plan: &'a Plan,
    options: &'a Options,
    supervisor: Supervisor,
    control: Option<Child<ControlRecord>>,
    sidecars: BTreeMap<String, Child<ProxyRecord>>,
    applications: BTreeMap<String, Child<Record>>,
}

/// The control plane, as sidecars need to know it.
struct ControlPlane {
    client: ControlClient,
    address: ControlPlaneAddress,
}

impl<'a> Processes<'a> {
    pub(crate) fn new(
        host: Host,
        scenario: &'a Scenario,
        plan: &'a Plan,
        options: &'a Options,
        incidents: Incidents,
    ) -> Self {
        Self {
            supervisor: Supervisor::new(host.clone(), incidents, GRACE),
            host,
            scenario,
            plan,
            options,
            control: None,
            sidecars: BTreeMap::new(),
            applications: BTreeMap::new(),
        }
    }

    /// Starts all programs and makes them known to each other. What was started before an error is stopped by
    /// [`Processes::stop`].
    ///
    /// # Errors
    /// [`WorldError`].
    pub(crate) async fn start(&mut self, authorities: &Authorities, wire: Wire) -> Result<Mesh, WorldError> {
        let control = self.start_control_plane(authorities).await?;
        let sidecars = self.start_sidecars(&control).await?;
        let applications = self.start_applications(&sidecars).await?;
        let mesh = Mesh {
            control: control.client,
            bundle: control.address.bundle,
            sidecars,
            applications,
            wire,
        };
        endpoints::publish(self.plan, &mesh).await?;
        Ok(mesh)
    }

    /// Stops the sidecars and applications, and returns what all of them recorded.
    pub(crate) async fn stop_workloads(&mut self) -> Records {
        let sidecars = std::mem::take(&mut self.sidecars);
        let applications = std::mem::take(&mut self.applications);
        let (sidecars, applications) = tokio::join!(stop_all(sidecars), stop_all(applications));
        Records {
            sidecars,
            applications,
        }
    }

    /// Stops the control plane, and returns what it recorded.
    pub(crate) async fn stop_control_plane(&mut self) -> Vec<ControlRecord> {
        match self.control.take() {
            Some(control) => control.stop().await,
            None => Vec::new(),
        }
    }

    /// Stops everything that still runs, and returns when nothing does.
    pub(crate) async fn stop(&self) {
        self.supervisor.stop().await;
    }

    async fn start_control_plane(&mut self, authorities: &Authorities) -> Result<ControlPlane, WorldError> {
        let who = "control plane";
        let token = bootstrap::new_token();
        let topology = &self.scenario.topology;
        let bootstrap = bootstrap::control_plane(topology, self.plan, authorities, &token, self.seed(who));
        let mut child = self
            .supervisor
            .spawn(who, self.role("control-plane"), &bootstrap)?;
        let (admin, address) = child.ready(control_plane_addresses).await?;
        self.control = Some(child);
        Ok(ControlPlane {
            client: ControlClient::new(self.host.clone(), admin, token),
            address,
        })
    }

    async fn start_sidecars(
        &mut self,
        control: &ControlPlane,
    ) -> Result<BTreeMap<String, Sidecar>, WorldError> {
        let workloads = self.plan.workloads.iter();
        let starting = workloads.map(|workload| self.start_sidecar(workload, control));
        let mut sidecars = BTreeMap::new();
        for (name, child, sidecar) in try_join_all(starting).await? {
            self.sidecars.insert(name.clone(), child);
            sidecars.insert(name, sidecar);
        }
        Ok(sidecars)
    }

    async fn start_sidecar(
        &self,
        workload: &Workload,
        control: &ControlPlane,
    ) -> Result<(String, Child<ProxyRecord>, Sidecar), WorldError> {
        let who = format!("{} sidecar", workload.name);
        let account = workload.identity.service_account();
        let registration = endpoints::registration(self.plan, &workload.name, &workload.service, account);
        let registered = control.client.register(&registration).await?;
        let token = bootstrap::new_token();
        let address = control.address.clone();
        let bootstrap = bootstrap::sidecar(workload, registered, address, &token, self.seed(&who));
        let mut child = self.supervisor.spawn(&who, self.role("proxy"), &bootstrap)?;
        let sidecar = child.ready(|record| sidecar_addresses(record, &token)).await?;
        Ok((workload.name.clone(), child, sidecar))
    }

    async fn start_applications(
        &mut self,
        sidecars: &BTreeMap<String, Sidecar>,
    ) -> Result<BTreeMap<String, Application>, WorldError> {
        let workloads = self.plan.workloads.iter();
        let starting = workloads.map(|workload| self.start_application(workload, &sidecars[&workload.name]));
        let mut applications = BTreeMap::new();
        for (name, child, application) in try_join_all(starting).await? {
            self.applications.insert(name.clone(), child);
            applications.insert(name, application);
        }
        Ok(applications)
    }

    async fn start_application(
        &self,
        workload: &Workload,
        sidecar: &Sidecar,
    ) -> Result<(String, Child<Record>, Application), WorldError> {
        let who = workload.name.as_str();
        let token = bootstrap::new_token();
        let bootstrap = bootstrap::application(workload, sidecar.outbound, &token, self.seed(who));
        let mut child = self
            .supervisor
            .spawn(who, self.program(workload.language), &bootstrap)
            .map_err(|error| self.missing_runtime(workload, error))?;
        let application = child
            .ready(|record| application_addresses(record, &token))
            .await?;
        Ok((workload.name.clone(), child, application))
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

    fn seed(&self, who: &str) -> u64 {
        Random::derive(self.options.seed, who).next_u64()
    }
}

async fn stop_all<R>(children: BTreeMap<String, Child<R>>) -> BTreeMap<String, Vec<R>> {
    let stopping = children
        .into_iter()
        .map(|(name, child)| async { (name, child.stop().await) });
    join_all(stopping).await.into_iter().collect()
}

fn control_plane_addresses(record: &ControlRecord) -> Option<(SocketAddr, ControlPlaneAddress)> {
    let ControlRecord::Listening {
        discovery,
        admin,
        identity,
        bundle,
    } = record
    else {
        return None;
    };
    let address = ControlPlaneAddress {
        address: *discovery,
        identity: identity.clone(),
        bundle: bundle.clone(),
    };
    Some((*admin, address))
}

fn sidecar_addresses(record: &ProxyRecord, token: &Token) -> Option<Sidecar> {
    let ProxyRecord::Listening {
        outbound,
        inbound,
        admin,
    } = *record
    else {
        return None;
    };
    let admin = AdminAddress {
        address: admin,
        token: token.clone(),
    };
    Some(Sidecar {
        outbound,
        inbound,
        admin,
    })
}

fn application_addresses(record: &Record, token: &Token) -> Option<Application> {
    let Record::Listening { application, control } = *record else {
        return None;
    };
    let control = AdminAddress {
        address: control,
        token: token.clone(),
    };
    Some(Application {
        address: application,
        control,
    })
}
