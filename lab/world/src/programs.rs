//! The programs of one run: the order in which they start and stop, on whatever ground.
//!
//! The order matters: the control plane first, since sidecars join it; then the sidecars, whose addresses the applications
//! are told; then everybody's place is made known, so that nobody is sent to where nobody listens yet.
//!
//! - [`bootstrap`]: what each program is told when it starts
//! - [`endpoints`]: where each workload is, as seen by its callers

mod bootstrap;
mod endpoints;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::{join_all, try_join_all};
use hallway_host::Random;
use hallway_model::bootstrap::{ControlPlaneAddress, Token};
use hallway_model::telemetry::{ControlRecord, ProxyRecord};
use hallway_scenario::Scenario;
use hallway_scenario::fault::CONTROL_PLANE_MACHINE;
use hallway_service::contract::Record;
use rand::Rng;

use crate::authorities::Authorities;
use crate::child::Child;
use crate::collect::Records;
use crate::control_client::ControlClient;
use crate::error::WorldError;
use crate::ground::Ground;
use crate::http_client::HttpClient;
use crate::mesh::{AdminAddress, Application, Edges, Mesh, Sidecar};
use crate::plan::{Plan, Workload};

/// The programs of one run.
pub(crate) struct Programs<'a> {
    ground: &'a Ground,
    scenario: &'a Scenario,
    plan: &'a Plan,
    /// The seed of the run.
    seed: u64,
    control: Option<Child<ControlRecord>>,
    sidecars: BTreeMap<String, Child<ProxyRecord>>,
    applications: BTreeMap<String, Child<Record>>,
}

/// The control plane, as sidecars need to know it.
struct ControlPlane {
    client: ControlClient,
    address: ControlPlaneAddress,
}

impl<'a> Programs<'a> {
    pub(crate) fn new(ground: &'a Ground, scenario: &'a Scenario, plan: &'a Plan, seed: u64) -> Self {
        Self {
            ground,
            scenario,
            plan,
            seed,
            control: None,
            sidecars: BTreeMap::new(),
            applications: BTreeMap::new(),
        }
    }

    /// Starts all programs and makes them known to each other. What was started before an error is left for
    /// [`Ground::stop`].
    ///
    /// # Errors
    /// [`WorldError`].
    pub(crate) async fn start(&mut self, authorities: &Authorities, wire: Edges) -> Result<Mesh, WorldError> {
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

    async fn start_control_plane(&mut self, authorities: &Authorities) -> Result<ControlPlane, WorldError> {
        let who = "control plane";
        let token = bootstrap::new_token();
        let machine = self.ground.address(CONTROL_PLANE_MACHINE);
        let topology = &self.scenario.topology;
        let bootstrap =
            bootstrap::control_plane(topology, self.plan, authorities, machine, &token, self.seed(who));
        let mut child = self.ground.start_control_plane(bootstrap)?;
        let (admin, address) = child.ready(control_plane_addresses).await?;
        self.control = Some(child);
        let operator = self.ground.beside(CONTROL_PLANE_MACHINE);
        Ok(ControlPlane {
            client: ControlClient::new(operator, admin, token),
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
        let who = workload.sidecar();
        let account = workload.identity.service_account();
        let registration = endpoints::registration(self.plan, &workload.name, &workload.service, account);
        let registered = control.client.register(&registration).await?;
        let token = bootstrap::new_token();
        let control_plane = control.address.clone();
        let machine = self.ground.address(&workload.name);
        let seed = self.seed(&who);
        let bootstrap = bootstrap::sidecar(workload, registered, control_plane, machine, &token, seed);
        let mut child = self.ground.start_sidecar(workload, bootstrap)?;
        let client = Arc::new(HttpClient::new(self.ground.beside(&workload.name)));
        let sidecar = child
            .ready(|record| sidecar_addresses(record, &token, &client))
            .await?;
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
        let mut child = self.ground.start_application(workload, bootstrap)?;
        let client = &sidecar.client;
        let application = child
            .ready(|record| application_addresses(record, &token, client))
            .await?;
        Ok((workload.name.clone(), child, application))
    }

    fn seed(&self, who: &str) -> u64 {
        Random::derive(self.seed, who).next_u64()
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

fn sidecar_addresses(record: &ProxyRecord, token: &Token, client: &Arc<HttpClient>) -> Option<Sidecar> {
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
        client: client.clone(),
    })
}

fn application_addresses(record: &Record, token: &Token, client: &Arc<HttpClient>) -> Option<Application> {
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
        client: client.clone(),
    })
}
