//! The calls that services make when they are called.

use hallway_yaml::Path;

use super::findings::Findings;
use super::urls;
use crate::topology::{CallTo, Topology};

/// Checks the calls of every service.
pub(super) fn check(findings: &mut Findings<'_>, topology: &Topology) {
    for (name, service) in &topology.services {
        let path = Path::keys(["topology", "services", name, "calls"]);
        for (index, call) in service.calls.iter().enumerate() {
            let path = path.with(index);
            match call {
                CallTo::Service(called) => {
                    findings.name(&path, "a service to call", called);
                }
                CallTo::Exact(call) => {
                    urls::check_url(findings, &path.with("url"), &call.url);
                    if let Some(method) = &call.method {
                        urls::check_method(findings, &path.with("method"), method);
                    }
                }
            }
        }
        if let Some(round) = round_trip(topology, name) {
            let message = format!("calls would go round for ever: {}", round.join(" → "));
            findings
                .key(&path, message, "each request would lead to another")
                .help("remove one of these calls".to_owned());
        }
    }
}

/// A path of calls from the service back to itself. It is reported once, for the service of it that comes first.
fn round_trip<'a>(topology: &'a Topology, start: &'a str) -> Option<Vec<&'a str>> {
    let position = |name: &str| topology.services.get_index_of(name);
    let mut paths = vec![vec![start]];
    let mut seen: Vec<&str> = Vec::new();
    while let Some(path) = paths.pop() {
        for called in called_by(topology, path[path.len() - 1]) {
            let longer = [&path[..], &[called]].concat();
            if called == start {
                return Some(longer);
            }
            if position(called) > position(start) && !seen.contains(&called) {
                seen.push(called);
                paths.push(longer);
            }
        }
    }
    None
}

/// The services of the topology that `caller` calls by name.
fn called_by<'a>(topology: &'a Topology, caller: &str) -> impl Iterator<Item = &'a str> {
    let calls = topology
        .services
        .get(caller)
        .map_or(&[][..], |service| &service.calls);
    calls.iter().filter_map(|call| match call {
        CallTo::Service(called) => topology
            .services
            .get_key_value(called)
            .map(|(name, _)| name.as_str()),
        CallTo::Exact(_) => None,
    })
}
