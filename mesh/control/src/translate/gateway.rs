//! Gateways: what clients outside of the mesh are served, by listener and host name.
//!
//! Routes that are attached to a listener for exactly the same names together make one table, in the order of their namespaces and names. The
//! tables of the more specific names are asked first. What goes from a gateway to a service is routed here alone: routes that
//! are attached to the service do not apply to it, as in Istio. A listener without its certificate is left out: it cannot prove who it is.

use hallway_config::attachment::attachments;
use hallway_config::gateway::{Listener, ListenerProtocol};
use hallway_config::secret::TlsCertificate;
use hallway_config::{Gateway, HttpRoute, Located, NamespacedName, Resources};
use hallway_model::bootstrap::Token;
use hallway_model::gateway::{ServerCertificate, VirtualHost};
use hallway_model::{ClientLimits, Hostname, RateLimit, RouteTable};
use hallway_yaml::Path;

use super::routes::route_rules;

/// What the proxies of `gateway` serve, but for the policies that are for each of them.
pub(super) fn gateway(resources: &Resources, gateway: &Located<Gateway>) -> hallway_model::Gateway {
    let listeners = gateway.value.spec.listeners.iter().enumerate();
    hallway_model::Gateway {
        name: gateway.value.metadata.key().to_string(),
        listeners: listeners
            .filter_map(|(index, written)| listener(resources, gateway, index, written))
            .collect(),
        authentication: Vec::new(),
        authorization: Vec::new(),
        limits: client_limits(resources, &gateway.value.metadata.key()),
    }
}

/// The certificate of a listener that needs one.
///
/// # Errors
/// Why there is none.
pub(crate) fn certificate(
    resources: &Resources,
    namespace: &str,
    listener: &Listener,
) -> Result<Option<(NamespacedName, TlsCertificate)>, String> {
    if listener.protocol == ListenerProtocol::Http {
        return Ok(None);
    }
    let references = listener.tls.as_ref().map(|tls| tls.certificate_refs.as_slice());
    let Some([reference]) = references else {
        return Err("the listener names no certificate".to_owned());
    };
    let home = reference.namespace.as_deref().unwrap_or(namespace);
    let key = NamespacedName::new(home, &reference.name);
    if home != namespace {
        return Err(format!("no ReferenceGrant allows a reference to Secret {key}"));
    }
    let Some(secret) = resources.secrets.get(&key) else {
        return Err(format!("there is no Secret {key}"));
    };
    match secret.value.certificate() {
        Ok(certificate) => Ok(Some((key, certificate))),
        Err(error) => Err(format!("Secret {key}: {error}")),
    }
}

/// The routes that are attached to the listener `name`, in order, each with the names that both are for.
pub(crate) fn attached<'r>(
    resources: &'r Resources,
    gateway: &Gateway,
    name: &str,
) -> impl Iterator<Item = (&'r Located<HttpRoute>, Vec<Option<Hostname>>)> {
    resources.http_routes.values().filter_map(move |route| {
        let parents = route.value.spec.parent_refs.iter();
        let mut hostnames: Vec<Option<Hostname>> = Vec::new();
        let here = parents
            .filter_map(|parent| attachments(gateway, &route.value, parent).ok())
            .flatten()
            .filter(|attachment| attachment.listener.name == name);
        for hostname in here.flat_map(|attachment| attachment.hostnames) {
            if !hostnames.contains(&hostname) {
                hostnames.push(hostname);
            }
        }
        (!hostnames.is_empty()).then_some((route, hostnames))
    })
}

fn listener(
    resources: &Resources,
    gateway: &Located<Gateway>,
    index: usize,
    written: &Listener,
) -> Option<hallway_model::gateway::Listener> {
    let certificate = certificate(resources, &gateway.value.metadata.namespace, written).ok()?;
    Some(hallway_model::gateway::Listener {
        name: written.name.clone(),
        origin: Some(gateway.origin_of(&Path::keys(["spec", "listeners"]).with(index))),
        port: written.port,
        hostname: written.hostname.clone(),
        certificate: certificate.map(|(secret, certificate)| ServerCertificate {
            secret: secret.to_string(),
            chain: certificate.chain,
            key: Token(certificate.key.reveal().to_owned()),
        }),
        hosts: hosts(resources, &gateway.value, written),
    })
}

/// What the policy for a gateway says of its clients.
fn client_limits(resources: &Resources, gateway: &NamespacedName) -> ClientLimits {
    let policies = resources.envoy_gateway_policies.iter();
    let mut policies = policies.filter(|(key, _)| key.namespace == gateway.namespace);
    let policy = policies.find(|(_, policy)| {
        let mut targets = policy.value.spec.target_refs.iter();
        targets.any(|target| target.name == gateway.name)
    });
    let Some((_, policy)) = policy else {
        return ClientLimits::default();
    };
    let local = policy.value.spec.rate_limit.iter().map(|limit| &limit.local);
    let path = Path::keys(["spec", "rateLimit", "local", "rules"]);
    let rates = local
        .flat_map(|local| local.rules.iter().enumerate())
        .flat_map(|(index, rule)| {
            let origin = policy.origin_of(&path.with(index));
            rule.client_selectors.iter().map(move |selector| RateLimit {
                origin: Some(origin.clone()),
                clients: selector.source_cidr.value,
                requests: rule.limit.requests,
                interval: rule.limit.unit.to_std(),
            })
        });
    ClientLimits {
        rates: rates.collect(),
        body_bytes: policy
            .value
            .spec
            .request_buffer
            .map(|buffer| buffer.limit.bytes()),
    }
}

/// The tables of a listener, by the names that they are for.
fn hosts(resources: &Resources, gateway: &Gateway, listener: &Listener) -> Vec<VirtualHost> {
    let mut hosts: Vec<VirtualHost> = Vec::new();
    for (route, hostnames) in attached(resources, gateway, &listener.name) {
        for hostname in hostnames {
            let rules = route_rules(resources, route);
            match hosts.iter_mut().find(|host| host.hostname == hostname) {
                Some(host) => host.table.rules.extend(rules),
                None => hosts.push(VirtualHost {
                    table: RouteTable {
                        name: table_name(gateway, listener, hostname.as_ref()),
                        authorities: Vec::new(),
                        rules,
                    },
                    hostname,
                }),
            }
        }
    }
    hosts.sort_by_cached_key(|host| {
        let hostname = host.hostname.as_ref();
        // Names of equal length in the order of the alphabet, so that the order of routes does not decide about it.
        (
            hostname.is_none(),
            hostname.map(Hostname::precedence),
            hostname.cloned(),
        )
    });
    hosts
}

fn table_name(gateway: &Gateway, listener: &Listener, hostname: Option<&Hostname>) -> String {
    let name = format!("{}/{}", gateway.metadata.key(), listener.name);
    hostname.map_or_else(|| name.clone(), |hostname| format!("{name}/{hostname}"))
}

#[cfg(test)]
mod tests;
