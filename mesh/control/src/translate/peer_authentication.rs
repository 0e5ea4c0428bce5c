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

use super::selector::specificity;
use crate::registry::Label;

/// The mode of the workloads that carry `label`, and where it was written.
pub(super) fn in_force(resources: &Resources, label: &Label) -> (MtlsMode, Option<Origin>) {
    let decides = |policy: &&Located<PeerAuthentication>| policy.value.spec.mtls.mode != Mode::Unset;
    let most_specific = resources
        .peer_authentications
        .values()
        .filter(decides)
        .filter_map(|policy| {
            Some((
                specificity(&policy.value.metadata, policy.value.spec.selector.as_ref(), label)?,
                policy,
            ))
        })
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
