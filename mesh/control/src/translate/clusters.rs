//! Clusters: how to use the endpoints behind each port of each service.

use std::collections::BTreeMap;
use std::sync::Arc;

use hallway_config::destination_rule::{SimpleLoadBalancer, TrafficPolicy};
use hallway_config::{NamespacedName, Resources};
use hallway_model::cluster::ClusterLimits;
use hallway_model::{Cluster, ClusterName, LoadBalancing, Protocol};

use super::{cluster_name, service_ports};

pub(super) fn clusters(resources: &Resources) -> BTreeMap<ClusterName, Arc<Cluster>> {
    let cluster = |key| Arc::new(cluster(resources, key));
    service_ports(resources)
        .map(|(key, _, port)| (cluster_name(key, port), cluster(key)))
        .collect()
}

fn cluster(resources: &Resources, service: &NamespacedName) -> Cluster {
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
            ..limits
        },
        protocol: Protocol::Http1,
    }
}
