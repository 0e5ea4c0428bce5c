//! What a schema cannot say: names that must exist, things that exclude each other, and whether a run can prove anything.
//!
//! - `topology`, `calls`, `gateway`, `traffic`, `timeline`, `checks`: the parts of a scenario
//! - `faults`: whom faults befall, on which ground, and in which order
//! - `split`, `spread`: whether a sample is large enough to tell two splits apart, and to prove a spread
//! - `controls`: whether every control changes something, and every check is turned red by one
//! - `windows`: parts of a run between two times
//! - `urls`: URLs, methods and headers that can be sent

mod calls;
mod checks;
mod controls;
mod faults;
mod gateway;
mod split;
mod spread;
mod timeline;
mod topology;
mod traffic;
mod urls;
mod windows;

use std::io;
use std::path::{Component, Path as FilePath};

use hallway_yaml::{Diagnostics, Node, Path, SourceFile};

use crate::Scenario;
use crate::findings::Findings;

/// What is around a scenario file.
pub(crate) struct Surroundings<'a> {
    /// The name of its directory, without the number.
    pub(crate) name: &'a str,
    /// Whether there is such a file in the directory.
    pub(crate) has_file: &'a dyn Fn(&str) -> bool,
    /// The file of the system of that name.
    pub(crate) read_system: &'a dyn Fn(&str) -> io::Result<SourceFile>,
    /// What proves that its checks can fail.
    pub(crate) proof: Proof,
}

/// What proves that the checks of a scenario can fail.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Proof {
    /// Each is turned red by at least one control.
    Controls,
    /// It is an exercise, which is broken when it begins; controls are not run.
    BrokenStart,
}

/// Everything that is wrong with a scenario and with its controls as such.
pub(crate) fn scenario(document: &Node, scenario: &Scenario, surroundings: &Surroundings<'_>) -> Diagnostics {
    let mut findings = Findings::new(document);
    header(&mut findings, scenario, surroundings.name);
    rule_files(&mut findings, scenario, surroundings);
    topology::check(&mut findings, scenario);
    traffic::check(&mut findings, scenario);
    timeline::check(&mut findings, scenario);
    checks::check(&mut findings, scenario, scenario);
    split::check(&mut findings, scenario);
    spread::check(&mut findings, scenario);
    controls::check(&mut findings, scenario);
    if surroundings.proof == Proof::Controls {
        controls::check_proof(&mut findings, scenario);
    }
    findings.into_diagnostics()
}

/// Everything that is wrong with the `effective` scenario of a control of `base`.
///
/// Its checks may mean pushes that it has removed and identities that it has changed: that is how they turn red.
pub(crate) fn effective(
    document: &Node,
    effective: &Scenario,
    base: &Scenario,
    control: &str,
) -> Diagnostics {
    let mut findings = Findings::new(document);
    topology::check(&mut findings, effective);
    traffic::check(&mut findings, effective);
    if let Some(change) = base.controls.get(control) {
        timeline::check_effective(&mut findings, base, effective, control, change);
    }
    checks::check(&mut findings, effective, base);
    controls::check_effect(&mut findings, base, effective, control);
    findings.into_diagnostics()
}

fn header(findings: &mut Findings<'_>, scenario: &Scenario, directory: &str) {
    let path = Path::keys(["scenario"]);
    if findings.name(&path, "a scenario", &scenario.scenario) && scenario.scenario != directory {
        let message = format!(
            "the scenario is named `{}`, its directory `{directory}`",
            scenario.scenario
        );
        let help = format!("write `scenario: {directory}`, or rename the directory");
        findings
            .value(
                &path,
                message,
                "expected the name of the directory, without its number",
            )
            .help(help);
    }
    for (field, is_empty) in [
        ("traffic", scenario.traffic.is_empty()),
        ("checks", scenario.checks.is_empty()),
    ] {
        if is_empty {
            let message = format!("the scenario has no {field}");
            findings.key(&Path::keys([field]), message, "expected at least one");
        }
    }
}

/// Rule files are only looked for: some are wrong on purpose.
fn rule_files(findings: &mut Findings<'_>, scenario: &Scenario, surroundings: &Surroundings<'_>) {
    let initial = [(Path::keys(["rules"]), &scenario.rules)];
    let pushed = scenario.timeline.iter().enumerate().filter_map(|(index, step)| {
        let push = &step.as_push()?.push;
        Some((Path::keys(["timeline"]).with(index).with("push"), push))
    });
    let of_controls = scenario.controls.iter().filter_map(|(name, control)| {
        let rules = control.rules.as_ref()?;
        Some((Path::keys(["controls", name, "rules"]), rules))
    });
    for (path, file) in initial.into_iter().chain(pushed).chain(of_controls) {
        let is_inside = FilePath::new(file)
            .components()
            .all(|component| matches!(component, Component::Normal(_)));
        if !is_inside {
            let message = format!("`{file}` is outside the scenario's directory");
            findings.value(&path, message, "expected a file beside this one");
        } else if !(surroundings.has_file)(file) {
            let message = format!("there is no rule file `{file}` beside this one");
            findings
                .value(&path, message, "no such file")
                .help("create it, or correct the name".to_owned());
        }
    }
}
