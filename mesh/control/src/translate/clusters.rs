//! Clusters: how to use the endpoints behind each port of each service.

use std::collections::BTreeMap;
use std::sync::Arc;

use hallway_config::backend_traffic_policy as policy;
use hallway_config::destination_rule::{SimpleLoadBalancer, TrafficPolicy};
use hallway_config::service::ServicePort;
use hallway_config::{NamespacedName, Resources};
use hallway_model::cluster::ClusterLimits;
use hallway_model::{Cluster, ClusterName, LoadBalancing, Protocol, RetryConstraint, RetryRate};

use super::endpoints::selector;
use super::{cluster_name, service_ports};
use crate::registry::Workload;

pub(super) fn clusters(resources: &Resources) -> BTreeMap<ClusterName, Arc<Cluster>> {
    let cluster = |key, port| Arc::new(cluster(resources, key, port));
    service_ports(resources)
        .map(|(key, _, port)| (cluster_name(key, port.port), cluster(key, port)))
        .collect()
}

/// The version of HTTP that the application of `workload` speaks: what the ports that lead to it say.
pub(super) fn spoken_by(resources: &Resources, workload: &Workload) -> Protocol {
    let label = workload.label();
    service_ports(resources)
        .find(|(key, service, _)| selector(key, service).as_ref() == Some(&label))
        .map_or_else(Protocol::default, |(_, _, port)| port.app_protocol.http_version())
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
        retry_constraint: retry_constraint(resources, service),
    }
}

/// What the policy for `service` says of retries.
fn retry_constraint(resources: &Resources, service: &NamespacedName) -> Option<RetryConstraint> {
    let policies = resources.backend_traffic_policies.iter();
    let mut policies = policies.filter(|(key, _)| key.namespace == service.namespace);
    let (_, policy) = policies.find(|(_, policy)| {
        let mut targets = policy.value.spec.target_refs.iter();
        targets.any(|target| target.name == service.name)
    })?;
    let policy::RetryConstraint {
        budget,
        min_retry_rate,
    } = policy.value.spec.retry_constraint?;
    Some(RetryConstraint {
        percent: budget.percent,
        interval: budget.interval.to_std(),
        least: RetryRate {
            count: min_retry_rate.count,
            interval: min_retry_rate.interval.to_std(),
        },
    })
}
