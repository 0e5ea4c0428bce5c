//! Whom faults befall, on which ground, and in which order.

use hallway_yaml::Path;

use crate::fault::{Fault, Place, Program};
use crate::findings::Findings;
use crate::scenario::Ground;
use crate::{Scenario, Step, Topology};

/// What happened to every program before the first fault.
const START: &str = "start";

/// Checks one fault, written at `path`.
pub(super) fn check(findings: &mut Findings<'_>, path: &Path, scenario: &Scenario, fault: &Fault) {
    let topology = &scenario.topology;
    let inner = path.with(fault.kind());
    if let Some((from, to)) = fault.link() {
        check_link(findings, &inner, topology, from, to);
    }
    if let Some(program) = fault.program() {
        check_program(findings, &inner, topology, program);
    }
    match fault {
        Fault::ClockSkew(skew) => check_place(findings, &inner.with("of"), topology, &skew.of),
        Fault::Delay(delay) if delay.by.nonzero().is_none() => {
            findings.value(
                &inner.with("by"),
                "a delay must last for some time",
                "expected more than `0s`",
            );
        }
        _ => {}
    }
    if let Some(reason) = fault.simulated_only() {
        check_ground(findings, path, scenario, &format!("the fault `{fault}`"), reason);
    }
}

/// Checks that what is written at `path` need not happen to real processes.
pub(super) fn check_ground(
    findings: &mut Findings<'_>,
    path: &Path,
    scenario: &Scenario,
    what: &str,
    reason: &str,
) {
    if scenario.grounds.include(Ground::Processes) {
        let message = format!("{what} cannot happen to real processes: {reason}");
        findings
            .key(path, message, "simulated only")
            .help("write `grounds: { simulated: … }` with the reason, or choose another fault".to_owned());
    }
}

/// Checks that what ends a fault comes after what began it.
pub(super) fn check_sequence(findings: &mut Findings<'_>, path: &Path, fault: &Fault, earlier: &[&Step]) {
    let Some(program) = fault.program() else { return };
    let of_it = earlier
        .iter()
        .filter_map(|step| step.as_fault())
        .map(|step| &step.fault)
        .filter(|fault| fault.program() == Some(program));
    let last = of_it.map(Fault::kind).next_back().unwrap_or(START);
    let (allowed, now): (&[&str], _) = match fault {
        Fault::Restart(_) => (&["crash"], "has not crashed"),
        Fault::Resume(_) => (&["pause"], "is not paused"),
        _ => (&[START, "restart", "resume"], "is not running"),
    };
    if !allowed.contains(&last) {
        let kind = fault.kind();
        let message = format!("`{program}` cannot {kind} here: it {now}");
        let after = allowed.iter().copied().filter(|kind| *kind != START);
        let label = format!("expected after {}", hallway_yaml::suggest::one_of(after));
        findings.value(&path.with(kind), message, label);
    }
}

fn check_link(findings: &mut Findings<'_>, path: &Path, topology: &Topology, from: &Place, to: &Place) {
    check_place(findings, &path.with("from"), topology, from);
    check_place(findings, &path.with("to"), topology, to);
    let far = to.machines(topology);
    if let Some(both) = from
        .machines(topology)
        .into_iter()
        .find(|machine| far.contains(machine))
    {
        let message = format!("`{both}` is at both ends of this link");
        findings
            .value(&path.with("to"), message, "expected another machine")
            .help("what happens inside one machine cannot be disturbed".to_owned());
    }
}

fn check_place(findings: &mut Findings<'_>, path: &Path, topology: &Topology, place: &Place) {
    let services = topology.services.iter();
    let programs = services
        .filter(|(_, service)| service.resolves_to.is_none())
        .map(|(name, _)| name.clone());
    let known: Vec<String> = programs
        .chain(topology.workloads())
        .chain([Place::ControlPlane.to_string()])
        .collect();
    let known = known.iter().map(String::as_str);
    findings.reference(path, "place", &place.to_string(), known);
}

fn check_program(findings: &mut Findings<'_>, path: &Path, topology: &Topology, program: &Program) {
    let programs = |workload: String| {
        let sidecar = Program::Sidecar(workload.clone());
        [Program::Application(workload), sidecar]
    };
    let known: Vec<String> = topology
        .workloads()
        .flat_map(programs)
        .chain([Program::ControlPlane])
        .map(String::from)
        .collect();
    let known = known.iter().map(String::as_str);
    findings.reference(path, "program", &program.to_string(), known);
}
