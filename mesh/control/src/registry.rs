//! The registry: which workloads there are, what they are called, and where they are.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use hallway_config::NamespacedName;
use hallway_model::{SpiffeId, TrustDomain};

use crate::api::{RegisterWorkload, WorkloadEndpoint};
use crate::error::RequestError;

/// More workloads than this are not taken.
const MOST_WORKLOADS: usize = 4096;

/// One instance of a service, with its sidecar: what Kubernetes calls a pod.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Workload {
    pub(crate) name: String,
    pub(crate) namespace: String,
    /// The label `app`.
    pub(crate) app: String,
    pub(crate) identity: SpiffeId,
    /// The Gateway that it is; absent for one with an application.
    pub(crate) gateway: Option<NamespacedName>,
    /// Absent until it has told where it is, and always for a gateway.
    pub(crate) endpoint: Option<WorkloadEndpoint>,
}

/// What Services select workloads by.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Label {
    pub(crate) namespace: String,
    /// The label `app`.
    pub(crate) app: String,
}

/// The workloads by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registry {
    workloads: BTreeMap<String, Workload>,
    /// The names of the workloads that carry each label.
    labelled: BTreeMap<Label, BTreeSet<String>>,
    /// For each caller that has addresses of its own, the names of the workloads that it sees there.
    horizons: BTreeMap<String, BTreeSet<String>>,
    changes: Changes,
}

/// What has changed since somebody asked last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    /// The names of workloads that are new, or not as they were.
    pub(crate) workloads: BTreeSet<String>,
    /// The labels behind which something has changed.
    pub(crate) labels: BTreeSet<Label>,
}

impl Workload {
    /// A workload without an endpoint.
    pub(crate) fn parse(request: RegisterWorkload, trust_domain: &TrustDomain) -> Result<Self, RequestError> {
        require_label("workload name", &request.name)?;
        require_label("namespace", &request.namespace)?;
        require_label("service", &request.service)?;
        let identity = SpiffeId::new(trust_domain.clone(), &request.namespace, &request.service_account)?;
        let gateway = request
            .gateway
            .map(|gateway| NamespacedName::new(&request.namespace, gateway));
        Ok(Self {
            name: request.name,
            namespace: request.namespace,
            app: request.service,
            identity,
            gateway,
            endpoint: None,
        })
    }

    /// The same workload, at `endpoint` now.
    pub(crate) fn at(self, endpoint: Option<WorkloadEndpoint>) -> Result<Self, RequestError> {
        if self.gateway.is_some() && endpoint.is_some() {
            return Err(RequestError::GatewayEndpoint(self.name));
        }
        Ok(Self { endpoint, ..self })
    }

    pub(crate) fn label(&self) -> Label {
        Label {
            namespace: self.namespace.clone(),
            app: self.app.clone(),
        }
    }

    /// The callers that have an address of their own for it.
    fn horizons(&self) -> impl Iterator<Item = &String> {
        self.endpoint
            .iter()
            .flat_map(|endpoint| endpoint.seen_from.keys())
    }

    /// Whether it is reached through a sidecar.
    pub(crate) fn has_sidecar(&self) -> bool {
        self.endpoint.as_ref().is_some_and(|endpoint| endpoint.sidecar)
    }

    /// Where `caller`, or else everybody without an address of their own for it, reaches it; `None` while it is not ready.
    pub(crate) fn address_for(&self, caller: Option<&str>) -> Option<SocketAddr> {
        let endpoint = self.endpoint.as_ref().filter(|endpoint| endpoint.ready)?;
        let own = caller.and_then(|caller| endpoint.seen_from.get(caller));
        Some(*own.unwrap_or(&endpoint.inbound))
    }
}

impl Registry {
    /// Adds a workload, or replaces the one of the same name.
    pub(crate) fn register(&mut self, workload: Workload) -> Result<(), RequestError> {
        if self.workloads.len() >= MOST_WORKLOADS && !self.workloads.contains_key(&workload.name) {
            return Err(RequestError::TooManyWorkloads(MOST_WORKLOADS));
        }
        self.take(&workload.name);
        self.put(workload);
        Ok(())
    }

    pub(crate) fn set_endpoint(
        &mut self,
        name: &str,
        endpoint: WorkloadEndpoint,
    ) -> Result<(), RequestError> {
        let workload = self.get(name)?.clone().at(Some(endpoint))?;
        self.take(name);
        self.put(workload);
        Ok(())
    }

    pub(crate) fn remove(&mut self, name: &str) -> Result<(), RequestError> {
        match self.take(name) {
            Some(_) => Ok(()),
            None => Err(RequestError::UnknownWorkload(name.to_owned())),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Result<&Workload, RequestError> {
        self.workloads
            .get(name)
            .ok_or_else(|| RequestError::UnknownWorkload(name.to_owned()))
    }

    /// The workload `name`, provided that `presented` is who it is registered as.
    pub(crate) fn authorize(&self, name: &str, presented: &SpiffeId) -> Result<&Workload, RequestError> {
        let workload = self.get(name)?;
        if workload.identity == *presented {
            return Ok(workload);
        }
        Err(RequestError::WrongIdentity {
            workload: name.to_owned(),
            registered: workload.identity.to_string(),
            presented: presented.to_string(),
        })
    }

    /// All of them, by name.
    pub(crate) fn workloads(&self) -> impl Iterator<Item = &Workload> {
        self.workloads.values()
    }

    /// Those of `names` that are registered.
    pub(crate) fn named(&self, names: &BTreeSet<String>) -> impl Iterator<Item = &Workload> {
        names.iter().filter_map(|name| self.workloads.get(name))
    }

    /// Those that carry `label`, by name.
    pub(crate) fn labelled(&self, label: &Label) -> impl Iterator<Item = &Workload> {
        let names = self.labelled.get(label).into_iter().flatten();
        names.map(|name| &self.workloads[name])
    }

    /// Whether there are workloads in `namespace`.
    pub(crate) fn has_namespace(&self, namespace: &str) -> bool {
        let first = Label {
            namespace: namespace.to_owned(),
            app: String::new(),
        };
        let next = self.labelled.range(first..).next();
        next.is_some_and(|(label, _)| label.namespace == namespace)
    }

    /// The callers that see some workloads at addresses of their own, each with the labels of these.
    pub(crate) fn horizons(&self) -> impl Iterator<Item = (&String, BTreeSet<Label>)> {
        self.horizons.iter().map(|(caller, seen)| {
            let labels = seen.iter().map(|name| self.workloads[name].label());
            (caller, labels.collect())
        })
    }

    /// What has changed since this was asked last.
    pub(crate) fn take_changes(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }

    fn put(&mut self, workload: Workload) {
        self.note_change(&workload);
        let name = workload.name.clone();
        self.labelled
            .entry(workload.label())
            .or_default()
            .insert(name.clone());
        for caller in workload.horizons() {
            self.horizons
                .entry(caller.clone())
                .or_default()
                .insert(name.clone());
        }
        self.workloads.insert(name, workload);
    }

    fn take(&mut self, name: &str) -> Option<Workload> {
        let workload = self.workloads.remove(name)?;
        self.note_change(&workload);
        withdraw(&mut self.labelled, &workload.label(), name);
        for caller in workload.horizons() {
            withdraw(&mut self.horizons, caller, name);
        }
        Some(workload)
    }

    fn note_change(&mut self, workload: &Workload) {
        self.changes.workloads.insert(workload.name.clone());
        self.changes.labels.insert(workload.label());
    }
}

/// Takes `name` out of the index, and what is empty then with it.
fn withdraw<Key: Ord>(index: &mut BTreeMap<Key, BTreeSet<String>>, key: &Key, name: &str) {
    if let Some(names) = index.get_mut(key) {
        names.remove(name);
        if names.is_empty() {
            index.remove(key);
        }
    }
}

/// Names are DNS labels (RFC 1123), as Kubernetes has it.
fn require_label(what: &'static str, value: &str) -> Result<(), RequestError> {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let well_formed = (1..=63).contains(&value.len())
        && value.bytes().all(inside)
        && !value.starts_with('-')
        && !value.ends_with('-');
    if well_formed {
        return Ok(());
    }
    Err(RequestError::Name {
        what,
        value: value.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hallway_model::TrustDomain;

    use super::{Registry, Workload};
    use crate::api::{RegisterWorkload, WorkloadEndpoint};

    fn workload(name: &str) -> Result<Workload, String> {
        let request = RegisterWorkload {
            name: name.to_owned(),
            namespace: "shop".to_owned(),
            service: "payments".to_owned(),
            service_account: "payments".to_owned(),
            gateway: None,
        };
        let trust_domain = TrustDomain::new("hallway.test").expect("a trust domain");
        Workload::parse(request, &trust_domain).map_err(|error| error.to_string())
    }

    #[test]
    fn a_caller_may_see_another_address_and_nobody_sees_what_is_not_ready() {
        let mut registry = Registry::default();
        registry
            .register(workload("payments-1").expect("a workload"))
            .expect("room");
        let address_for = |registry: &Registry, caller: &str| {
            let workload = registry.get("payments-1").expect("registered");
            workload.address_for(Some(caller)).map(|address| address.port())
        };
        assert_eq!(address_for(&registry, "orders-1"), None);

        let mut endpoint = WorkloadEndpoint {
            inbound: "127.0.0.1:1000".parse().expect("an address"),
            application: "127.0.0.1:2000".parse().expect("an address"),
            ready: true,
            sidecar: true,
            seen_from: BTreeMap::from([(
                "orders-1".to_owned(),
                "127.0.0.1:3000".parse().expect("an address"),
            )]),
        };
        registry
            .set_endpoint("payments-1", endpoint.clone())
            .expect("registered");
        assert_eq!(address_for(&registry, "orders-1"), Some(3000));
        assert_eq!(address_for(&registry, "orders-2"), Some(1000));

        endpoint.ready = false;
        registry.set_endpoint("payments-1", endpoint).expect("registered");
        assert_eq!(address_for(&registry, "orders-1"), None);
    }

    #[test]
    fn names_are_dns_labels() {
        for name in ["", "-a", "a-", "Payments", "a.b", "a/b", &"a".repeat(64)] {
            let error = workload(name).expect_err("not a label");
            assert!(error.contains("is no workload name"), "{error}");
        }
    }
}
