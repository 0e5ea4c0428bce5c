//! Translation: rules and registry to what proxies execute. Pure and total: a reference that leads nowhere becomes a share that
//! is answered with 500, as Gateway API asks, so that admission can be relaxed.
//!
//! - [`routes`]: a route table for each port of each service
//! - [`clusters`]: a cluster for each port of each service
//! - [`filters`]: changes of headers, redirects and rewrites of rules
//! - [`gateway`]: the listeners of gateways, with a route table for each host name
//! - [`endpoints`]: the workloads behind each cluster
//! - [`peer_authentication`]: the mTLS mode of each workload
//! - [`request_authentication`]: which tokens it believes
//! - [`authorization_policy`]: who may do what there
//! - [`selector`]: which workloads a policy is for
//!
//! Every proxy is told about every service of the mesh; what differs between proxies is under which names and at which addresses. So nearly
//! everything is worked out once for many proxies, and only what a change concerns is worked out again.

mod authorization_policy;
mod clusters;
mod endpoints;
mod filters;
pub(crate) mod gateway;
mod peer_authentication;
#[cfg(test)]
pub(crate) mod reference;
mod request_authentication;
pub(crate) mod routes;
mod selector;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use hallway_config::service::ServicePort;
use hallway_config::{NamespacedName, Resources};
use hallway_model::{ClusterName, Gateway, Inbound};

use self::endpoints::Horizons;
use crate::registry::{Changes, Registry, Workload};
use crate::view::{Clusters, Routes, View};

/// What all proxies should have, kept up to date.
#[derive(Default)]
pub(crate) struct Translation {
    /// By namespace of the proxies.
    routes: BTreeMap<String, Arc<Routes>>,
    clusters: Arc<Clusters>,
    endpoints: Horizons,
    gateways: BTreeMap<NamespacedName, Arc<Gateway>>,
}

impl Translation {
    /// Follows new rules.
    pub(crate) fn follow_rules(&mut self, resources: &Resources, registry: &Registry) {
        for (namespace, routes) in &mut self.routes {
            *routes = routes.replaced_by(routes::tables(resources, namespace));
        }
        self.clusters = self.clusters.replaced_by(clusters::clusters(resources));
        self.endpoints.follow_rules(resources, registry);
        let gateways = resources.gateways.iter();
        self.gateways = gateways
            .map(|(key, written)| (key.clone(), Arc::new(gateway::gateway(resources, written))))
            .collect();
    }

    /// Follows changes of the registry; whether they concern other proxies than those of the workloads that changed.
    pub(crate) fn follow_registry(
        &mut self,
        resources: &Resources,
        registry: &Registry,
        changes: &Changes,
    ) -> bool {
        for label in &changes.labels {
            let namespace = &label.namespace;
            if !registry.has_namespace(namespace) {
                self.routes.remove(namespace);
            } else if !self.routes.contains_key(namespace) {
                let tables = routes::tables(resources, namespace);
                self.routes.insert(namespace.clone(), Routes::new(tables));
            }
        }
        self.endpoints.follow_registry(registry, &changes.labels)
    }

    /// What `proxy`, a registered workload, should have in force, when its inbound side is `inbound`. A gateway has the routes of its
    /// listeners, and none of those by which workloads call services.
    pub(crate) fn view(
        &self,
        resources: &Resources,
        proxy: &Workload,
        inbound: Option<Arc<Inbound>>,
    ) -> View {
        let (routes, gateway) = match &proxy.gateway {
            None => (self.routes[&proxy.namespace].clone(), None),
            Some(gateway) => {
                let gateway = self.gateways.get(gateway);
                (
                    Arc::default(),
                    gateway.map(|gateway| guarded(resources, proxy, gateway)),
                )
            }
        };
        View {
            inbound,
            gateway,
            routes,
            clusters: self.clusters.clone(),
            endpoints: self.endpoints.seen_from(&proxy.name).clone(),
        }
    }
}

/// What `gateway` serves, with the policies that are for `proxy`, which is one of its proxies.
fn guarded(resources: &Resources, proxy: &Workload, gateway: &Arc<Gateway>) -> Arc<Gateway> {
    let authentication = request_authentication::in_force(resources, &proxy.label());
    let authorization = authorization_policy::in_force(resources, proxy);
    if authentication.is_empty() && authorization.is_empty() {
        return Arc::clone(gateway);
    }
    Arc::new(Gateway {
        authentication,
        authorization,
        ..gateway.as_ref().clone()
    })
}

/// The inbound side of the sidecar of `proxy`.
pub(crate) fn inbound(resources: &Resources, proxy: &Workload) -> Option<Inbound> {
    let endpoint = proxy.endpoint.as_ref()?;
    let (mtls, origin) = peer_authentication::in_force(resources, &proxy.label());
    Some(Inbound {
        mtls,
        origin,
        application: endpoint.application,
        protocol: clusters::spoken_by(resources, proxy),
        authentication: request_authentication::in_force(resources, &proxy.label()),
        authorization: authorization_policy::in_force(resources, proxy),
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
