//! What a proxy should have, worked out from nothing and without any index: what [`Translation`](super::Translation) must keep up with.

use hallway_config::{NamespacedName, Resources, Service};
use hallway_model::{Endpoint, MtlsMode, Security, Snapshot};

use super::{cluster_name, clusters, inbound, peer_authentication, routes, service_ports};
use crate::registry::{Registry, Workload};

/// What the sidecar of `proxy` should have in force.
pub(crate) fn translate(resources: &Resources, registry: &Registry, proxy: &Workload) -> Snapshot {
    let routes = routes::tables(resources, &proxy.namespace);
    let clusters = clusters::clusters(resources);
    let endpoints = service_ports(resources).map(|(key, service, port)| {
        let selected = registry
            .workloads()
            .filter(|workload| selects(key, service, workload));
        let endpoints: Vec<Endpoint> = selected
            .filter_map(|workload| endpoint(resources, workload, &proxy.name))
            .collect();
        (cluster_name(key, port.port), endpoints)
    });
    Snapshot {
        inbound: inbound(resources, proxy),
        gateway: None,
        routes: routes
            .into_iter()
            .map(|(name, table)| (name, table.as_ref().clone()))
            .collect(),
        clusters: clusters
            .into_iter()
            .map(|(name, cluster)| (name, cluster.as_ref().clone()))
            .collect(),
        endpoints: endpoints.filter(|(_, endpoints)| !endpoints.is_empty()).collect(),
    }
}

fn selects(key: &NamespacedName, service: &Service, workload: &Workload) -> bool {
    let labels = match &service.spec.selector {
        Some(selector) if !selector.is_empty() => selector
            .iter()
            .all(|(label, value)| label == "app" && *value == workload.app),
        _ => workload.app == key.name,
    };
    labels && workload.namespace == key.namespace
}

fn endpoint(resources: &Resources, workload: &Workload, caller: &str) -> Option<Endpoint> {
    let (mode, _) = peer_authentication::in_force(resources, &workload.label());
    Some(Endpoint {
        workload: workload.name.clone(),
        address: workload.address_for(Some(caller))?,
        security: match mode {
            MtlsMode::Disable => Security::Plaintext,
            MtlsMode::Strict | MtlsMode::Permissive => Security::Mtls {
                identity: workload.identity.clone(),
            },
        },
    })
}
