//! What checks refer to.

use hallway_yaml::Path;

use super::windows;
use crate::check::{Check, Hops, Latency, PushWindow, Refusals, Responses, Window};
use crate::findings::Findings;
use crate::timeline::Expectation;
use crate::traffic::{OUTSIDE, TrafficProtocol};
use crate::{Ground, Scenario, check};

/// Checks the checks of a scenario, which under a control is the `effective` one. Pushes and identities are those of the
/// scenario as it was written.
pub(super) fn check(findings: &mut Findings<'_>, effective: &Scenario, written: &Scenario) {
    for (name, check) in &effective.checks {
        let path = Path::keys(["checks", name]);
        findings.key_name(&path, "a check", name);
        let mut references = References {
            findings,
            effective,
            written,
            path: path.with(check.kind()),
        };
        references.check(check);
    }
}

/// The names that one check mentions.
struct References<'r, 'd> {
    findings: &'r mut Findings<'d>,
    effective: &'r Scenario,
    written: &'r Scenario,
    path: Path,
}

impl References<'_, '_> {
    fn check(&mut self, check: &Check) {
        match check {
            Check::Responses(responses) => self.responses(responses),
            Check::Latency(latency) => self.latency(latency),
            Check::Recovers(recovers) => {
                self.traffic("traffic", &recovers.traffic);
                windows::check_recovery(self.findings, &self.path, self.written, recovers);
            }
            Check::Load(load) => {
                self.traffic("traffic", &load.traffic);
                self.instance(&load.instance);
            }
            Check::Connections(connections) => self.traffic("traffic", &connections.traffic),
            Check::Spread(spread) => {
                self.traffic("traffic", &spread.traffic);
                self.program("service", &spread.service);
            }
            Check::Split(split) => {
                self.traffic("traffic", &split.traffic);
                self.window(&split.traffic, split.during.as_ref());
            }
            Check::Attempts(attempts) => {
                self.traffic("traffic", &attempts.traffic);
                self.program("service", &attempts.service);
            }
            Check::Amplification(amplification) => {
                self.traffic("traffic", &amplification.traffic);
                self.program("service", &amplification.service);
            }
            Check::AtMostOnce(once) => self.effects(&once.service),
            Check::ExactlyOnce(once) => self.effects(&once.service),
            Check::FirstCalls(first) => self.first_calls(&first.service),
            Check::Footprint(_) => self.processes_only(),
            Check::NeverHandled(never) => self.never_handled(never),
            Check::Encrypted(encrypted) => {
                self.end("from", &encrypted.from);
                if encrypted.to != ALL {
                    self.end("to", &encrypted.to);
                }
            }
            Check::Rejected(rejected) => {
                self.traffic("traffic", &rejected.traffic);
                self.program("by", rejected.service());
            }
            Check::Identity(identity) => {
                self.program("service", &identity.service);
                self.account("caller", &identity.caller);
            }
            Check::Rotations(rotations) => self.sidecars("of", &rotations.of),
            Check::Lifetimes(lifetimes) => {
                self.proxy("from", &lifetimes.from);
                self.program("to", &lifetimes.to);
            }
            Check::Hops(hops) => self.hops(hops),
            Check::TraceComplete(trace) => self.traffic("traffic", &trace.traffic),
            Check::Cancelled(cancelled) => {
                self.traffic("traffic", &cancelled.traffic);
                self.program("service", &cancelled.service);
            }
            Check::ResponseFlag(flag) => {
                self.traffic("traffic", &flag.traffic);
                self.proxy("proxy", &flag.proxy);
                self.window(&flag.traffic, flag.during.as_ref());
            }
            Check::Propagation(propagation) => {
                self.accepted_push(&self.path.with("push"), &propagation.push);
                self.sidecars("acknowledged_by", &propagation.acknowledged_by);
            }
            Check::Refusals(refusals) => self.refusals(refusals),
            Check::Nacked(nacked) => {
                self.accepted_push(&self.path.with("push"), &nacked.push);
                self.proxy("by", &nacked.by);
            }
            Check::TelemetryAgrees(telemetry) => self.program("service", &telemetry.service),
        }
    }

    fn responses(&mut self, responses: &Responses) {
        self.traffic("traffic", &responses.traffic);
        self.grpc(responses);
        self.window(&responses.traffic, responses.during.as_ref());
        match (&responses.share, &responses.count) {
            (Some(_), None) | (None, Some(_)) => {}
            (Some(_), Some(_)) => {
                let message = "a check is of a `share` or of a `count`, not of both";
                let help = "remove one of the two, or make two checks".to_owned();
                self.findings
                    .key(&self.path.with("count"), message, "excluded by `share`")
                    .help(help);
            }
            (None, None) => {
                let message = format!(
                    "the check does not say how many responses have status {}",
                    responses.status
                );
                let help = "add `share: 100%`, or `count: \">= 20\"`".to_owned();
                self.findings
                    .key(&self.path, message, "needs `share` or `count`")
                    .help(help);
            }
        }
    }

    /// The outcome of a gRPC call is in no status.
    fn grpc(&mut self, responses: &Responses) {
        let traffic = self.effective.traffic.get(&responses.traffic);
        let is_grpc = traffic.is_some_and(|traffic| traffic.protocol == TrafficProtocol::Grpc);
        match (responses.grpc, is_grpc) {
            (Some(_), false) => {
                let message = format!("the answers to `{}` have no gRPC outcome", responses.traffic);
                self.findings
                    .key(&self.path.with("grpc"), message, "needs `protocol: grpc` there");
            }
            (None, true) if responses.status == 200 => {
                let message = "gRPC answers have status 200 whatever came of the call";
                self.findings
                    .key(&self.path, message, "needs `grpc`")
                    .help("add `grpc: { status: 0 }`".to_owned());
            }
            _ => {}
        }
    }

    fn latency(&mut self, latency: &Latency) {
        self.traffic("traffic", &latency.traffic);
        self.window(&latency.traffic, latency.during.as_ref());
        match (latency.at_least, latency.at_most) {
            (None, None) => {
                let message = "the check does not say how long answers may take";
                let help = "add `at_most:`, `at_least:` or both".to_owned();
                self.findings
                    .key(&self.path, message, "needs `at_most` or `at_least`")
                    .help(help);
            }
            (Some(least), Some(most)) if least > most => {
                let message = format!("nothing takes at least {least} and at most {most}");
                self.findings
                    .value(&self.path.with("at_most"), message, "less than `at_least`");
            }
            _ => {}
        }
    }

    fn never_handled(&mut self, never: &check::NeverHandled) {
        let path = self.path.with("traffic");
        for (index, traffic) in never.traffic.iter().enumerate() {
            self.known_traffic(&path.with(index), traffic);
        }
    }

    /// Without a key, no two requests are the same.
    fn effects(&mut self, service: &str) {
        self.program("service", service);
        if !self
            .effective
            .traffic
            .values()
            .any(|traffic| traffic.idempotency_key)
        {
            let message = "no traffic sends an `idempotency-key`";
            self.findings
                .value(
                    &self.path.with("by"),
                    message,
                    "needs `idempotency_key: true` there",
                )
                .help("add it to the traffic that has the effects".to_owned());
        }
    }

    /// A control may take them away.
    /// Simulated machines have no memory to measure.
    fn processes_only(&mut self) {
        if self.effective.grounds.include(Ground::Simulated) {
            let message = "only processes take memory, and this scenario is simulated too";
            self.findings
                .key(&self.path, message, "needs real processes")
                .help("write `grounds: { processes: what the check measures is memory }`".to_owned());
        }
    }

    fn first_calls(&mut self, service: &str) {
        self.program("service", service);
        let written = self.written.topology.services.get(service);
        if written.is_some_and(|service| service.first_calls.is_empty()) {
            let message = format!("`{service}` calls nobody when it starts");
            self.findings
                .value(&self.path.with("service"), message, "needs `first_calls` there")
                .help("add them to the service, or name one that has some".to_owned());
        }
    }

    fn hops(&mut self, hops: &Hops) {
        self.traffic("traffic", &hops.traffic);
        for (index, (name, is_gateway)) in hops.owners().enumerate() {
            let path = self.path.with("proxies").with(index);
            if is_gateway {
                let gateway = self.effective.topology.gateway.iter();
                let known = gateway.map(|gateway| gateway.name.as_str());
                self.findings.reference(&path, "gateway", name, known);
            } else {
                self.known_program(&path, name);
            }
        }
    }

    fn refusals(&mut self, refusals: &Refusals) {
        let refused = self
            .written
            .pushes()
            .filter(|step| step.expect == Expectation::Refused)
            .count();
        if usize::try_from(refusals.count) != Ok(refused) {
            let message = format!(
                "this check counts {} refusals, the timeline {refused}",
                refusals.count
            );
            let label = format!("expected {refused}");
            let help = "count the steps with `expect: refused`".to_owned();
            self.findings
                .value(&self.path.with("count"), message, label)
                .help(help);
        }
    }

    /// A push before which there is traffic may be refused; one that is to be in force may not.
    fn window(&mut self, traffic: &str, window: Option<&Window>) {
        let during = self.path.with("during");
        match window {
            None => {}
            Some(Window::Push(PushWindow::Before(push))) => {
                let pushes = self.written.pushes().map(|step| step.push.as_str());
                self.findings
                    .reference(&during.with("before"), "push", push, pushes);
            }
            Some(Window::Push(PushWindow::After(push))) => self.accepted_push(&during.with("after"), push),
            Some(Window::Time(window)) => {
                let traffic = self.effective.traffic.get(traffic);
                windows::check_times(self.findings, &during, traffic, window);
            }
        }
    }

    fn accepted_push(&mut self, path: &Path, push: &str) {
        let step = self.written.pushes().find(|step| step.push == push);
        if step.is_some_and(|step| step.expect == Expectation::Refused) {
            let message = format!("the control plane is to refuse `{push}`, so it is never in force");
            self.findings
                .value(path, message, "expected a push with `expect: accepted`");
            return;
        }
        let pushes = self.written.pushes().map(|step| step.push.as_str());
        self.findings.reference(path, "push", push, pushes);
    }

    fn traffic(&mut self, field: &str, traffic: &str) {
        self.known_traffic(&self.path.with(field), traffic);
    }

    fn known_traffic(&mut self, path: &Path, traffic: &str) {
        let known = self.effective.traffic.keys().map(String::as_str);
        self.findings.reference(path, "traffic", traffic, known);
    }

    /// `all`, or a service with a program.
    fn sidecars(&mut self, field: &str, whose: &str) {
        if whose != ALL {
            self.proxy(field, whose);
        }
    }

    /// Somebody with a proxy: a service, or the gateway.
    fn proxy(&mut self, field: &str, name: &str) {
        let topology = &self.effective.topology;
        let kind = match topology.gateway {
            Some(_) => "service or gateway",
            None => "service",
        };
        let known = topology.callers();
        self.findings.reference(&self.path.with(field), kind, name, known);
    }

    /// An end of a connection that the wire sees.
    fn end(&mut self, field: &str, name: &str) {
        if name != OUTSIDE {
            self.proxy(field, name);
        }
    }

    fn program(&mut self, field: &str, service: &str) {
        self.known_program(&self.path.with(field), service);
    }

    /// A service with a program and a sidecar, not one that only the registry or the rules know.
    fn known_program(&mut self, path: &Path, service: &str) {
        let services = self.effective.topology.services.iter();
        let known = services
            .filter(|(_, service)| service.resolves_to.is_none())
            .map(|(name, _)| name.as_str());
        self.findings.reference(path, "service", service, known);
    }

    fn account(&mut self, field: &str, account: &str) {
        let services = self.written.topology.services.iter();
        let known = services.map(|(name, service)| service.service_account(name));
        let gateway = self.written.topology.gateway.iter();
        let known = known.chain(gateway.map(|gateway| gateway.name.as_str()));
        self.findings
            .reference(&self.path.with(field), "service account", account, known);
    }

    fn instance(&mut self, instance: &str) {
        let services = self.effective.topology.services.iter();
        let instances: Vec<String> = services
            .flat_map(|(name, service)| service.instance_names(name))
            .collect();
        let known = instances.iter().map(String::as_str);
        self.findings
            .reference(&self.path.with("instance"), "replica", instance, known);
    }
}

/// The word for all sidecars.
const ALL: &str = "all";
