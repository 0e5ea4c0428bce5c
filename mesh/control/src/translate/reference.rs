//! What a proxy should have, worked out from nothing and without any index: what [`Translation`](super::Translation) must keep up with.

use std::collections::{BTreeMap, BTreeSet};

use hallway_config::gateway::{FromNamespaces, Listener, ListenerProtocol};
use hallway_config::http_route::{HttpRoute, ParentKind};
use hallway_config::{NamespacedName, Resources, Service};
use hallway_model::bootstrap::Token;
use hallway_model::gateway::{ServerCertificate, VirtualHost};
use hallway_model::{
    ClientLimits, Endpoint, Gateway, Hostname, MtlsMode, RateLimit, RouteTable, Rule, Security, Snapshot,
};

use super::{cluster_name, clusters, inbound, peer_authentication, routes, service_ports};
use crate::registry::{Registry, Workload};

/// What `proxy` should have in force.
pub(crate) fn translate(resources: &Resources, registry: &Registry, proxy: &Workload) -> Snapshot {
    let routes = match proxy.gateway {
        None => routes::tables(resources, &proxy.namespace),
        Some(_) => BTreeMap::new(),
    };
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
        gateway: proxy.gateway.as_ref().and_then(|key| gateway(resources, key)),
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
            _ if !workload.endpoint.as_ref()?.sidecar => Security::Plaintext,
            MtlsMode::Disable => Security::Plaintext,
            MtlsMode::Strict | MtlsMode::Permissive => Security::Mtls {
                identity: workload.identity.clone(),
            },
        },
    })
}

fn gateway(resources: &Resources, key: &NamespacedName) -> Option<Gateway> {
    let written = resources.gateways.get(key)?;
    let mut listeners = Vec::new();
    for (index, listener) in written.value.spec.listeners.iter().enumerate() {
        let certificate = match listener.protocol {
            ListenerProtocol::Http => None,
            ListenerProtocol::Https => {
                let name = &listener.tls.as_ref()?.certificate_refs[0].name;
                let secret = NamespacedName::new(&key.namespace, name);
                let Some(found) = resources.secrets.get(&secret) else {
                    continue;
                };
                let certificate = found.value.certificate().expect("admission saw to it");
                Some(ServerCertificate {
                    secret: secret.to_string(),
                    chain: certificate.chain,
                    key: Token(certificate.key.reveal().to_owned()),
                })
            }
        };
        let path = hallway_yaml::Path::keys(["spec", "listeners"]).with(index);
        listeners.push(hallway_model::gateway::Listener {
            name: listener.name.clone(),
            origin: Some(written.origin_of(&path)),
            port: listener.port,
            hostname: listener.hostname.clone(),
            certificate,
            hosts: hosts(resources, key, listener),
        });
    }
    Some(Gateway {
        name: key.to_string(),
        listeners,
        authentication: Vec::new(),
        authorization: Vec::new(),
        limits: limits(resources, key),
    })
}

fn limits(resources: &Resources, gateway: &NamespacedName) -> ClientLimits {
    let mut limits = ClientLimits::default();
    for (key, policy) in &resources.envoy_gateway_policies {
        let spec = &policy.value.spec;
        let mut targets = spec.target_refs.iter();
        if !targets.any(|target| NamespacedName::new(&key.namespace, &target.name) == *gateway) {
            continue;
        }
        limits.body_bytes = spec.request_buffer.map(|buffer| buffer.limit.bytes());
        let rules = spec.rate_limit.iter().flat_map(|limit| &limit.local.rules);
        for (index, rule) in rules.enumerate() {
            let path = hallway_yaml::Path::keys(["spec", "rateLimit", "local", "rules"]).with(index);
            limits.rates.push(RateLimit {
                origin: Some(policy.origin_of(&path)),
                clients: rule.client_selectors[0].source_cidr.value,
                requests: rule.limit.requests,
                interval: rule.limit.unit.to_std(),
            });
        }
    }
    limits
}

/// For each name that comes up anywhere, the rules of all routes for which it is the common name.
fn hosts(resources: &Resources, gateway: &NamespacedName, listener: &Listener) -> Vec<VirtualHost> {
    let routes = || {
        resources
            .http_routes
            .values()
            .filter(|route| is_attached(&route.value, gateway, listener))
    };
    let names: BTreeSet<Option<Hostname>> = routes()
        .flat_map(|route| common(listener, &route.value))
        .collect();
    let mut hosts = Vec::new();
    for name in names {
        let matching = routes().filter(|route| common(listener, &route.value).contains(&name));
        let rules: Vec<Rule> = matching
            .flat_map(|route| routes::route_rules(resources, route))
            .collect();
        let suffix = name
            .as_ref()
            .map_or_else(String::new, |name| format!("/{}", name.as_str()));
        hosts.push(VirtualHost {
            table: RouteTable {
                name: format!("{gateway}/{}{suffix}", listener.name),
                authorities: Vec::new(),
                rules,
            },
            hostname: name,
        });
    }
    hosts.sort_by_key(|host| {
        let name = host.hostname.as_ref().map_or("", |name| name.as_str());
        let class = match name {
            "" => 2,
            name if name.starts_with('*') => 1,
            _ => 0,
        };
        (class, usize::MAX - name.len(), name.to_owned())
    });
    hosts
}

fn is_attached(route: &HttpRoute, gateway: &NamespacedName, listener: &Listener) -> bool {
    let home = &route.metadata.namespace;
    let from = listener.allowed_routes.namespaces.from;
    (from == FromNamespaces::All || *home == gateway.namespace)
        && route.spec.parent_refs.iter().any(|parent| {
            parent.kind == ParentKind::Gateway
                && parent.name == gateway.name
                && *parent.namespace.as_ref().unwrap_or(home) == gateway.namespace
                && parent.section_name.iter().all(|name| *name == listener.name)
                && parent.port.iter().all(|port| *port == listener.port)
        })
}

/// The names for which a listener hands requests to a route; `None` for all names.
fn common(listener: &Listener, route: &HttpRoute) -> BTreeSet<Option<Hostname>> {
    let covers = |wide: &Hostname, narrow: &Hostname| {
        let rest = wide.as_str().strip_prefix('*');
        wide == narrow || rest.is_some_and(|rest| narrow.as_str().ends_with(rest))
    };
    let Some(own) = &listener.hostname else {
        let all = route.spec.hostnames.is_empty().then_some(None);
        return route
            .spec
            .hostnames
            .iter()
            .cloned()
            .map(Some)
            .chain(all)
            .collect();
    };
    if route.spec.hostnames.is_empty() {
        return BTreeSet::from([Some(own.clone())]);
    }
    let narrower = route.spec.hostnames.iter().filter(|name| covers(own, name));
    let wider = route.spec.hostnames.iter().any(|name| covers(name, own));
    let own = wider.then(|| Some(own.clone()));
    narrower.cloned().map(Some).chain(own).collect()
}
