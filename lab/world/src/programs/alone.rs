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
    /// Starts the applications without sidecars, level by level. Each calls those of the levels before it directly, by the names of their
    /// services: the first replica of each, at the address that `reach` gives for it.
    ///
    /// # Errors
    /// [`WorldError`]. What was started before is left for [`Ground::stop`](crate::ground::Ground::stop).
    pub(crate) async fn start_without_mesh(
        &mut self,
        levels: Vec<Vec<&Workload>>,
        reach: impl AsyncFn(&Workload, &Workload, SocketAddr) -> Result<SocketAddr, WorldError>,
    ) -> Result<BTreeMap<String, Application>, WorldError> {
        let mut applications = BTreeMap::new();
        let mut listening: Vec<(&Workload, SocketAddr)> = Vec::new();
        for level in levels {
            let starting = level.iter().map(async |workload| {
                let mut addresses = BTreeMap::new();
                for (callee, address) in &listening {
                    if !addresses.contains_key(&callee.service) {
                        let address = reach(workload, callee, *address).await?;
                        addresses.insert(callee.service.clone(), address);
                    }
                }
                self.start_alone(workload, addresses).await
            });
            let started = try_join_all(starting).await?;
            for ((name, slot, application), workload) in started.into_iter().zip(level) {
                listening.push((workload, application.address));
                self.applications.insert(name.clone(), slot);
                applications.insert(name, application);
            }
        }
        Ok(applications)
    }

    async fn start_alone(
        &self,
        workload: &Workload,
        addresses: BTreeMap<String, SocketAddr>,
    ) -> Result<super::StartedApplication, WorldError> {
        let client = Arc::new(HttpClient::new(self.ground.beside(&workload.name)));
        let seed = self.seed(&workload.name);
        let mut bootstrap = bootstrap_without_mesh(workload, addresses, seed);
        // Others come to it from their machines.
        bootstrap.listen = bootstrap::free_port(self.ground.address(&workload.name));
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
