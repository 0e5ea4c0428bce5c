//! Whether every control changes something, and every check is turned red by one.

use hallway_yaml::Path;

use crate::findings::Findings;
use crate::{Check, Control, Deployment, Scenario, Step};

/// Checks the controls as such.
pub(super) fn check(findings: &mut Findings<'_>, scenario: &Scenario) {
    for deployment in Deployment::ALL {
        let path = Path::keys(["controls", deployment.as_str()]);
        if findings.node(&path).is_some() {
            let message = format!("`{deployment}` is the name of a deployment");
            findings
                .key(&path, message, "expected another name for a control")
                .help("declare it under `deployments`, or call the control something else".to_owned());
        }
    }
    for (name, control) in &scenario.controls {
        if scenario.deployments.named(name).is_some() {
            let path = Path::keys(["deployments", name]);
            check_known(findings, &path, scenario, control);
            check_may_fail(findings, &path, scenario, control);
            continue;
        }
        let path = Path::keys(["controls", name]);
        findings.key_name(&path, "a control", name);
        check_change(findings, &path, scenario, control);
        check_must_fail(findings, &path, control);
        check_known(findings, &path, scenario, control);
        check_may_fail(findings, &path, scenario, control);
    }
}

/// Checks that each check is turned red by a control.
pub(super) fn check_proof(findings: &mut Findings<'_>, scenario: &Scenario) {
    for name in scenario.checks.keys() {
        if !scenario
            .controls
            .values()
            .any(|control| control.must_fail.contains_key(name))
        {
            let message = format!("no control turns the check `{name}` red");
            let help =
                format!("add a control that breaks what it is about, with `must_fail: {{ {name}: … }}`");
            findings
                .key(
                    &Path::keys(["checks", name]),
                    message,
                    "never proven able to fail",
                )
                .help(help);
        }
    }
}

/// Whether the parts of a control that patch `base` make a difference in the `effective` scenario.
pub(super) fn check_effect(findings: &mut Findings<'_>, base: &Scenario, effective: &Scenario, name: &str) {
    let Some(control) = base.controls.get(name) else {
        return;
    };
    let help = "a control must break something; to remove a field, patch it with `null` (RFC 7396)";
    let idle_parts = [
        ("rules", control.rules.is_some() && base.rules == effective.rules),
        (
            "topology",
            control.topology.is_some() && base.topology == effective.topology,
        ),
        (
            "traffic",
            control.traffic.is_some() && base.traffic == effective.traffic,
        ),
    ];
    for (part, _) in idle_parts.into_iter().filter(|(_, is_idle)| *is_idle) {
        let path = match base.deployments.named(name) {
            Some(_) => Path::keys(["deployments", name]),
            None => Path::keys(["controls", name, part]),
        };
        let message = format!("the control `{name}` does not change the {part}");
        findings
            .key(&path, message, "the same as without it")
            .help(help.to_owned());
    }
}

fn check_change(findings: &mut Findings<'_>, path: &Path, scenario: &Scenario, control: &Control) {
    let Control {
        rules,
        topology,
        traffic,
        timeline,
        evidence,
        ..
    } = control;
    let is_empty = rules.is_none() && topology.is_none() && traffic.is_none() && timeline.is_none();
    if is_empty && evidence.is_none() {
        let help = "add `rules`, `topology`, `traffic`, `timeline` or `evidence`".to_owned();
        findings
            .key(
                path,
                "this control changes nothing",
                "nothing is removed or spoilt",
            )
            .help(help);
    }
    let removed = timeline.iter().flat_map(|timeline| &timeline.remove).enumerate();
    for (index, step) in removed {
        let path = path.with("timeline").with("remove").with(index);
        findings.reference(&path, "step", step, scenario.timeline.iter().map(Step::name));
    }
    if timeline
        .as_ref()
        .is_some_and(|timeline| timeline.remove.is_empty() && timeline.add.is_empty())
    {
        findings
            .key(
                &path.with("timeline"),
                "this control does not change the timeline",
                "nothing is removed or added",
            )
            .help("add `remove` or `add`".to_owned());
    }
    if evidence.is_some() {
        check_evidence(findings, path, scenario, control);
    }
}

/// Spoilt evidence shows that witnesses are compared. It proves nothing about a check that has one witness only.
fn check_evidence(findings: &mut Findings<'_>, path: &Path, scenario: &Scenario, control: &Control) {
    let single = |name: &&String| {
        scenario
            .checks
            .get(*name)
            .is_some_and(|check: &Check| !check.compares_witnesses())
    };
    for name in control.must_fail.keys().filter(single) {
        let message = format!("spoilt evidence proves nothing about `{name}`: it has one witness");
        let help =
            "turn it red by a control that changes rules, topology or traffic; here, list it in `may_fail`";
        findings
            .key(
                &path.with("must_fail").with(name.as_str()),
                message,
                "compares no witnesses",
            )
            .help(help.to_owned());
    }
}

fn check_must_fail(findings: &mut Findings<'_>, path: &Path, control: &Control) {
    let must_fail = path.with("must_fail");
    if control.must_fail.is_empty() {
        let help = "name the checks that must turn red, each with words of its message".to_owned();
        findings
            .key(
                &must_fail,
                "this control turns nothing red",
                "expected at least one check",
            )
            .help(help);
    }
}

/// Whether what must fail is there, and is to fail for a cause.
fn check_known(findings: &mut Findings<'_>, path: &Path, scenario: &Scenario, control: &Control) {
    let must_fail = path.with("must_fail");
    for (check, cause) in &control.must_fail {
        let path = must_fail.with(check.as_str());
        let known = scenario.checks.keys().map(String::as_str);
        findings.key_reference(&path, "check", check, known);
        if cause.trim().is_empty() {
            let message = format!("`{check}` must fail for a reason");
            let help = "write words that its message will contain, such as \"503\"".to_owned();
            findings
                .value(&path, message, "expected words of its message")
                .help(help);
        }
    }
}

fn check_may_fail(findings: &mut Findings<'_>, path: &Path, scenario: &Scenario, control: &Control) {
    for (index, check) in control.may_fail.iter().enumerate() {
        let path = path.with("may_fail").with(index);
        findings.reference(&path, "check", check, scenario.checks.keys().map(String::as_str));
        if control.must_fail.contains_key(check) {
            let message = format!("`{check}` must fail and may fail");
            findings
                .value(&path, message, "listed in `must_fail`")
                .help("remove it here".to_owned());
        } else if control.may_fail[..index].contains(check) {
            findings
                .value(&path, format!("`{check}` is listed twice"), "listed before")
                .help("remove it here".to_owned());
        }
    }
}
