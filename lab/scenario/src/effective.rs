//! Controls applied: the scenario that runs under a control.

use hallway_yaml::{Diagnostics, Node, SourceFile, parse_one};

use crate::deployment::Deployments;
use crate::{Control, Deployment, Scenario, Step};

/// The fields of a control that are no patches of the scenario, as a merge patch that removes them.
const NO_PATCHES: &str = "{ timeline: null, evidence: null, must_fail: null, may_fail: null }";

/// The document of the scenario under the control that `control` holds: what is left of the control is a merge patch of
/// the whole (RFC 7396). What the control changes has its place in the control.
pub(crate) fn document(scenario: &Node, control: &Node) -> Node {
    let source = SourceFile::new("no patches", NO_PATCHES);
    let no_patches = parse_one(&source).expect("the constant is YAML");
    scenario.merge_patch(&control.merge_patch(&no_patches))
}

/// The document of the scenario under `deployment`.
pub(crate) fn under(scenario: &Node, deployment: Deployment) -> Node {
    let source = SourceFile::new("deployment", format!("topology: {{ deployment: {deployment} }}"));
    let patch = parse_one(&source).expect("the name of a deployment is YAML");
    scenario.merge_patch(&patch)
}

/// The scenario that runs under `control`, read from its [`document`]. It has no controls of its own.
pub(crate) fn scenario(document: &Node, control: Option<&Control>) -> Result<Scenario, Diagnostics> {
    let mut scenario: Scenario = document.decode()?;
    scenario.controls.clear();
    scenario.deployments = Deployments::default();
    if let Some(timeline) = control.and_then(|control| control.timeline.as_ref()) {
        scenario
            .timeline
            .retain(|step| !timeline.remove.iter().any(|removed| removed == step.name()));
        scenario.timeline.extend(timeline.add.iter().cloned());
        scenario.timeline.sort_by_key(Step::at);
    }
    Ok(scenario)
}
