//! Which workloads an Istio policy is for: those that it selects in its own namespace, or in all namespaces when it stands in the root
//! namespace; without a selector, all of them.

use hallway_config::{Metadata, ROOT_NAMESPACE, WorkloadSelector};

use crate::registry::Label;

/// How closely a policy is meant for a workload, the closest first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Specificity {
    Workload,
    WorkloadFromRoot,
    Namespace,
    Mesh,
}

/// How closely the policy `metadata` with `selector` is meant for the workloads that carry `label`; `None` when it is not for them.
pub(super) fn specificity(
    metadata: &Metadata,
    selector: Option<&WorkloadSelector>,
    label: &Label,
) -> Option<Specificity> {
    let same_namespace = metadata.namespace == label.namespace;
    let from_root = metadata.namespace == ROOT_NAMESPACE;
    let labels = selector
        .map(|selector| &selector.match_labels)
        .filter(|labels| !labels.is_empty());
    let selected = labels.map(|labels| {
        labels
            .iter()
            .all(|(name, value)| name == "app" && *value == label.app)
    });
    match selected {
        Some(false) => None,
        Some(true) if same_namespace => Some(Specificity::Workload),
        Some(true) => from_root.then_some(Specificity::WorkloadFromRoot),
        None if from_root => Some(Specificity::Mesh),
        None => same_namespace.then_some(Specificity::Namespace),
    }
}
