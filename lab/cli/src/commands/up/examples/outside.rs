//! Commands that come through the gateway, as clients outside of the mesh do. curl is told where the port of a Gateway really is (`--connect-to`), so that the URL, the
//! host name in the handshake and the certificate are those of the rules.

use std::net::SocketAddr;
use std::path::Path;

use hallway_config::attachment::{Attachment, attachments};
use hallway_config::gateway::{Listener, ListenerProtocol};
use hallway_config::http_route::{HttpRoute, HttpRouteMatch, HttpRouteRule, PathMatchType, ValueMatchType};
use hallway_config::{Gateway, NamespacedName, Resources};
use hallway_model::Hostname;
use hallway_scenario::{Scenario, gateway};
use hallway_world::up::{GatewayPlace, Places};

use super::{Example, Examples, curl, method};

/// One for each match of a rule, at each listener that its route is attached to, under each host name.
pub(super) fn examples(
    resources: &Resources,
    scenario: &Scenario,
    places: &Places,
    root: Option<&Path>,
) -> Examples {
    let mut examples = Examples::default();
    let (Some(front), Some(place)) = (&scenario.topology.gateway, &places.gateway) else {
        return examples;
    };
    let key = NamespacedName::new(&scenario.topology.namespace, &front.name);
    let Some(gateway) = resources.gateways.get(&key) else {
        return examples;
    };
    for route in resources.http_routes.values().map(|route| &route.value) {
        for door in doors(&gateway.value, route, front, place, root) {
            for rule in &route.spec.rules {
                for matching in &rule.matches {
                    match asked(matching) {
                        Some(asked) => examples.add(door.example(&asked, rule)),
                        None => examples.leave_out("it takes a text that matches a regular expression"),
                    }
                }
            }
        }
    }
    examples
}

/// A host name at a port of the gateway.
struct Door {
    scheme: &'static str,
    /// Nothing where any name will do.
    host: Option<String>,
    /// The port, as the rules write it.
    port: u16,
    address: SocketAddr,
    /// How curl trusts its certificate.
    trust: Vec<String>,
}

/// Those at which `route` is served.
fn doors(
    gateway: &Gateway,
    route: &HttpRoute,
    front: &gateway::Gateway,
    place: &GatewayPlace,
    root: Option<&Path>,
) -> Vec<Door> {
    let parents = route.spec.parent_refs.iter();
    let attached = parents.flat_map(|parent| attachments(gateway, route, parent).unwrap_or_default());
    attached
        .flat_map(|attachment| doors_at(gateway, attachment, front, place, root))
        .collect()
}

/// Those of one listener. A name that another listener of the same port is more exactly for is not served at this one.
fn doors_at(
    gateway: &Gateway,
    attachment: Attachment<'_>,
    front: &gateway::Gateway,
    place: &GatewayPlace,
    root: Option<&Path>,
) -> Vec<Door> {
    let listener = attachment.listener;
    let Some(address) = place.address(listener.port) else {
        return Vec::new();
    };
    let secrets = listener.tls.iter().flat_map(|tls| &tls.certificate_refs);
    let proved: Vec<&Hostname> = secrets
        .filter_map(|secret| front.certificates.get(&secret.name))
        .flatten()
        .collect();
    let (scheme, trust) = match (listener.protocol, root) {
        (ListenerProtocol::Http, _) => ("http", Vec::new()),
        // A certificate that the rules bring themselves is not the lab's.
        (ListenerProtocol::Https, Some(root)) if !proved.is_empty() => {
            ("https", vec!["--cacert".to_owned(), root.display().to_string()])
        }
        (ListenerProtocol::Https, _) => ("https", vec!["--insecure".to_owned()]),
    };
    let is_served = |host: &String| is_served_at(gateway, listener, host);
    let door = |host| Door {
        scheme,
        host,
        port: listener.port,
        address,
        trust: trust.clone(),
    };
    let mut doors = Vec::new();
    for name in &attachment.hostnames {
        match name {
            Some(name) => doors.extend(Some(example_of(name)).filter(is_served).map(Some).map(door)),
            None if proved.is_empty() => doors.push(door(None)),
            None => {
                let names = proved.iter().map(|name| example_of(name));
                doors.extend(names.filter(is_served).take(1).map(Some).map(door));
            }
        }
    }
    doors
}

/// Whether `listener` is the one that `host` belongs to: the most exact of those at its port.
fn is_served_at(gateway: &Gateway, listener: &Listener, host: &str) -> bool {
    let at_port = gateway
        .spec
        .listeners
        .iter()
        .filter(|other| other.port == listener.port);
    let covering = at_port.filter(|other| other.hostname.as_ref().is_none_or(|name| name.covers(host)));
    let order = |name: Option<&Hostname>| (name.is_none(), name.map(Hostname::precedence));
    let most_exact = covering.min_by_key(|other| order(other.hostname.as_ref()));
    most_exact.is_some_and(|most_exact| most_exact.name == listener.name)
}

/// A name of those that a pattern stands for.
fn example_of(name: &Hostname) -> String {
    name.as_str().replacen('*', "www", 1)
}

/// What a request that matches asks for.
struct Asked {
    method: &'static str,
    /// The path, with the query.
    target: String,
    headers: Vec<String>,
}

/// A request that matches; nothing if a text would have to match a regular expression.
fn asked(matching: &HttpRouteMatch) -> Option<Asked> {
    let headers = &matching.headers;
    let queries = &matching.query_params;
    let is_exact = matching.path.match_type != PathMatchType::RegularExpression
        && headers
            .iter()
            .all(|header| header.match_type == ValueMatchType::Exact)
        && queries
            .iter()
            .all(|query| query.match_type == ValueMatchType::Exact);
    let pairs: Vec<String> = queries
        .iter()
        .map(|query| format!("{}={}", query.name, query.value))
        .collect();
    let separator = if pairs.is_empty() { "" } else { "?" };
    let headers = headers
        .iter()
        .flat_map(|header| ["-H".to_owned(), format!("{}: {}", header.name, header.value)]);
    is_exact.then(|| Asked {
        method: matching.method.map_or("GET", |method| method.as_str()),
        target: format!("{}{separator}{}", matching.path.value, pairs.join("&")),
        headers: headers.collect(),
    })
}

impl Door {
    fn example(&self, asked: &Asked, rule: &HttpRouteRule) -> Example {
        let (url, connect_to) = self.url(&asked.target);
        let verb = method(asked.method);
        let shown = [asked.method, &url].join(" ");
        let arguments = [&self.trust[..], &connect_to, &verb, &asked.headers].concat();
        Example {
            title: format!("{shown} → {}", destination(rule)),
            command: curl(&arguments, &url),
        }
    }

    /// The URL of `target`, and how curl gets there.
    fn url(&self, target: &str) -> (String, Vec<String>) {
        let Self {
            scheme,
            host,
            port,
            address,
            ..
        } = self;
        let Some(host) = host else {
            return (format!("{scheme}://{address}{target}"), Vec::new());
        };
        let authority = match (*scheme, *port) {
            ("http", 80) | ("https", 443) => host.clone(),
            _ => format!("{host}:{port}"),
        };
        let connect_to = vec!["--connect-to".to_owned(), format!("{host}:{port}:{address}")];
        (format!("{scheme}://{authority}{target}"), connect_to)
    }
}

/// Where a rule leads: the services that have a part in it.
fn destination(rule: &HttpRouteRule) -> String {
    let backends = rule.backend_refs.iter().filter(|backend| backend.weight > 0);
    let mut names: Vec<&str> = backends.map(|backend| backend.name.as_str()).collect();
    names.dedup();
    match names.is_empty() {
        // A redirect, or a rule without a backend, which is answered with 500.
        true => "the gateway itself".to_owned(),
        false => names.join(" or "),
    }
}
