//! The services of a topology without a mesh.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::try_join_all;
use hallway_service::contract::Bootstrap;

use super::{Programs, bootstrap};
use crate::error::WorldError;
use crate::http_client::HttpClient;
use crate::mesh::Application;
use crate::plan::Workload;

impl Programs<'_> {
    /// Starts the applications alone. The first of them, which is started when all others listen, calls these directly, by the names of their
    /// services.
    ///
    /// # Errors
    /// [`WorldError`]. What was started before is left for [`Ground::stop`](crate::ground::Ground::stop).
    pub(crate) async fn start_without_mesh(&mut self) -> Result<BTreeMap<String, Application>, WorldError> {
        let mut applications = BTreeMap::new();
        let Some((first, others)) = self.plan.workloads.split_first() else {
            return Ok(applications);
        };
        let none = BTreeMap::new();
        let starting = others.iter().map(|workload| self.start_alone(workload, &none));
        let mut addresses = BTreeMap::new();
        for ((name, slot, application), workload) in try_join_all(starting).await?.into_iter().zip(others) {
            addresses.insert(workload.service.clone(), application.address);
            self.applications.insert(name.clone(), slot);
            applications.insert(name, application);
        }
        let (name, slot, application) = self.start_alone(first, &addresses).await?;
        self.applications.insert(name.clone(), slot);
        applications.insert(name, application);
        Ok(applications)
    }

    async fn start_alone(
        &self,
        workload: &Workload,
        addresses: &BTreeMap<String, SocketAddr>,
    ) -> Result<super::StartedApplication, WorldError> {
        let client = Arc::new(HttpClient::new(self.ground.beside(&workload.name)));
        let seed = self.seed(&workload.name);
        let bootstrap = bootstrap_without_mesh(workload, addresses.clone(), seed);
        self.run_application(workload, bootstrap, &client).await
    }
}

/// What an application is told that has no sidecar: it calls services directly, by their names.
pub(crate) fn bootstrap_without_mesh(
    workload: &Workload,
    addresses: BTreeMap<String, SocketAddr>,
    seed: u64,
) -> Bootstrap {
    let token = bootstrap::new_token();
    Bootstrap {
        addresses,
        ..bootstrap::application(workload, None, &token, seed)
    }
}
