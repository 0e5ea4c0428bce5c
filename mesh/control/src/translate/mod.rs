//! Translation: rules and registry to what one proxy executes. Pure and total: a reference that leads nowhere becomes a share that
//! is answered with 500, as Gateway API asks, so that admission can be relaxed.
//!
//! - [`routes`]: a route table for each port of each service
//! - [`clusters`]: a cluster for each port of each service, and its endpoints
//! - [`peer_authentication`]: the mTLS mode of each workload
//!
//! Every proxy is told about every service of the mesh; what differs between proxies is under which names and at which addresses.

mod clusters;
mod peer_authentication;
mod routes;
#[cfg(test)]
mod tests;

use hallway_config::service::ServicePort;
use hallway_config::{NamespacedName, Resources};
use hallway_model::{ClusterName, Inbound, Snapshot};

use crate::registry::{Registry, Workload};

/// What the sidecar of `proxy` should have in force.
pub(crate) fn translate(resources: &Resources, registry: &Registry, proxy: &Workload) -> Snapshot {
    Snapshot {
        inbound: inbound(resources, proxy),
        routes: routes::tables(resources, &proxy.namespace),
        clusters: clusters::clusters(resources),
        endpoints: clusters::endpoints(resources, registry, &proxy.name),
    }
}

fn inbound(resources: &Resources, proxy: &Workload) -> Option<Inbound> {
    let endpoint = proxy.endpoint.as_ref()?;
    let (mtls, origin) = peer_authentication::in_force(resources, proxy);
    Some(Inbound {
        mtls,
        origin,
        application: endpoint.application,
        protocol: clusters::spoken_by(resources, proxy),
    })
}

/// Each port of each service.
fn service_ports(
    resources: &Resources,
) -> impl Iterator<Item = (&NamespacedName, &hallway_config::Service, &ServicePort)> {
    resources.services.iter().flat_map(|(key, service)| {
        let ports = service.value.spec.ports.iter();
        ports.map(move |port| (key, &service.value, port))
    })
}

/// The cluster, and the route table, of a service's port.
fn cluster_name(service: &NamespacedName, port: u16) -> ClusterName {
    ClusterName(format!("{service}:{port}"))
}
