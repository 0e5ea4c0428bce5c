//! The gateway: a proxy without an application, which clients outside of the mesh come to.

use std::sync::Arc;

use hallway_model::bootstrap::{GatewayPort, Listeners};
use hallway_model::telemetry::ProxyRecord;

use super::slot::Slot;
use super::{Programs, addresses, bootstrap, endpoints};
use crate::error::WorldError;
use crate::http_client::HttpClient;
use crate::mesh::Mesh;

impl Programs<'_> {
    /// Starts the gateway, if there is to be one.
    ///
    /// # Errors
    /// [`WorldError`].
    pub(super) async fn start_gateway(&mut self, mesh: &mut Mesh) -> Result<(), WorldError> {
        let Some(front) = &self.plan.gateway else {
            return Ok(());
        };
        let registered = mesh
            .control
            .register(&endpoints::gateway_registration(self.plan, front))
            .await?;
        let machine = self.ground.address(&front.name);
        let ports = front.ports.iter().map(|port| GatewayPort {
            port: *port,
            address: bootstrap::free_port(machine),
        });
        let token = bootstrap::new_token();
        let mut bootstrap = bootstrap::proxy(bootstrap::ProxyPlace {
            workload: front.name.clone(),
            registered,
            listeners: Listeners::Gateway(ports.collect()),
            control_plane: mesh.control_plane.clone(),
            admin_token: token.clone(),
            seed: self.seed(&front.name),
        });
        let mut child = self.ground.start_gateway(&front.name, bootstrap.clone())?;
        let client = Arc::new(HttpClient::new(self.ground.beside(&front.name)));
        let gateway = child
            .ready(|record: &ProxyRecord| addresses::gateway(record, &front.name, &token, &client))
            .await?;
        bootstrap.listeners = Listeners::Gateway(gateway.ports.clone());
        bootstrap.admin.listen = gateway.admin.address;
        self.sidecars
            .insert(front.name.clone(), Slot::new(bootstrap, child));
        mesh.gateway = Some(gateway);
        Ok(())
    }
}
