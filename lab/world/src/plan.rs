//! What a scenario's topology amounts to: which workloads there are, and which edges between them. Pure.

use std::collections::{BTreeMap, BTreeSet};

use hallway_model::{SpiffeId, TrustDomain};
use hallway_scenario::topology::{CallTo, Fallback, Language, Service, Starts};
use hallway_scenario::traffic::{INTRUDER, OUTSIDE, host};
use hallway_scenario::{Scenario, Topology};
use hallway_service::contract;

use crate::behaviour;
use crate::error::WorldError;

/// All workloads of a run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) trust_domain: TrustDomain,
    pub(crate) namespace: String,
    /// Workloads with processes of their own: an application and a sidecar.
    pub(crate) workloads: Vec<Workload>,
    /// The proxy in front of them.
    pub(crate) gateway: Option<Front>,
    /// Workloads that exist in the registry only.
    pub(crate) claims: Vec<Claim>,
    /// Whether every workload has a sidecar.
    pub(crate) has_mesh: bool,
    /// Services whose workloads call others.
    callers: BTreeSet<String>,
    /// Whom each service calls, as far as that is known.
    callees: BTreeMap<String, BTreeSet<String>>,
}

/// A workload with processes of its own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Workload {
    /// Such as `payments-1`.
    pub(crate) name: String,
    pub(crate) service: String,
    pub(crate) identity: SpiffeId,
    pub(crate) language: Language,
    pub(crate) fallback: Option<Fallback>,
    pub(crate) protocol: contract::Protocol,
    pub(crate) version: String,
    pub(crate) behaviour: contract::Behaviour,
    pub(crate) calls: Vec<contract::Call>,
    pub(crate) call_order: contract::CallOrder,
    /// The calls that its application makes by itself as soon as it runs.
    pub(crate) first_calls: Vec<contract::Call>,
    /// When its application starts, if it has first calls.
    pub(crate) starts: Starts,
    /// The greatest number of route rules that its sidecar accepts.
    pub(crate) route_rules: Option<usize>,
}

/// The gateway: a workload that is a proxy and nothing else.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Front {
    /// Such as `front-1`.
    pub(crate) name: String,
    /// The Gateway in the rules whose listeners it has, and its service account.
    pub(crate) gateway: String,
    /// The ports that clients can come for.
    pub(crate) ports: Vec<u16>,
}

/// A workload that the registry is told of, and that is really another one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Claim {
    pub(crate) name: String,
    pub(crate) service: String,
    pub(crate) service_account: String,
    /// The workload that is really there.
    pub(crate) really: String,
}

impl Workload {
    /// What its sidecar is called.
    pub(crate) fn sidecar(&self) -> String {
        format!("{} sidecar", self.name)
    }

    /// Whether it joins a mesh that runs already, so that somebody is there for its first calls.
    pub(crate) fn is_newcomer(&self) -> bool {
        !self.first_calls.is_empty()
    }
}

impl Plan {
    /// # Errors
    /// [`WorldError::Scenario`] when something is named that does not exist.
    pub(crate) fn of(scenario: &Scenario) -> Result<Self, WorldError> {
        let topology = &scenario.topology;
        let trust_domain = TrustDomain::new(topology.trust_domain.as_str())
            .map_err(|error| WorldError::scenario("topology.trust_domain", error))?;
        let gateway = topology.gateway.as_ref();
        let gateway = gateway.filter(|_| topology.deployment.has_gateway());
        let mut plan = Self {
            trust_domain,
            namespace: topology.namespace.clone(),
            workloads: Vec::new(),
            has_mesh: topology.deployment.has_mesh(),
            callees: callees(scenario),
            gateway: gateway.map(|gateway| Front {
                name: gateway.instance_name(),
                gateway: gateway.name.clone(),
                ports: gateway.ports.clone(),
            }),
            claims: Vec::new(),
            callers: callers(scenario),
        };
        for (name, service) in &topology.services {
            match &service.resolves_to {
                Some(other) => plan.claims.push(claim(topology, name, service, other)?),
                None => plan.add_replicas(name, service)?,
            }
        }
        Ok(plan)
    }

    /// The first workload of a service.
    ///
    /// # Errors
    /// [`WorldError::Scenario`] when the service has none.
    pub(crate) fn first_workload(&self, service: &str) -> Result<&Workload, WorldError> {
        self.workloads
            .iter()
            .find(|workload| workload.service == service)
            .ok_or_else(|| {
                WorldError::scenario(
                    format!("service `{service}`"),
                    "there is no workload of this name in the topology",
                )
            })
    }

    /// The names of the workloads that call others. A route can lead each of them to any workload.
    pub(crate) fn callers(&self) -> impl Iterator<Item = &str> {
        let calling = self
            .workloads
            .iter()
            .filter(|workload| self.callers.contains(&workload.service));
        let services = calling.map(|workload| workload.name.as_str());
        services.chain(self.gateway.iter().map(|front| front.name.as_str()))
    }

    /// The workloads that the mesh begins with.
    pub(crate) fn residents(&self) -> impl Iterator<Item = &Workload> {
        let workloads = self.workloads.iter();
        workloads.filter(|workload| !(self.has_mesh && workload.is_newcomer()))
    }

    /// The workloads that join it then, one after the other; none where there is no mesh to join.
    pub(crate) fn newcomers(&self) -> impl Iterator<Item = &Workload> {
        let workloads = self.workloads.iter();
        workloads.filter(|workload| self.has_mesh && workload.is_newcomer())
    }

    /// The workloads in the order in which they can start where each has to know the addresses of those that it calls: all of one level at
    /// once, when those of the levels before listen.
    pub(crate) fn levels(&self) -> Vec<Vec<&Workload>> {
        let mut levels: Vec<Vec<&Workload>> = Vec::new();
        let mut waiting: Vec<&Workload> = self.workloads.iter().collect();
        while !waiting.is_empty() {
            let missing: BTreeSet<&str> = waiting.iter().map(|workload| workload.service.as_str()).collect();
            let can_start = |workload: &&Workload| {
                let mut callees = self.callees.get(&workload.service).into_iter().flatten();
                callees.all(|callee| *callee == workload.service || !missing.contains(callee.as_str()))
            };
            let (level, rest): (Vec<_>, Vec<_>) = waiting.iter().copied().partition(can_start);
            // Calls in a circle are refused by the loader; traffic may close one, and then somebody does not know somebody.
            let (level, rest) = if level.is_empty() {
                (rest, level)
            } else {
                (level, rest)
            };
            levels.push(level);
            waiting = rest;
        }
        levels
    }

    /// The services that `service` calls.
    pub(crate) fn calls(&self, service: &str) -> impl Iterator<Item = &str> {
        self.callees
            .get(service)
            .into_iter()
            .flatten()
            .map(String::as_str)
    }

    fn add_replicas(&mut self, name: &str, service: &Service) -> Result<(), WorldError> {
        let account = service.identity.as_deref().unwrap_or(name);
        let identity = SpiffeId::new(self.trust_domain.clone(), &self.namespace, account)
            .map_err(|error| WorldError::scenario(format!("topology.services.{name}.identity"), error))?;
        for replica in 1..=service.replicas.unwrap_or(1) {
            let instance = format!("{name}-{replica}");
            let own_behaviour = service
                .instances
                .get(&instance)
                .and_then(|instance| instance.behaviour.as_ref());
            self.workloads.push(Workload {
                service: name.to_owned(),
                identity: identity.clone(),
                language: service.language,
                fallback: service.fallback,
                protocol: behaviour::protocol(service.protocol),
                version: service.version.clone().unwrap_or_else(|| "v1".to_owned()),
                behaviour: own_behaviour
                    .or(service.behaviour.as_ref())
                    .map(behaviour::behaviour)
                    .unwrap_or_default(),
                calls: service.calls.iter().map(behaviour::call).collect(),
                call_order: behaviour::call_order(service.call_order),
                first_calls: service.first_calls.iter().map(behaviour::call).collect(),
                starts: service.starts.unwrap_or_default(),
                route_rules: service.sidecar.route_rules,
                name: instance,
            });
        }
        Ok(())
    }
}

fn claim(topology: &Topology, name: &str, service: &Service, other: &str) -> Result<Claim, WorldError> {
    let is_real = topology
        .services
        .get(other)
        .is_some_and(|other| other.resolves_to.is_none());
    if !is_real {
        return Err(WorldError::scenario(
            format!("topology.services.{name}.resolves_to"),
            format!("there is no service `{other}` with a program of its own"),
        ));
    }
    Ok(Claim {
        name: format!("{name}-1"),
        service: name.to_owned(),
        service_account: service.identity.clone().unwrap_or_else(|| name.to_owned()),
        really: format!("{other}-1"),
    })
}

/// By topology, and by traffic that services are told to send.
fn callees(scenario: &Scenario) -> BTreeMap<String, BTreeSet<String>> {
    let mut callees: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, service) in &scenario.topology.services {
        let calls = service.calls.iter().chain(&service.first_calls);
        let hosts = calls.map(|call| match call {
            CallTo::Service(name) => name.as_str(),
            CallTo::Exact(call) => host(&call.url),
        });
        callees.insert(name.clone(), hosts.map(str::to_owned).collect());
    }
    for traffic in scenario.traffic.values() {
        if let Some(caller) = traffic.via.as_ref().and_then(|caller| callees.get_mut(caller)) {
            caller.insert(traffic.host().to_owned());
        }
    }
    callees
}

fn callers(scenario: &Scenario) -> BTreeSet<String> {
    let by_topology = scenario
        .topology
        .services
        .iter()
        .filter(|(_, service)| !service.calls.is_empty() || !service.first_calls.is_empty())
        .map(|(name, _)| name.clone());
    let by_traffic = scenario
        .traffic
        .values()
        .filter_map(|traffic| traffic.from.clone().or_else(|| traffic.via.clone()))
        .filter(|from| from != INTRUDER && from != OUTSIDE);
    by_topology.chain(by_traffic).collect()
}

#[cfg(test)]
mod tests;
