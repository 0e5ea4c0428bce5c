//! The ground of real processes: every program of the mesh is a child of the lab.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use hallway_control::api::{RegisterWorkload, WorkloadEndpoint};
use hallway_host::{Host, Random, random};
use hallway_model::bootstrap::{
    AdminEndpoint, Admission, AuthorityMaterial, ControlBootstrap, ControlPlaneAddress, ProxyBootstrap,
    ProxyLimits, Token,
};
use hallway_model::telemetry::{ControlRecord, ProxyRecord};
use hallway_scenario::topology::{self, Language};
use hallway_scenario::{Scenario, Topology};
use hallway_service::contract::{self, CORRELATION_HEADER, ControlEndpoint, Record};
use rand::Rng;
use tokio::process::Command;

use crate::Options;
use crate::child::{Child, Supervisor};
use crate::collect::Records;
use crate::control_client::ControlClient;
use crate::error::WorldError;
use crate::incidents::Incidents;
use crate::mesh::{AdminAddress, Application, Mesh, Sidecar};
use crate::plan::{Plan, Workload};
use crate::traffic::Authorities;
use crate::wire::{Edge, Wire};

/// How long a sidecar goes on serving what is in flight after the order to stop. All traffic has had its outcome by then.
const DRAIN: Duration = Duration::from_secs(1);

/// How long a program may take from the order to stop until it has ended: services take six seconds at most (clause C3 of their
/// contract).
const GRACE: Duration = Duration::from_secs(10);

/// Every program listens on a free port of loopback.
const FREE_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// What the processes of a run need to know.
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
        self.publish_endpoints(&mesh).await?;
        Ok(mesh)
    }

    /// Stops the sidecars and applications, and returns what all of them recorded.
    pub(crate) async fn stop_workloads(&mut self) -> Records {
        let sidecars = std::mem::take(&mut self.sidecars).into_iter();
        let applications = std::mem::take(&mut self.applications).into_iter();
        let (sidecars, applications) = tokio::join!(
            join_all(sidecars.map(|(name, child)| async { (name, child.stop().await) })),
            join_all(applications.map(|(name, child)| async { (name, child.stop().await) })),
        );
        Records {
            sidecars: sidecars.into_iter().collect(),
            applications: applications.into_iter().collect(),
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
        let topology = &self.scenario.topology;
        let who = "control plane";
        let admin_token = new_token();
        let authority = authorities.of_mesh(self.plan).map(|authority| AuthorityMaterial {
            certificate: authority.root_pem().to_owned(),
            key: Token(authority.key_pem()),
        });
        let bootstrap = ControlBootstrap {
            trust_domain: self.plan.trust_domain.clone(),
            discovery: FREE_PORT,
            admin: admin_endpoint(&admin_token),
            rules: None,
            admission: admission(topology),
            authority,
            svid_lifetime: topology.svid_lifetime.to_std(),
            federated_bundles: authorities.federated_bundles(),
            seed: self.seed(who),
        };
        let mut child = self
            .supervisor
            .spawn(who, self.role("control-plane"), &bootstrap)?;
        let (admin, address) = child.ready(control_plane_addresses).await?;
        self.control = Some(child);
        Ok(ControlPlane {
            client: ControlClient::new(self.host.clone(), admin, admin_token),
            address,
        })
    }

    async fn start_sidecars(
        &mut self,
        control: &ControlPlane,
    ) -> Result<BTreeMap<String, Sidecar>, WorldError> {
        let starting = self
            .plan
            .workloads
            .iter()
            .map(|workload| self.start_sidecar(workload, control));
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
        let registered = control
            .client
            .register(&self.registration(
                &workload.name,
                &workload.service,
                workload.identity.service_account(),
            ))
            .await?;
        let admin_token = new_token();
        let limits = ProxyLimits::default();
        let bootstrap = ProxyBootstrap {
            workload: workload.name.clone(),
            identity: registered.identity,
            outbound: FREE_PORT,
            inbound: FREE_PORT,
            admin: admin_endpoint(&admin_token),
            control_plane: control.address.clone(),
            join_token: registered.join_token,
            access_log_headers: vec![CORRELATION_HEADER.to_owned()],
            limits: ProxyLimits {
                route_rules: workload.route_rules.unwrap_or(limits.route_rules),
                ..limits
            },
            drain: DRAIN,
            seed: self.seed(&who),
        };
        let mut child = self.supervisor.spawn(&who, self.role("proxy"), &bootstrap)?;
        let listening = |record: &ProxyRecord| match *record {
            ProxyRecord::Listening {
                outbound,
                inbound,
                admin,
            } => Some((outbound, inbound, admin)),
            _ => None,
        };
        let (outbound, inbound, admin) = child.ready(listening).await?;
        let admin = AdminAddress {
            address: admin,
            token: admin_token,
        };
        Ok((
            workload.name.clone(),
            child,
            Sidecar {
                outbound,
                inbound,
                admin,
            },
        ))
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
        let token = new_token();
        let bootstrap = contract::Bootstrap {
            service: workload.service.clone(),
            version: workload.version.clone(),
            instance: workload.name.clone(),
            listen: FREE_PORT,
            control: ControlEndpoint {
                listen: FREE_PORT,
                token: token.0.clone(),
            },
            proxy: Some(sidecar.outbound),
            addresses: BTreeMap::new(),
            calls: workload.calls.clone(),
            call_order: workload.call_order,
            behaviour: workload.behaviour.clone(),
            seed: self.seed(&workload.name),
        };
        let spawned = self
            .supervisor
            .spawn(&workload.name, self.program(workload.language), &bootstrap);
        let mut child = spawned.map_err(|error| self.missing_runtime(workload, error))?;
        let listening = |record: &Record| match *record {
            Record::Listening { application, control } => Some((application, control)),
            _ => None,
        };
        let (address, control) = child.ready(listening).await?;
        let control = AdminAddress {
            address: control,
            token,
        };
        Ok((workload.name.clone(), child, Application { address, control }))
    }

    /// Tells the control plane where every workload is, as each caller sees it: through the wire.
    async fn publish_endpoints(&self, mesh: &Mesh) -> Result<(), WorldError> {
        for workload in &self.plan.workloads {
            self.publish(mesh, &workload.name, &workload.name).await?;
        }
        for claim in &self.plan.claims {
            let registration = self.registration(&claim.name, &claim.service, &claim.service_account);
            // Nobody will join with its token: there is no such program.
            mesh.control.register(&registration).await?;
            self.publish(mesh, &claim.name, &claim.really).await?;
        }
        Ok(())
    }

    async fn publish(&self, mesh: &Mesh, name: &str, really: &str) -> Result<(), WorldError> {
        let inbound = mesh.sidecars[really].inbound;
        let mut seen_from = BTreeMap::new();
        for caller in self.plan.callers() {
            let edge = Edge {
                from: caller.name.clone(),
                to: name.to_owned(),
                target: inbound,
            };
            let relay = mesh.wire.relay(edge).await.map_err(|source| WorldError::Listen {
                purpose: format!("the wire from {} to {name}", caller.name),
                source,
            })?;
            seen_from.insert(caller.name.clone(), relay);
        }
        let endpoint = WorkloadEndpoint {
            inbound,
            application: mesh.applications[really].address,
            ready: true,
            seen_from,
        };
        mesh.control.put_endpoint(name, &endpoint).await
    }

    fn registration(&self, name: &str, service: &str, service_account: &str) -> RegisterWorkload {
        RegisterWorkload {
            name: name.to_owned(),
            namespace: self.plan.namespace.clone(),
            service: service.to_owned(),
            service_account: service_account.to_owned(),
        }
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
                if workload.language == Language::Python && source.kind() == std::io::ErrorKind::NotFound =>
            {
                WorldError::MissingRuntime {
                    runtime: self.options.python.display().to_string(),
                    needed_by: workload.name.clone(),
                    install: "install Python 3.9 or newer (apt install python3, brew install python3), or put it in PATH"
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

fn control_plane_addresses(record: &ControlRecord) -> Option<(SocketAddr, ControlPlaneAddress)> {
    match record {
        ControlRecord::Listening {
            discovery,
            admin,
            identity,
            bundle,
        } => Some((
            *admin,
            ControlPlaneAddress {
                address: *discovery,
                identity: identity.clone(),
                bundle: bundle.clone(),
            },
        )),
        _ => None,
    }
}

fn admin_endpoint(token: &Token) -> AdminEndpoint {
    AdminEndpoint {
        listen: FREE_PORT,
        token: token.clone(),
    }
}

fn admission(topology: &Topology) -> Admission {
    match topology.admission {
        topology::Admission::Enforce => Admission::Enforce,
        topology::Admission::Warn => Admission::Warn,
    }
}

/// 256 bits from the operating system.
fn new_token() -> Token {
    Token((0..4).map(|_| format!("{:016x}", random::entropy())).collect())
}
