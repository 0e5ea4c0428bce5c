//! The calls that services make: when they are called, and when they start.

use hallway_yaml::Path;

use super::urls;
use crate::findings::Findings;
use crate::topology::{CallTo, Topology};

/// Checks the calls of every service.
pub(super) fn check(findings: &mut Findings<'_>, topology: &Topology) {
    for (name, service) in &topology.services {
        let path = |field| Path::keys(["topology", "services", name, field]);
        // Nothing is called again for a first call, so first calls cannot go round.
        check_each(findings, &path("first_calls"), &service.first_calls);
        if service.starts.is_some() && service.first_calls.is_empty() {
            let message = format!("`{name}` calls nobody when it starts, so it does not matter when that is");
            findings
                .key(&path("starts"), message, "needs `first_calls`")
                .help("remove it, or add `first_calls`".to_owned());
        }
        check_each(findings, &path("calls"), &service.calls);
        if let Some(round) = round_trip(topology, name) {
            let message = format!("calls would go round for ever: {}", round.join(" → "));
            findings
                .key(&path("calls"), message, "each request would lead to another")
                .help("remove one of these calls".to_owned());
        }
    }
}

fn check_each(findings: &mut Findings<'_>, path: &Path, calls: &[CallTo]) {
    for (index, call) in calls.iter().enumerate() {
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
