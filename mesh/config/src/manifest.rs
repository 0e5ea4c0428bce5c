//! What all kinds have in common.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::names::{DnsLabel, DnsSubdomain};
use crate::resources::NamespacedName;

/// A resource: the specification of something that has a name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = { "status": "is reported, not written; remove it" }))]
pub struct Manifest<Spec> {
    /// The group and version of the kind, such as `gateway.networking.k8s.io/v1`.
    #[serde(rename = "apiVersion")]
    pub api_version: String,
    /// The kind, such as `HTTPRoute`.
    pub kind: String,
    /// What the resource is called.
    pub metadata: Metadata,
    /// What is wanted.
    pub spec: Spec,
}

/// What a resource is called.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = {
    "creationTimestamp": "is set by a Kubernetes API server; remove it",
    "generation": "is set by a Kubernetes API server; remove it",
    "managedFields": "is set by a Kubernetes API server; remove it",
    "resourceVersion": "is set by a Kubernetes API server; remove it",
    "uid": "is set by a Kubernetes API server; remove it",
}))]
pub struct Metadata {
    /// The name, unique among the resources of its kind in its namespace.
    #[schemars(with = "DnsSubdomain")]
    pub name: String,
    /// The namespace.
    #[serde(default = "default_namespace")]
    #[schemars(with = "DnsLabel")]
    pub namespace: String,
    /// Labels; without effect on a rule.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Annotations; without effect on a rule.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

/// What has a name.
pub(crate) trait Named {
    fn metadata(&self) -> &Metadata;
}

impl<Spec> Named for Manifest<Spec> {
    fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}

impl Metadata {
    /// The name with its namespace.
    pub fn key(&self) -> NamespacedName {
        NamespacedName {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }
}

/// The namespace of a resource that names none.
pub(crate) const DEFAULT_NAMESPACE: &str = "default";

fn default_namespace() -> String {
    DEFAULT_NAMESPACE.to_owned()
}
