//! Services, their replicas and their behaviours.

use std::time::Duration;

use hallway_config::GatewayDuration;
use hallway_model::TrustDomain;
use hallway_yaml::Path;

use super::{calls, faults, gateway};
use crate::findings::Findings;
use crate::topology::{Behaviour, Language, Latency, Protocol, Service, Topology};
use crate::traffic::{INTRUDER, OUTSIDE};
use crate::{Network, Scenario};

/// Names that mean something else where services are named.
const RESERVED: [&str; 3] = [INTRUDER, OUTSIDE, "all"];

/// The longest that a service can be told to take.
const LONGEST_WORK: Duration = Duration::from_secs(60 * 60);

/// Checks the topology.
pub(super) fn check(findings: &mut Findings<'_>, scenario: &Scenario) {
    let topology = &scenario.topology;
    let path = Path::keys(["topology"]);
    findings.name(&path.with("namespace"), "a namespace", &topology.namespace);
    let own = Some(&topology.trust_domain);
    for (path, domain) in [
        (path.with("trust_domain"), own),
        (
            path.with("trust_bundle").with("add"),
            topology.trust_bundle.add.as_ref(),
        ),
    ] {
        if let Some(Err(error)) = domain.map(|domain| TrustDomain::new(domain.as_str())) {
            findings.value(&path, error.to_string(), "expected a name such as `evil.test`");
        }
    }
    if topology.with_callees && topology.from.is_none() {
        let message = "`with_callees` means the calls of a system, and there is none";
        findings
            .key(&path.with("with_callees"), message, "needs `from`")
            .help("remove it, or name a system: `from: city`".to_owned());
    }
    if topology.svid_lifetime.nonzero().is_none() {
        findings.value(
            &path.with("svid_lifetime"),
            "an SVID must live for some time",
            "expected more than `0s`",
        );
    }
    if topology.services.is_empty() {
        findings.key(
            &path.with("services"),
            "the scenario has no services",
            "expected at least one",
        );
    }
    for (name, service) in &topology.services {
        check_service(findings, topology, name, service);
    }
    calls::check(findings, topology);
    gateway::check(findings, topology);
    if topology.network != Network::default() {
        let reason = "their links are the loopback device; `delay` and `bandwidth` as faults at `0s` are what relays can do";
        faults::check_ground(findings, &path.with("network"), scenario, "a `network`", reason);
    }
}

fn check_service(findings: &mut Findings<'_>, topology: &Topology, name: &str, service: &Service) {
    let path = Path::keys(["topology", "services", name]);
    if RESERVED.contains(&name) {
        let message = format!("`{name}` cannot name a service: it has a meaning of its own");
        findings.key(&path, message, "expected another name");
    }
    findings.key_name(&path, "a service", name);
    if let Some(identity) = &service.identity {
        findings.name(&path.with("identity"), "a service account", identity);
    }
    if service.protocol == Protocol::H2c && service.language != Language::Rust {
        let message = "only the Rust service serves HTTP/2";
        findings
            .key(&path.with("protocol"), message, "excluded by `language`")
            .help("remove `language`, or `protocol`".to_owned());
    }
    if service.fallback.is_some() && service.language == Language::Rust {
        let message = format!("`{name}` is a Rust program, which is never missing");
        findings
            .key(&path.with("fallback"), message, "nobody has to stand in")
            .help("remove it, or name another `language`".to_owned());
    }
    check_stand_in(findings, &path, topology, name, service);
    if let Some(behaviour) = &service.behaviour {
        check_behaviour(findings, &path.with("behaviour"), behaviour);
    }
    let replicas: Vec<String> = service.instance_names(name).collect();
    for (instance, differing) in &service.instances {
        let path = path.with("instances").with(instance.as_str());
        if !replicas.contains(instance) {
            let message = format!("`{name}` has no replica `{instance}`");
            let label = format!(
                "expected {}",
                hallway_yaml::suggest::one_of(replicas.iter().map(String::as_str))
            );
            findings
                .key(&path, message, label)
                .help("correct the name, or raise `replicas`".to_owned());
        }
        if let Some(behaviour) = &differing.behaviour {
            check_behaviour(findings, &path.with("behaviour"), behaviour);
        }
    }
}

/// A service that another one's replica stands in for has no program, and so nothing to say about one.
fn check_stand_in(
    findings: &mut Findings<'_>,
    path: &Path,
    topology: &Topology,
    name: &str,
    service: &Service,
) {
    let Some(other) = &service.resolves_to else { return };
    let real = topology
        .services
        .iter()
        .filter(|(_, service)| service.resolves_to.is_none());
    let real: Vec<&str> = real
        .map(|(name, _)| name.as_str())
        .filter(|real| *real != name)
        .collect();
    findings.reference(&path.with("resolves_to"), "service with a program", other, real);
    let written = findings.node(path).and_then(|node| node.as_mapping());
    for entry in written.map_or(&[][..], |mapping| mapping.entries()) {
        if entry.key.name != "resolves_to" {
            let message = format!(
                "`{name}` has no program of its own, so `{}` means nothing",
                entry.key.name
            );
            let help = format!("remove it, or `resolves_to: {other}`");
            findings
                .key(
                    &path.with(entry.key.name.as_str()),
                    message,
                    "excluded by `resolves_to`",
                )
                .help(help);
        }
    }
}

fn check_behaviour(findings: &mut Findings<'_>, path: &Path, behaviour: &Behaviour) {
    let mut at_most_an_hour = |path: Path, duration: GatewayDuration| {
        if duration.to_std() > LONGEST_WORK {
            findings.value(
                &path,
                format!("no service takes as long as {duration}"),
                "expected at most `1h`",
            );
        }
    };
    if let Some(slow) = &behaviour.slow_body {
        at_most_an_hour(path.with("slow_body").with("over"), slow.over);
    }
    if let Some(ticks) = &behaviour.ticks {
        at_most_an_hour(path.with("ticks").with("every"), ticks.every);
    }
    if let Some(idle_close) = behaviour.idle_close {
        at_most_an_hour(path.with("idle_close"), idle_close);
    }
    let latency = path.with("latency");
    match &behaviour.latency {
        None => {}
        Some(Latency::Fixed(fixed)) => at_most_an_hour(latency, *fixed),
        Some(Latency::Percentiles(percentiles)) => {
            at_most_an_hour(latency.with("p99"), percentiles.p99);
            if !(percentiles.p50 <= percentiles.p90 && percentiles.p90 <= percentiles.p99) {
                let message = "a higher percentile cannot be below a lower one";
                findings.key(&latency, message, "expected `p50` <= `p90` <= `p99`");
            }
        }
    }
}
