//! Where the programs of a topology that is up can be reached.

use std::net::SocketAddr;

use hallway_model::bootstrap::GatewayPort;

use crate::authorities::Authorities;
use crate::mesh::{AdminAddress, Mesh};
use crate::plan::Plan;

/// Where the programs of a topology are.
#[derive(Clone, Debug)]
pub struct Places {
    /// The proxy in front of all of them.
    pub gateway: Option<GatewayPlace>,
    /// The sidecars, by their workloads' names.
    pub sidecars: Vec<SidecarPlace>,
    /// The control plane's admin API.
    pub control_plane: AdminAddress,
    /// The root of the gateway's certificates, PEM.
    pub web_root: String,
    /// For whom Rust stands in, in words.
    pub stand_ins: Vec<String>,
}

/// Where the gateway is.
#[derive(Clone, Debug)]
pub struct GatewayPlace {
    /// Its workload, such as `front-1`.
    pub workload: String,
    /// Where it listens for each of the ports in its rules.
    pub ports: Vec<GatewayPort>,
    /// Its admin endpoint.
    pub admin: AdminAddress,
}

impl GatewayPlace {
    /// Where it listens for `port`.
    pub fn address(&self, port: u16) -> Option<SocketAddr> {
        let found = self.ports.iter().find(|listening| listening.port == port);
        found.map(|listening| listening.address)
    }
}

/// Where a sidecar is.
#[derive(Clone, Debug)]
pub struct SidecarPlace {
    /// Its workload, such as `orders-1`.
    pub workload: String,
    /// The service that this is a replica of.
    pub service: String,
    /// Where the application beside it sends its calls, as to an HTTP proxy.
    pub outbound: SocketAddr,
    /// Its admin endpoint.
    pub admin: AdminAddress,
}

impl Places {
    pub(super) fn of(plan: &Plan, mesh: &Mesh, authorities: &Authorities, stand_ins: Vec<String>) -> Self {
        let gateway = mesh.gateway.as_ref().map(|gateway| GatewayPlace {
            workload: gateway.name.clone(),
            ports: gateway.ports.clone(),
            admin: gateway.admin.clone(),
        });
        // Under some deployments there are none.
        let sidecars = plan.workloads.iter().filter_map(|workload| {
            let sidecar = mesh.sidecars.get(&workload.name)?;
            Some(SidecarPlace {
                workload: workload.name.clone(),
                service: workload.service.clone(),
                outbound: sidecar.outbound,
                admin: sidecar.admin.clone(),
            })
        });
        Self {
            gateway,
            sidecars: sidecars.collect(),
            control_plane: mesh.control.admin().clone(),
            web_root: authorities.web_root().to_owned(),
            stand_ins,
        }
    }
}
