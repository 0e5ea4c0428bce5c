//! What one proxy should have: its own inbound side or what it serves as a gateway, and parts that it shares with other proxies.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use hallway_model::discovery::Version;
use hallway_model::{Cluster, ClusterName, Endpoint, Gateway, Inbound, RouteTable, Snapshot};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::part::Part;

/// Route tables, the same for all proxies of a namespace.
pub(crate) type Routes = Part<String, RouteTable>;
/// Clusters, the same for all proxies.
pub(crate) type Clusters = Part<ClusterName, Cluster>;
/// Endpoints, the same for all proxies but those that see some at addresses of their own.
pub(crate) type Endpoints = Part<ClusterName, Vec<Endpoint>>;

/// What one proxy should have. It stands for a [`Snapshot`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct View {
    pub(crate) inbound: Option<Arc<Inbound>>,
    pub(crate) gateway: Option<Arc<Gateway>>,
    pub(crate) routes: Arc<Routes>,
    pub(crate) clusters: Arc<Clusters>,
    pub(crate) endpoints: Arc<Endpoints>,
}

/// What leads a proxy from one version to another.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) version: Version,
    /// The version that the proxy has, and what it stands for; absent when it has nothing.
    pub(crate) base: Option<(Version, View)>,
    pub(crate) view: View,
}

impl View {
    /// The same in full, but for private keys.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            inbound: self.inbound.as_deref().cloned(),
            gateway: self.gateway.as_deref().cloned(),
            routes: owned(self.routes.values()),
            clusters: owned(self.clusters.values()),
            endpoints: owned(self.endpoints.values()),
        }
    }
}

impl Step {
    /// The line of the discovery stream: an [`Update`](hallway_model::discovery::Update) as JSON.
    pub(crate) fn line(&self) -> Bytes {
        let base = self.base.as_ref();
        let earlier = base.map(|(_, view)| view);
        let inbound = earlier.and_then(|earlier| earlier.inbound.as_deref());
        let gateway = earlier.and_then(|earlier| earlier.gateway.as_deref());
        let update = Update {
            version: self.version,
            base: base.map(|(version, _)| *version),
            delta: Delta {
                inbound: changed(inbound, self.view.inbound.as_deref()),
                gateway: changed(gateway, self.view.gateway.as_deref()),
                routes: self
                    .view
                    .routes
                    .changes_since(earlier.map(|earlier| &earlier.routes)),
                clusters: self
                    .view
                    .clusters
                    .changes_since(earlier.map(|earlier| &earlier.clusters)),
                endpoints: self
                    .view
                    .endpoints
                    .changes_since(earlier.map(|earlier| &earlier.endpoints)),
            },
        };
        let mut line = serde_json::to_vec(&update).expect("updates are plain data with string keys");
        line.push(b'\n');
        line.into()
    }
}

/// [`hallway_model::discovery::Update`], with most of it written already.
#[derive(Serialize)]
struct Update<'a> {
    version: Version,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<Version>,
    delta: Delta<'a>,
}

/// [`hallway_model::snapshot::Delta`], the same.
#[derive(Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    inbound: Option<Option<&'a Inbound>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<Option<&'a Gateway>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    routes: Option<Arc<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clusters: Option<Arc<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoints: Option<Arc<RawValue>>,
}

/// The value to tell of, if it is another than before.
fn changed<'a, Value: PartialEq>(
    earlier: Option<&Value>,
    now: Option<&'a Value>,
) -> Option<Option<&'a Value>> {
    (earlier != now).then_some(now)
}

fn owned<Name: Clone + Ord, Value: Clone>(values: &BTreeMap<Name, Arc<Value>>) -> BTreeMap<Name, Value> {
    let owned = |(name, value): (&Name, &Arc<Value>)| (name.clone(), value.as_ref().clone());
    values.iter().map(owned).collect()
}
