//! The programs of one run: the order in which they start and stop, on whatever ground.
//!
//! The order matters: the control plane first, since sidecars join it; then the sidecars, whose addresses the applications
//! are told; then everybody's place is made known, so that nobody is sent to where nobody listens yet. Who calls as soon as it runs joins when all
//! others are there.
//!
//! - [`bootstrap`]: what each program is told when it starts
//! - [`addresses`]: where it then says that it listens
//! - [`gateway`]: the proxy in front of all of them
//! - [`alone`]: the same services without a mesh, for comparison
//! - [`newcomers`]: workloads that join a mesh that runs already
//! - [`endpoints`]: where each workload is, as seen by its callers
//! - [`slot`]: a program that can die and start again; [`faults`]: what befalls programs and links on purpose

pub(crate) mod addresses;
mod alone;
mod bootstrap;
mod endpoints;
mod faults;
mod gateway;
mod newcomers;
mod slot;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::{join_all, try_join_all};
use hallway_control::api::WorkloadEndpoint;
use hallway_evidence::observations::{ProgramKind, ProgramSize};
use hallway_host::Random;
use hallway_model::bootstrap::{ControlBootstrap, ControlPlaneAddress, Listeners, ProxyBootstrap, Token};
use hallway_model::telemetry::{ControlRecord, ProxyRecord};
use hallway_scenario::Scenario;
use hallway_scenario::fault::CONTROL_PLANE_MACHINE;
use hallway_service::contract::{Bootstrap, Record};
use rand::Rng;

use crate::authorities::Authorities;
use crate::collect::Records;
use crate::control_client::ControlClient;
use crate::error::WorldError;
use crate::ground::Ground;
use crate::http_client::HttpClient;
use crate::measure::process::Memory;
use crate::mesh::{Application, Edges, Mesh, Sidecar};
use crate::outbound_socket::OutboundSocket;
use crate::plan::{Plan, Workload};
use crate::wire::Edge;
pub(crate) use alone::bootstrap_without_mesh;
pub(crate) use bootstrap::new_token;
pub(crate) use faults::Exposed;
use slot::Slot;

/// The programs of one run.
pub(crate) struct Programs<'a> {
    ground: &'a Ground,
    scenario: &'a Scenario,
    plan: &'a Plan,
    /// The seed of the run.
    seed: u64,
    control: Option<Slot<ControlBootstrap, ControlRecord>>,
    /// By workload; the gateway is one of them.
    sidecars: BTreeMap<String, Slot<ProxyBootstrap, ProxyRecord>>,
    /// By workload.
    applications: BTreeMap<String, Slot<Bootstrap, Record>>,
    /// What the control plane was told of where workloads and claims are, by their names.
    endpoints: BTreeMap<String, WorkloadEndpoint>,
}

/// An application that listens, with the name of its workload.
type StartedApplication = (String, Slot<Bootstrap, Record>, Application);

/// A sidecar that listens, with the name of its workload.
type StartedSidecar = (String, Slot<ProxyBootstrap, ProxyRecord>, Sidecar);

/// A kind of program.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    ControlPlane,
    Sidecar,
    Application,
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
            endpoints: BTreeMap::new(),
        }
    }

    /// Starts all programs but those of newcomers and makes them known to each other. What was started before an error is left for
    /// [`Ground::stop`].
    ///
    /// # Errors
    /// [`WorldError`].
    pub(crate) async fn start(&mut self, authorities: &Authorities, wire: Edges) -> Result<Mesh, WorldError> {
        let (control, control_plane) = self.start_control_plane(authorities).await?;
        let mut mesh = Mesh {
            control: Arc::new(control),
            control_plane,
            sidecars: BTreeMap::new(),
            applications: BTreeMap::new(),
            gateway: None,
            wire,
        };
        if self.plan.has_mesh {
            self.start_sidecars(&mut mesh).await?;
            self.start_gateway(&mut mesh).await?;
            self.start_applications(&mut mesh).await?;
        } else {
            self.start_gateway(&mut mesh).await?;
            self.start_directly(&mut mesh).await?;
        }
        let residents: Vec<&Workload> = self.plan.residents().collect();
        self.endpoints = endpoints::publish(self.plan, &mesh, &residents).await?;
        Ok(mesh)
    }

    /// Whether the sidecar of that workload runs.
    pub(crate) fn has_sidecar(&self, workload: &str) -> bool {
        self.sidecars.get(workload).is_some_and(Slot::is_running)
    }

    /// The processes of one kind that run; none in a simulation.
    pub(crate) fn processes(&self, kind: Kind) -> Vec<u32> {
        match kind {
            Kind::ControlPlane => self.control.iter().filter_map(Slot::process).collect(),
            Kind::Sidecar => self.sidecars.values().filter_map(Slot::process).collect(),
            Kind::Application => self.applications.values().filter_map(Slot::process).collect(),
        }
    }

    /// The processes that run, and what they take; none in a simulation.
    pub(crate) fn sizes(&self) -> Vec<ProgramSize> {
        let gateway = self.plan.gateway.as_ref().map(|front| front.name.as_str());
        let proxy = |name: &str| match gateway == Some(name) {
            true => ProgramKind::Gateway,
            false => ProgramKind::Sidecar,
        };
        // Without a proxy that follows it, the control plane only reads the rules for the lab.
        let control = self.control.iter().filter(|_| !self.sidecars.is_empty());
        let control = control.map(|slot| (CONTROL_PLANE_MACHINE, ProgramKind::ControlPlane, slot.process()));
        let proxies = self.sidecars.iter();
        let proxies = proxies.map(|(name, slot)| (name.as_str(), proxy(name), slot.process()));
        let services = self.applications.iter();
        let services = services.map(|(name, slot)| (name.as_str(), ProgramKind::Service, slot.process()));
        let all = control.chain(proxies).chain(services);
        all.filter_map(|(name, kind, process)| {
            Some(ProgramSize {
                name: name.to_owned(),
                kind,
                kibibytes: Memory::of(process?).map(Memory::kib),
            })
        })
        .collect()
    }

    /// Lets those who are paused go on, so that they can be asked.
    pub(crate) fn resume_all(&self) {
        self.control.iter().for_each(Slot::resume);
        self.sidecars.values().for_each(Slot::resume);
        self.applications.values().for_each(Slot::resume);
    }

    /// Forgets what all of them recorded, and what they are going to.
    pub(crate) fn ignore_records(&mut self) {
        self.control.iter_mut().for_each(Slot::ignore_records);
        self.sidecars.values_mut().for_each(Slot::ignore_records);
        self.applications.values_mut().for_each(Slot::ignore_records);
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

    async fn start_control_plane(
        &mut self,
        authorities: &Authorities,
    ) -> Result<(ControlClient, ControlPlaneAddress), WorldError> {
        let who = "control plane";
        let token = bootstrap::new_token();
        let machine = self.ground.address(CONTROL_PLANE_MACHINE);
        let topology = &self.scenario.topology;
        let mut bootstrap =
            bootstrap::control_plane(topology, self.plan, authorities, machine, &token, self.seed(who));
        let mut child = self.ground.start_control_plane(bootstrap.clone())?;
        let (admin, address) = child.ready(addresses::control_plane).await?;
        (bootstrap.admin.listen, bootstrap.discovery) = (admin, address.address);
        self.control = Some(Slot::new(bootstrap, child));
        let operator = self.ground.beside(CONTROL_PLANE_MACHINE);
        Ok((ControlClient::new(operator, admin, token), address))
    }

    async fn start_sidecars(&mut self, mesh: &mut Mesh) -> Result<(), WorldError> {
        let residents = self.plan.residents();
        let starting = residents.map(|workload| self.start_sidecar(workload, mesh, bootstrap::LOCAL, None));
        for started in try_join_all(starting).await? {
            self.keep_sidecar(started, mesh);
        }
        Ok(())
    }

    /// Starts a sidecar that listens at `outbound` for its application, and has the socket there if there is one already.
    async fn start_sidecar(
        &self,
        workload: &Workload,
        mesh: &Mesh,
        outbound: SocketAddr,
        socket: Option<OutboundSocket>,
    ) -> Result<StartedSidecar, WorldError> {
        let who = workload.sidecar();
        let registration = endpoints::registration(self.plan, workload);
        let registered = mesh.control.register(&registration).await?;
        let token = bootstrap::new_token();
        let told = bootstrap::SidecarPlace {
            outbound,
            machine: self.ground.address(&workload.name),
            control_plane: mesh.control_plane.clone(),
        };
        let mut bootstrap = bootstrap::sidecar(workload, registered, told, &token, self.seed(&who));
        let mut child = self.ground.start_sidecar(workload, bootstrap.clone(), socket)?;
        let client = Arc::new(HttpClient::new(self.ground.beside(&workload.name)));
        let sidecar = child
            .ready(|record| addresses::sidecar(record, &token, &client))
            .await?;
        bootstrap.listeners = Listeners::Sidecar {
            outbound: sidecar.outbound,
            inbound: sidecar.inbound,
        };
        bootstrap.admin.listen = sidecar.admin.address;
        Ok((workload.name.clone(), Slot::new(bootstrap, child), sidecar))
    }

    fn keep_sidecar(&mut self, (name, slot, sidecar): StartedSidecar, mesh: &mut Mesh) {
        self.sidecars.insert(name.clone(), slot);
        mesh.sidecars.insert(name, sidecar);
    }

    async fn start_applications(&mut self, mesh: &mut Mesh) -> Result<(), WorldError> {
        let residents = self.plan.residents();
        let starting = residents.map(|workload| {
            let sidecar = &mesh.sidecars[&workload.name];
            self.start_application(workload, sidecar.outbound, &sidecar.client)
        });
        for started in try_join_all(starting).await? {
            self.keep_application(started, mesh);
        }
        Ok(())
    }

    /// Starts the applications where they have no sidecars, and has the control plane know them all the same: the gateway sends to them.
    async fn start_directly(&mut self, mesh: &mut Mesh) -> Result<(), WorldError> {
        let plan = self.plan;
        for workload in &plan.workloads {
            let registration = endpoints::registration(plan, workload);
            // Nobody joins with its token: there is no sidecar.
            mesh.control.register(&registration).await?;
        }
        let reach = async |caller: &Workload, callee: &Workload, target| {
            if !plan
                .calls(&caller.service)
                .any(|service| *service == callee.service)
            {
                return Ok(target);
            }
            let (from, to) = (caller.name.clone(), callee.name.clone());
            mesh.edge(Edge { from, to, target }).await
        };
        let applications = self.start_without_mesh(plan.levels(), reach).await?;
        mesh.applications = applications;
        Ok(())
    }

    /// Starts an application that sends its calls to `proxy`.
    async fn start_application(
        &self,
        workload: &Workload,
        proxy: SocketAddr,
        client: &Arc<HttpClient>,
    ) -> Result<StartedApplication, WorldError> {
        let (token, seed) = (bootstrap::new_token(), self.seed(&workload.name));
        let bootstrap = bootstrap::application(workload, Some(proxy), &token, seed);
        self.run_application(workload, bootstrap, client).await
    }

    fn keep_application(&mut self, (name, slot, application): StartedApplication, mesh: &mut Mesh) {
        self.applications.insert(name.clone(), slot);
        mesh.applications.insert(name, application);
    }

    async fn run_application(
        &self,
        workload: &Workload,
        mut bootstrap: Bootstrap,
        client: &Arc<HttpClient>,
    ) -> Result<StartedApplication, WorldError> {
        let token = Token(bootstrap.control.token.clone());
        let mut child = self.ground.start_application(workload, bootstrap.clone())?;
        let application = child
            .ready(|record| addresses::application(record, &token, client))
            .await?;
        bootstrap.listen = application.address;
        bootstrap.control.listen = application.control.address;
        Ok((workload.name.clone(), Slot::new(bootstrap, child), application))
    }

    fn seed(&self, who: &str) -> u64 {
        Random::derive(self.seed, who).next_u64()
    }
}

async fn stop_all<Bootstrap, R>(slots: BTreeMap<String, Slot<Bootstrap, R>>) -> BTreeMap<String, Vec<R>> {
    let stopping = slots
        .into_iter()
        .map(|(name, slot)| async { (name, slot.stop().await) });
    join_all(stopping).await.into_iter().collect()
}
