//! Workloads that join a mesh that runs already: those whose applications call as soon as they run. When the application starts, compared with its
//! sidecar, is what the scenario says ([`Starts`]).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hallway_scenario::topology::Starts;
use hallway_service::contract::Record;
use tokio::time::{sleep, timeout};

use super::{Programs, StartedApplication, StartedSidecar, bootstrap, endpoints};
use crate::child::READY_WITHIN;
use crate::error::WorldError;
use crate::http_client::HttpClient;
use crate::mesh::{Mesh, Sidecar};
use crate::plan::Workload;

/// How often a sidecar is asked whether it is ready: the period of a startup probe.
const PROBE_EVERY: Duration = Duration::from_millis(5);

impl Programs<'_> {
    /// Starts a workload, waits for what comes of its first calls, and makes it known to the others. What was started before an error is left for
    /// [`Ground::stop`](crate::ground::Ground::stop).
    ///
    /// # Errors
    /// [`WorldError`].
    pub(crate) async fn join(&mut self, workload: &Workload, mesh: &mut Mesh) -> Result<(), WorldError> {
        let (sidecar, application) = match workload.starts {
            Starts::Held => self.start_held(workload, mesh).await?,
            Starts::BeforeSidecar => self.start_before_sidecar(workload, mesh).await?,
            Starts::SocketActivated => self.start_socket_activated(workload, mesh).await?,
        };
        self.keep_sidecar(sidecar, mesh);
        self.keep_application(application, mesh);
        let endpoints = endpoints::publish(self.plan, mesh, &[workload]).await?;
        self.endpoints.extend(endpoints);
        Ok(())
    }

    async fn start_held(
        &self,
        workload: &Workload,
        mesh: &Mesh,
    ) -> Result<(StartedSidecar, StartedApplication), WorldError> {
        let sidecar = self.start_sidecar(workload, mesh, bootstrap::LOCAL, None).await?;
        let (_, _, place) = &sidecar;
        let ready = timeout(READY_WITHIN, until_ready(place)).await;
        ready.map_err(|_| late(workload.sidecar(), "its `/ready`"))?;
        let mut application = self
            .start_application(workload, place.outbound, &place.client)
            .await?;
        first_calls_made(workload, &mut application).await?;
        Ok((sidecar, application))
    }

    async fn start_before_sidecar(
        &self,
        workload: &Workload,
        mesh: &Mesh,
    ) -> Result<(StartedSidecar, StartedApplication), WorldError> {
        let socket = self.ground.take_outbound(workload)?;
        let outbound = socket.address().map_err(|source| unusable(workload, source))?;
        let mut application = self.start_application_first(workload, outbound).await?;
        first_calls_made(workload, &mut application).await?;
        let sidecar = self.start_sidecar(workload, mesh, outbound, Some(socket)).await?;
        Ok((sidecar, application))
    }

    async fn start_socket_activated(
        &self,
        workload: &Workload,
        mesh: &Mesh,
    ) -> Result<(StartedSidecar, StartedApplication), WorldError> {
        let socket = self.ground.open_outbound(workload)?;
        let outbound = socket.address().map_err(|source| unusable(workload, source))?;
        let mut application = self.start_application_first(workload, outbound).await?;
        timeout(READY_WITHIN, socket.called())
            .await
            .map_err(|_| late(workload.name.clone(), "its first call"))?
            .map_err(|source| unusable(workload, source))?;
        let sidecar = self.start_sidecar(workload, mesh, outbound, Some(socket)).await?;
        first_calls_made(workload, &mut application).await?;
        Ok((sidecar, application))
    }

    async fn start_application_first(
        &self,
        workload: &Workload,
        outbound: SocketAddr,
    ) -> Result<StartedApplication, WorldError> {
        let client = Arc::new(HttpClient::new(self.ground.beside(&workload.name)));
        self.start_application(workload, outbound, &client).await
    }
}

/// Asks a sidecar until it is ready.
async fn until_ready(sidecar: &Sidecar) {
    while !sidecar.is_ready().await {
        sleep(PROBE_EVERY).await;
    }
}

/// Waits until an application has told what came of each of its first calls.
async fn first_calls_made(
    workload: &Workload,
    (_, slot, _): &mut StartedApplication,
) -> Result<(), WorldError> {
    let mut left = workload.first_calls.len();
    let is_last = |record: &Record| {
        left -= usize::from(matches!(record, Record::FirstCall(_)));
        (left == 0).then_some(())
    };
    slot.record("what came of its first calls", is_last).await
}

fn unusable(workload: &Workload, source: io::Error) -> WorldError {
    let purpose = workload.sidecar();
    WorldError::Listen { purpose, source }
}

fn late(who: String, waiting_for: &str) -> WorldError {
    WorldError::NotReady {
        who,
        seconds: READY_WITHIN.as_secs(),
        waiting_for: waiting_for.to_owned(),
    }
}
