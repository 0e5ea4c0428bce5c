//! The endpoints of each cluster, as seen by all callers, or by those with addresses of their own (Istio's split horizon).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hallway_config::{NamespacedName, Resources, Service};
use hallway_model::{ClusterName, Endpoint, MtlsMode, Security};

use super::{cluster_name, peer_authentication, service_ports};
use crate::registry::{Label, Registry, Workload};
use crate::view::Endpoints;

/// Endpoints, and how they look from where.
#[derive(Default)]
pub(super) struct Horizons {
    /// The services of the mesh by what they select.
    services: BTreeMap<Label, Selected>,
    usual: Arc<Endpoints>,
    /// The endpoints of callers that see some of them at addresses of their own.
    own: BTreeMap<String, Arc<Endpoints>>,
}

/// What leads to the workloads with one label. A workload runs one application, so all ports of its services lead to it.
struct Selected {
    clusters: Vec<ClusterName>,
    mode: MtlsMode,
}

type Values = BTreeMap<ClusterName, Arc<Vec<Endpoint>>>;

impl Horizons {
    /// The endpoints as seen by the sidecar of the workload `caller`.
    pub(super) fn seen_from(&self, caller: &str) -> &Arc<Endpoints> {
        self.own.get(caller).unwrap_or(&self.usual)
    }

    /// Works out everything anew.
    pub(super) fn follow_rules(&mut self, resources: &Resources, registry: &Registry) {
        self.services = selected(resources);
        let mut values = Values::new();
        self.put(&mut values, registry, self.services.keys(), None);
        self.usual = self.usual.replaced_by(values);
        self.follow_horizons(registry);
    }

    /// Works out anew what is behind `labels`; whether callers see a difference.
    pub(super) fn follow_registry(&mut self, registry: &Registry, labels: &BTreeSet<Label>) -> bool {
        if !labels.iter().any(|label| self.services.contains_key(label)) {
            return false;
        }
        let mut values = self.usual.values().clone();
        self.put(&mut values, registry, labels, None);
        self.usual = self.usual.replaced_by(values);
        self.follow_horizons(registry);
        true
    }

    fn follow_horizons(&mut self, registry: &Registry) {
        let before = std::mem::take(&mut self.own);
        for (caller, labels) in registry.horizons() {
            let mut values = self.usual.values().clone();
            self.put(&mut values, registry, &labels, Some(caller));
            let before = before.get(caller).unwrap_or(&self.usual);
            self.own.insert(caller.clone(), before.replaced_by(values));
        }
    }

    /// Puts the endpoints behind `labels` into `values`, as `caller` or everybody else sees them.
    fn put<'a>(
        &self,
        values: &mut Values,
        registry: &Registry,
        labels: impl IntoIterator<Item = &'a Label>,
        caller: Option<&str>,
    ) {
        for label in labels {
            let Some(Selected { clusters, mode }) = self.services.get(label) else {
                continue;
            };
            let workloads = registry.labelled(label);
            let endpoints: Vec<Endpoint> = workloads
                .filter_map(|workload| endpoint(workload, *mode, caller))
                .collect();
            let endpoints = Arc::new(endpoints);
            for cluster in clusters {
                match endpoints.is_empty() {
                    true => drop(values.remove(cluster)),
                    false => drop(values.insert(cluster.clone(), endpoints.clone())),
                }
            }
        }
    }
}

fn selected(resources: &Resources) -> BTreeMap<Label, Selected> {
    let mut services = BTreeMap::new();
    for (key, service, port) in service_ports(resources) {
        let Some(label) = selector(key, service) else {
            continue;
        };
        let mode = |label: &Label| peer_authentication::in_force(resources, label).0;
        let selected = services.entry(label).or_insert_with_key(|label| Selected {
            clusters: Vec::new(),
            mode: mode(label),
        });
        selected.clusters.push(cluster_name(key, port.port));
    }
    services
}

/// The workloads that a service stands for, which have one label, `app`.
pub(super) fn selector(key: &NamespacedName, service: &Service) -> Option<Label> {
    Some(Label {
        namespace: key.namespace.clone(),
        app: service.selected_app()?.to_owned(),
    })
}

/// The caller's side of TLS follows the callee's `PeerAuthentication` (Istio's auto mTLS): where that is `DISABLE`, calls go in the
/// clear instead of failing. A workload without a sidecar is called in the clear too.
fn endpoint(workload: &Workload, mode: MtlsMode, caller: Option<&str>) -> Option<Endpoint> {
    Some(Endpoint {
        workload: workload.name.clone(),
        address: workload.address_for(caller)?,
        security: match mode {
            MtlsMode::Strict | MtlsMode::Permissive if workload.has_sidecar() => Security::Mtls {
                identity: workload.identity.clone(),
            },
            _ => Security::Plaintext,
        },
    })
}
