//! Clusters and their endpoints.

use std::collections::BTreeMap;

use hallway_config::destination_rule::{SimpleLoadBalancer, TrafficPolicy};
use hallway_config::service::ServicePort;
use hallway_config::{NamespacedName, Resources, Service};
use hallway_model::cluster::ClusterLimits;
use hallway_model::{Cluster, ClusterName, Endpoint, LoadBalancing, MtlsMode, Protocol, Security};

use super::{cluster_name, peer_authentication, service_ports};
use crate::registry::{Registry, Workload};

pub(super) fn clusters(resources: &Resources) -> BTreeMap<ClusterName, Cluster> {
    service_ports(resources)
        .map(|(key, _, port)| (cluster_name(key, port.port), cluster(resources, key, port)))
        .collect()
}

/// The version of HTTP that the application of `workload` speaks: what the ports that lead to it say.
pub(super) fn spoken_by(resources: &Resources, workload: &Workload) -> Protocol {
    service_ports(resources)
        .find(|(key, service, _)| selects(key, service, workload))
        .map_or_else(Protocol::default, |(_, _, port)| port.app_protocol.http_version())
}

/// The ready workloads behind each cluster, as `caller` sees them. A workload runs one application, so all ports of its
/// services lead to it.
pub(super) fn endpoints(
    resources: &Resources,
    registry: &Registry,
    caller: &str,
) -> BTreeMap<ClusterName, Vec<Endpoint>> {
    let behind = |key: &NamespacedName, service: &Service| -> Vec<Endpoint> {
        let selected = registry
            .workloads()
            .filter(|workload| selects(key, service, workload));
        selected
            .filter_map(|workload| endpoint(resources, workload, caller))
            .collect()
    };
    service_ports(resources)
        .map(|(key, service, port)| (cluster_name(key, port.port), behind(key, service)))
        .filter(|(_, endpoints)| !endpoints.is_empty())
        .collect()
}

/// A workload has one label, `app`.
fn selects(key: &NamespacedName, service: &Service, workload: &Workload) -> bool {
    service.selected_app() == Some(&workload.app) && workload.namespace == key.namespace
}

/// The caller's side of TLS follows the callee's `PeerAuthentication` (Istio's auto mTLS): where that is `DISABLE`, calls go in the
/// clear instead of failing.
fn endpoint(resources: &Resources, workload: &Workload, caller: &str) -> Option<Endpoint> {
    let (mode, _) = peer_authentication::in_force(resources, workload);
    Some(Endpoint {
        workload: workload.name.clone(),
        address: workload.address_for(caller)?,
        security: match mode {
            MtlsMode::Disable => Security::Plaintext,
            MtlsMode::Strict | MtlsMode::Permissive => Security::Mtls {
                identity: workload.identity.clone(),
            },
        },
    })
}

fn cluster(resources: &Resources, service: &NamespacedName, port: &ServicePort) -> Cluster {
    let rule = resources
        .destination_rules
        .values()
        .find(|rule| rule.value.service().as_ref() == Some(service));
    let policy = rule.map_or_else(TrafficPolicy::default, |rule| {
        rule.value.spec.traffic_policy.clone()
    });
    let limits = ClusterLimits::default();
    let pool = policy.connection_pool;
    Cluster {
        load_balancing: match policy.load_balancer.simple {
            SimpleLoadBalancer::LeastRequest => LoadBalancing::LeastRequest,
            SimpleLoadBalancer::RoundRobin => LoadBalancing::RoundRobin,
            SimpleLoadBalancer::Random => LoadBalancing::Random,
        },
        limits: ClusterLimits {
            connections: pool.tcp.max_connections.unwrap_or(limits.connections),
            pending_requests: pool
                .http
                .http1_max_pending_requests
                .unwrap_or(limits.pending_requests),
            requests: pool.http.http2_max_requests.unwrap_or(limits.requests),
        },
        protocol: port.app_protocol.http_version(),
    }
}
