//! Which workloads an Istio policy is for. Source: <https://istio.io/latest/docs/reference/config/type/workload-selector/>.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// The namespace of the control plane, and of policies that hold for the whole mesh: what `istio-system` is to Istio.
pub const ROOT_NAMESPACE: &str = "hallway-system";

/// Chooses workloads.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadSelector {
    /// The labels that a workload must have.
    pub match_labels: BTreeMap<String, String>,
}
