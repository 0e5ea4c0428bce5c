//! Who sends what.

use hallway_model::TrustDomain;
use hallway_yaml::Path;

use super::urls;
use crate::Scenario;
use crate::findings::Findings;
use crate::topology::Topology;
use crate::traffic::{INTRUDER, MOST_REQUESTS, OUTSIDE, Present, Traffic, TrafficProtocol, host};

/// Checks every stream of requests.
pub(super) fn check(findings: &mut Findings<'_>, scenario: &Scenario) {
    for (name, traffic) in &scenario.traffic {
        let path = Path::keys(["traffic", name]);
        findings.key_name(&path, "traffic", name);
        check_sender(findings, &path, &scenario.topology, traffic);
        check_amount(findings, &path, traffic);
        check_protocol(findings, &path, traffic);
        check_request(findings, &path, traffic);
    }
}

fn check_sender(findings: &mut Findings<'_>, path: &Path, topology: &Topology, traffic: &Traffic) {
    let programs = || {
        let real = topology
            .services
            .iter()
            .filter(|(_, service)| service.resolves_to.is_none());
        real.map(|(name, _)| name.as_str())
    };
    match (traffic.from.as_deref(), traffic.via.as_deref()) {
        (Some(_), Some(_)) => {
            let message = "traffic comes `from` a sidecar or `via` a service, not both";
            findings
                .key(&path.with("via"), message, "excluded by `from`")
                .help("remove one of the two".to_owned());
        }
        (None, None) => {
            let message = "nobody sends this traffic";
            let help = "add `from:` with a service to use its sidecar, `via:` with one to let its program make the \
                        calls, `from: outside` for a client of the gateway, or `from: intruder`";
            findings
                .key(path, message, "needs `from` or `via`")
                .help(help.to_owned());
        }
        (Some(INTRUDER), None) => {
            findings.reference(&path.with("to"), "service", traffic.host(), programs());
        }
        (Some(OUTSIDE), None) => {
            check_direct(findings, path, topology, traffic);
            if topology.gateway.is_none() {
                let message = "clients outside come through the gateway, and there is none";
                findings
                    .value(&path.with("from"), message, "needs `topology.gateway`")
                    .help("add `gateway: {}` to the topology, and a Gateway to the rules".to_owned());
            }
        }
        (Some(from), None) => {
            let known = programs().chain([INTRUDER, OUTSIDE]);
            findings.reference(&path.with("from"), "service", from, known);
        }
        (None, Some(via)) => {
            findings.reference(&path.with("via"), "service", via, programs());
        }
    }
    if traffic.direct.is_some() && !traffic.is_from_outside() {
        let message = "only clients outside have to do without a gateway";
        findings.key(&path.with("direct"), message, "needs `from: outside`");
    }
    check_present(findings, path, traffic);
}

/// Where there is no gateway, a client outside must know a service.
fn check_direct(findings: &mut Findings<'_>, path: &Path, topology: &Topology, traffic: &Traffic) {
    match &traffic.direct {
        Some(direct) => {
            let path = path.with("direct");
            urls::check_url(findings, &path, direct);
            let real = topology.services.iter();
            let real = real.filter(|(_, service)| service.resolves_to.is_none());
            findings.reference(
                &path,
                "service",
                host(direct),
                real.map(|(name, _)| name.as_str()),
            );
        }
        None if topology.deployment.has_gateway() => {}
        None => {
            let message = format!(
                "under `{}`, there is no gateway to come through",
                topology.deployment
            );
            findings
                .key(path, message, "needs `direct`")
                .help("add `direct:` with the URL of a service, such as `http://orders/`".to_owned());
        }
    }
}

fn check_present(findings: &mut Findings<'_>, path: &Path, traffic: &Traffic) {
    let is_intruder = traffic.from.as_deref() == Some(INTRUDER);
    match (&traffic.present, is_intruder) {
        (None, true) => {
            let message = "an intruder must present something";
            let help = "add `present: plaintext`, or `present:` with a certificate such as `{ trust_domain: evil.test }`";
            findings
                .key(path, message, "needs `present`")
                .help(help.to_owned());
        }
        (Some(_), false) => {
            let message =
                "only an intruder chooses what to present: services have the certificates of their sidecars";
            findings.key(&path.with("present"), message, "needs `from: intruder`");
        }
        (Some(Present::Certificate(certificate)), true) => {
            let present = path.with("present");
            if let Some(Err(error)) = certificate.trust_domain.as_deref().map(TrustDomain::new) {
                let path = present.with("trust_domain");
                findings.value(&path, error.to_string(), "expected a name such as `evil.test`");
            }
            if let Some(identity) = &certificate.identity {
                findings.name(&present.with("identity"), "a service account", identity);
            }
        }
        (Some(Present::Plaintext(_)), true) | (None, false) => {}
    }
}

fn check_amount(findings: &mut Findings<'_>, path: &Path, traffic: &Traffic) {
    match (traffic.duration, traffic.count) {
        (Some(_), Some(_)) => {
            let message = "traffic flows `for` a time or until a `count` is reached, not both";
            findings
                .key(&path.with("count"), message, "excluded by `for`")
                .help("remove one of the two".to_owned());
        }
        (None, None) => {
            let help = "add `for: 2s`, or `count: 20`".to_owned();
            findings
                .key(path, "this traffic has no end", "needs `for` or `count`")
                .help(help);
        }
        (Some(_), None) if traffic.requests() == 0 => {
            let label = "shorter than the time from one request to the next";
            let help = "raise `rate`, or lengthen `for`".to_owned();
            findings
                .value(&path.with("for"), "this traffic has no requests", label)
                .help(help);
        }
        (Some(_), None) if traffic.requests() > MOST_REQUESTS.into() => {
            let message = format!("this traffic has {} requests", traffic.requests());
            let label = format!("expected at most {MOST_REQUESTS}");
            findings
                .value(&path.with("for"), message, label)
                .help("lower `rate`, or shorten `for`".to_owned());
        }
        _ => {}
    }
    if traffic.patience.nonzero().is_none() {
        findings.value(
            &path.with("patience"),
            "a client must wait for some time",
            "expected more than `0s`",
        );
    }
}

fn check_protocol(findings: &mut Findings<'_>, path: &Path, traffic: &Traffic) {
    let is_http1 = traffic.protocol == TrafficProtocol::Http1;
    if traffic.via.is_some() && !is_http1 {
        let message = "a program makes its calls in HTTP/1.1";
        findings
            .key(&path.with("protocol"), message, "excluded by `via`")
            .help("write `from:` for the load generator to make the calls".to_owned());
    }
    if traffic.connections.is_some() && is_http1 {
        let message = "in HTTP/1.1 there are as many connections as requests under way";
        findings
            .key(
                &path.with("connections"),
                message,
                "needs `protocol: h2` or `grpc`",
            )
            .help("remove it, or add a `protocol`".to_owned());
    }
    if traffic.protocol == TrafficProtocol::Grpc {
        if traffic.method() != "POST" {
            let message = "every gRPC call is a POST request";
            findings.value(&path.with("method"), message, "expected `POST`, or nothing");
        }
        for name in traffic.headers.keys() {
            if ["content-type", "te"].contains(&name.to_ascii_lowercase().as_str()) {
                let path = path.with("headers").with(name.as_str());
                let message = format!("gRPC itself sets `{name}`");
                findings.key(&path, message, "excluded by `protocol: grpc`");
            }
        }
    }
}

fn check_request(findings: &mut Findings<'_>, path: &Path, traffic: &Traffic) {
    if traffic.is_from_outside() {
        urls::check_outside_url(findings, &path.with("to"), &traffic.to);
    } else if traffic.from.as_deref() != Some(INTRUDER) || traffic.to.contains("://") {
        urls::check_url(findings, &path.with("to"), &traffic.to);
    }
    urls::check_method(findings, &path.with("method"), traffic.method());
    for (name, value) in &traffic.headers {
        urls::check_header(findings, &path.with("headers").with(name.as_str()), name, value);
    }
}
