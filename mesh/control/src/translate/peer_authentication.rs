//! Which `PeerAuthentication` is in force for a workload.
//!
//! The most specific one with a mode decides: one that selects the workload, in its own namespace and then in the root namespace; the
//! namespace's; the mesh's, which stands in the root namespace. `UNSET` leaves it to the next one. Among equals the first by
//! namespace and name decides. When none does, the mode is `STRICT`: Istio's default is `PERMISSIVE`, for the sake of
//! workloads without a sidecar, and this mesh has none.
//! Source: <https://istio.io/latest/docs/reference/config/security/peer_authentication/>.

use hallway_config::peer_authentication::{MtlsMode as Mode, PeerAuthentication};
use hallway_config::{Located, Resources};
use hallway_model::{MtlsMode, Origin};
use hallway_yaml::Path;

use crate::ROOT_NAMESPACE;
use crate::registry::Label;

/// The mode of the workloads that carry `label`, and where it was written.
pub(super) fn in_force(resources: &Resources, label: &Label) -> (MtlsMode, Option<Origin>) {
    let decides = |policy: &&Located<PeerAuthentication>| policy.value.spec.mtls.mode != Mode::Unset;
    let most_specific = resources
        .peer_authentications
        .values()
        .filter(decides)
        .filter_map(|policy| Some((specificity(&policy.value, label)?, policy)))
        .min_by_key(|(specificity, _)| *specificity);
    let Some((_, policy)) = most_specific else {
        return (MtlsMode::Strict, None);
    };
    let mode = match policy.value.spec.mtls.mode {
        Mode::Unset | Mode::Strict => MtlsMode::Strict,
        Mode::Permissive => MtlsMode::Permissive,
        Mode::Disable => MtlsMode::Disable,
    };
    let origin = policy.origin_of(&Path::keys(["spec", "mtls", "mode"]));
    (mode, Some(origin))
}

/// How closely a policy is meant for a workload.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Specificity {
    Workload,
    WorkloadFromRoot,
    Namespace,
    Mesh,
}

fn specificity(policy: &PeerAuthentication, workload: &Label) -> Option<Specificity> {
    let same_namespace = policy.metadata.namespace == workload.namespace;
    let from_root = policy.metadata.namespace == ROOT_NAMESPACE;
    let labels = policy
        .spec
        .selector
        .as_ref()
        .map(|selector| &selector.match_labels)
        .filter(|labels| !labels.is_empty());
    let selected = labels.map(|labels| {
        labels
            .iter()
            .all(|(label, value)| label == "app" && *value == workload.app)
    });
    match selected {
        Some(false) => None,
        Some(true) if same_namespace => Some(Specificity::Workload),
        Some(true) => from_root.then_some(Specificity::WorkloadFromRoot),
        None if from_root => Some(Specificity::Mesh),
        None => same_namespace.then_some(Specificity::Namespace),
    }
}
