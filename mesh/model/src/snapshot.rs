//! Everything that one proxy needs to serve, and the difference between two such states.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::{AuthorizationPolicy, Cluster, ClusterName, Endpoint, Gateway, JwtRule, Protocol, RouteTable};

/// The whole configuration of one proxy at one version.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Snapshot {
    /// What its inbound listener does; absent until the workload's application is registered.
    pub inbound: Option<Inbound>,
    /// What it serves to clients outside of the mesh; absent for a sidecar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Gateway>,
    /// Route tables by name.
    pub routes: BTreeMap<String, RouteTable>,
    /// Clusters by name.
    pub clusters: BTreeMap<ClusterName, Cluster>,
    /// Endpoints by cluster; a cluster without an entry has none.
    pub endpoints: BTreeMap<ClusterName, Vec<Endpoint>>,
}

/// What a sidecar's inbound listener does.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Inbound {
    /// Which connections it accepts.
    pub mtls: MtlsMode,
    /// Where the rule that says so was written; absent for the default.
    pub origin: Option<crate::Origin>,
    /// Where the application listens.
    pub application: SocketAddr,
    /// What it speaks there.
    #[serde(default)]
    pub protocol: Protocol,
    /// Which tokens it believes. None: nobody looks for any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authentication: Vec<JwtRule>,
    /// Who may do what there, in the order of their names. None: everybody everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization: Vec<AuthorizationPolicy>,
}

/// Which connections an inbound listener accepts. Source: Istio's `PeerAuthentication`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MtlsMode {
    /// Mutual TLS only.
    #[default]
    Strict,
    /// Mutual TLS, and plaintext too.
    Permissive,
    /// Plaintext only.
    Disable,
}

/// What changes between two snapshots. Applying it to the first gives the second.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Delta {
    /// The new inbound configuration, when it changed (`Some(None)` takes it away).
    #[serde(default, skip_serializing_if = "Option::is_none", with = "changed")]
    pub inbound: Option<Option<Inbound>>,
    /// The new gateway, when it changed (`Some(None)` takes it away).
    #[serde(default, skip_serializing_if = "Option::is_none", with = "changed")]
    pub gateway: Option<Option<Gateway>>,
    /// Route tables.
    #[serde(default, skip_serializing_if = "Changes::is_empty")]
    pub routes: Changes<String, RouteTable>,
    /// Clusters.
    #[serde(default, skip_serializing_if = "Changes::is_empty")]
    pub clusters: Changes<ClusterName, Cluster>,
    /// Endpoints.
    #[serde(default, skip_serializing_if = "Changes::is_empty")]
    pub endpoints: Changes<ClusterName, Vec<Endpoint>>,
}

/// What changes in one map.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Changes<Name: Ord, Value> {
    /// New or different values.
    #[serde(default = "BTreeMap::new", skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<Name, Value>,
    /// Names that are no more.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<Name>,
}

impl Snapshot {
    /// The same without private keys, for people to look at.
    pub fn without_keys(&self) -> Self {
        let mut shown = self.clone();
        shown.gateway.iter_mut().for_each(Gateway::withhold_keys);
        shown
    }

    /// What must change in `self` to become `next`.
    pub fn delta_to(&self, next: &Self) -> Delta {
        Delta {
            inbound: (self.inbound != next.inbound).then(|| next.inbound.clone()),
            gateway: (self.gateway != next.gateway).then(|| next.gateway.clone()),
            routes: Changes::between(&self.routes, &next.routes),
            clusters: Changes::between(&self.clusters, &next.clusters),
            endpoints: Changes::between(&self.endpoints, &next.endpoints),
        }
    }

    /// This snapshot with `delta` applied.
    pub fn with(&self, delta: Delta) -> Self {
        let mut next = self.clone();
        if let Some(inbound) = delta.inbound {
            next.inbound = inbound;
        }
        if let Some(gateway) = delta.gateway {
            next.gateway = gateway;
        }
        delta.routes.apply(&mut next.routes);
        delta.clusters.apply(&mut next.clusters);
        delta.endpoints.apply(&mut next.endpoints);
        next
    }
}

impl<Name: Ord + Clone, Value: Clone + PartialEq> Changes<Name, Value> {
    fn between(old: &BTreeMap<Name, Value>, new: &BTreeMap<Name, Value>) -> Self {
        let differs = |(name, value): &(&Name, &Value)| old.get(*name) != Some(*value);
        Self {
            set: new
                .iter()
                .filter(differs)
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            removed: old
                .keys()
                .filter(|name| !new.contains_key(*name))
                .cloned()
                .collect(),
        }
    }

    fn apply(self, map: &mut BTreeMap<Name, Value>) {
        for name in &self.removed {
            map.remove(name);
        }
        map.extend(self.set);
    }
}

impl<Name: Ord, Value> Changes<Name, Value> {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.removed.is_empty()
    }
}

impl<Name: Ord, Value> Default for Changes<Name, Value> {
    fn default() -> Self {
        Self {
            set: BTreeMap::new(),
            removed: Vec::new(),
        }
    }
}

/// Serde leaves `Some(None)` and `None` alike; here an absent field is `None`, and null is `Some(None)`.
mod changed {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<T: Serialize, S: Serializer>(
        value: &Option<Option<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().and_then(Option::as_ref).serialize(serializer)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Option<T>>, D::Error> {
        Option::<T>::deserialize(deserializer).map(Some)
    }
}
