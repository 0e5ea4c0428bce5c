//! The control plane that is measured, and its operator: workloads, and a service for every twenty of them. Each generation, counted from 1,
//! has places and rules of its own.

use std::net::SocketAddr;
use std::time::Duration;

use hallway_control::api::{KnownWorkload, RegisterWorkload, Registered, WorkloadEndpoint};
use hallway_evidence::PushOutcome;
use hallway_host::Host;
use hallway_identity::Authority;
use hallway_model::TrustDomain;
use hallway_model::bootstrap::{
    AdminEndpoint, Admission, AuthorityMaterial, ControlBootstrap, ControlPlaneAddress, Token,
};
use hallway_model::telemetry::ControlRecord;

use crate::child::Child;
use crate::control_client::ControlClient;
use crate::error::WorldError;
use crate::measure::process::{self, Memory};
use crate::measure::rules::{generation_in_words, rules};
use crate::processes::Processes;
use crate::programs::{addresses, new_token};

/// The replicas of each service.
const REPLICAS: u32 = 20;

/// The port of the first generation's places.
const FIRST_PORT: u16 = 15_001;

/// Nothing expires while it is measured.
const SVID_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// A free port of this machine.
const ANYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// A control plane and its operator.
pub(super) struct Subject<'a> {
    processes: &'a Processes,
    bootstrap: ControlBootstrap,
    address: ControlPlaneAddress,
    /// There is none for a moment, while it starts again.
    child: Option<Child<ControlRecord>>,
    operator: ControlClient,
    workloads: u32,
    generation: u16,
}

impl<'a> Subject<'a> {
    /// Starts a control plane that knows nothing yet.
    pub(super) async fn start(
        host: Host,
        processes: &'a Processes,
        workloads: u32,
    ) -> Result<Self, WorldError> {
        let mut bootstrap = bootstrap(&host);
        let mut child = processes.start_control_plane(&bootstrap)?;
        let (admin, address) = child.ready(addresses::control_plane).await?;
        (bootstrap.admin.listen, bootstrap.discovery) = (admin, address.address);
        Ok(Self {
            operator: ControlClient::new(host, admin, bootstrap.admin.token.clone()),
            processes,
            bootstrap,
            address,
            child: Some(child),
            workloads,
            generation: 1,
        })
    }

    pub(super) fn address(&self) -> ControlPlaneAddress {
        self.address.clone()
    }

    pub(super) fn workloads(&self) -> impl Iterator<Item = String> {
        (0..self.workloads).map(name)
    }

    pub(super) fn services(&self) -> u32 {
        self.workloads.div_ceil(REPLICAS)
    }

    /// What it has used; `None` when nobody tells.
    pub(super) fn cpu_time(&self) -> Option<Duration> {
        process::cpu_time(self.child.as_ref()?.process()?)
    }

    /// What it occupies; `None` when nobody tells.
    pub(super) fn memory(&self) -> Option<Memory> {
        Memory::of(self.child.as_ref()?.process()?)
    }

    /// Registers all workloads.
    pub(super) async fn register(&self) -> Result<Vec<Registered>, WorldError> {
        let mut registered = Vec::new();
        for index in 0..self.workloads {
            registered.push(self.operator.register(&registration(index)).await?);
        }
        Ok(registered)
    }

    /// Says of all workloads at once where they are.
    pub(super) async fn restore(&self) -> Result<(), WorldError> {
        let known = (0..self.workloads).map(|index| KnownWorkload {
            registration: registration(index),
            endpoint: Some(self.endpoint(index)),
        });
        self.operator.restore(known.collect()).await
    }

    /// From now on, workloads are elsewhere, and rules say something else, as soon as the control plane is told.
    pub(super) fn begin_generation(&mut self) {
        self.generation += 1;
    }

    /// Says of one workload where it is.
    pub(super) async fn place(&self, index: u32) -> Result<(), WorldError> {
        let endpoint = self.endpoint(index);
        self.operator.put_endpoint(&name(index), &endpoint).await
    }

    pub(super) async fn push_rules(&self) -> Result<(), WorldError> {
        match self
            .operator
            .put_rules("rules.yaml", rules(self.services(), self.generation))
            .await?
        {
            PushOutcome::Accepted { .. } => Ok(()),
            PushOutcome::Refused { problems } => Err(WorldError::RulesRefused(problems)),
        }
    }

    /// Lets the control plane die, start with the same key, and learn everything anew.
    pub(super) async fn restart(&mut self) -> Result<(), WorldError> {
        if let Some(child) = self.child.take() {
            child.crash().await;
        }
        let mut child = self.processes.start_control_plane(&self.bootstrap)?;
        child.ready(addresses::control_plane).await?;
        self.child = Some(child);
        self.restore().await?;
        self.push_rules().await
    }

    /// What every update says that tells where the first workload is.
    pub(super) fn place_in_words(&self) -> String {
        self.place_of(0).to_string()
    }

    /// What every update says that carries the rules.
    pub(super) fn rules_in_words(&self) -> String {
        generation_in_words(self.generation)
    }

    fn endpoint(&self, index: u32) -> WorkloadEndpoint {
        WorkloadEndpoint {
            inbound: self.place_of(index),
            application: ([127, 0, 0, 1], 8080).into(),
            ready: true,
            sidecar: true,
            seen_from: Default::default(),
        }
    }

    fn place_of(&self, index: u32) -> SocketAddr {
        let [.., high, low] = index.to_be_bytes();
        ([10, 0, high, low], FIRST_PORT + self.generation).into()
    }
}

fn bootstrap(host: &Host) -> ControlBootstrap {
    let trust_domain = TrustDomain::new("hallway.test").expect("it is written as trust domains are");
    let authority = Authority::new(host, trust_domain.clone());
    ControlBootstrap {
        trust_domain,
        discovery: ANYWHERE,
        admin: AdminEndpoint {
            listen: ANYWHERE,
            token: new_token(),
        },
        rules: None,
        secrets: Vec::new(),
        admission: Admission::Enforce,
        authority: Some(AuthorityMaterial {
            certificate: authority.root_pem().to_owned(),
            key: Token(authority.key_pem()),
        }),
        svid_lifetime: SVID_LIFETIME,
        federated_bundles: Vec::new(),
        seed: 1,
    }
}

fn registration(index: u32) -> RegisterWorkload {
    let service = format!("service-{}", index / REPLICAS + 1);
    RegisterWorkload {
        name: name(index),
        namespace: "shop".to_owned(),
        service_account: service.clone(),
        gateway: None,
        service,
    }
}

fn name(index: u32) -> String {
    format!("service-{}-{}", index / REPLICAS + 1, index % REPLICAS + 1)
}
