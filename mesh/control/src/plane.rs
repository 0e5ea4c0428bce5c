//! The control plane's state, and what can be done to it. Every change ends with a translation for the proxies that it concerns.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use hallway_config::NamespacedName;
use hallway_host::Host;
use hallway_identity::{Authority, Bundle, PeerCertificate};
use hallway_model::bootstrap::{Admission, Token};
use hallway_model::telemetry::ControlRecord;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::api::{
    KnownWorkload, ProxySnapshot, RegisterWorkload, Registered, RuleFile, RulesAccepted, RulesInForce,
    RulesRefused, Status, WorkloadEndpoint,
};
use crate::clock::now_us;
use crate::conditions::{self, Progress};
use crate::error::RequestError;
use crate::issued::IssuedCertificates;
use crate::join::JoinTokens;
use crate::proxy::{Proxy, StreamId};
use crate::registry::{Registry, Workload};
use crate::rules::Rules;
use crate::translate::{self, Translation};

/// At most this many discovery streams are open at once.
pub(crate) const MOST_STREAMS: usize = 1024;

/// The control plane, shared by everything that serves it.
pub(crate) struct ControlPlane {
    pub(crate) host: Host,
    pub(crate) authority: Authority,
    /// What proxies are told to trust.
    pub(crate) bundle: Bundle,
    pub(crate) svid_lifetime: Duration,
    /// What to do with dangling references, unless a push says otherwise.
    pub(crate) admission: Admission,
    /// One permit for each stream.
    pub(crate) streams: Arc<Semaphore>,
    state: Mutex<State>,
}

/// What changes while the control plane runs.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) registry: Registry,
    pub(crate) tokens: JoinTokens,
    pub(crate) issued: IssuedCertificates,
    pub(crate) proxies: BTreeMap<String, Proxy>,
    rules: Rules,
    translation: Translation,
    /// The generation of the rules that the translation follows.
    translated: u64,
    last_stream: StreamId,
}

impl ControlPlane {
    pub(crate) fn new(
        host: Host,
        authority: Authority,
        bundle: Bundle,
        svid_lifetime: Duration,
        admission: Admission,
    ) -> Self {
        Self {
            host,
            authority,
            bundle,
            svid_lifetime,
            admission,
            streams: Arc::new(Semaphore::new(MOST_STREAMS)),
            state: Mutex::default(),
        }
    }

    /// The same, whose rules can refer to `secrets`.
    pub(crate) fn with_secrets(mut self, secrets: Vec<Token>) -> Self {
        self.state = Mutex::new(State {
            rules: Rules::with_secrets(secrets),
            ..State::default()
        });
        self
    }

    /// Registers a workload that is about to start.
    pub(crate) fn register(&self, request: RegisterWorkload) -> Result<Registered, RequestError> {
        let workload = Workload::parse(request, self.authority.trust_domain())?;
        let (name, identity) = (workload.name.clone(), workload.identity.clone());
        self.change(|state| {
            state.registry.register(workload)?;
            if let Some(proxy) = state.proxies.get_mut(&name) {
                proxy.restart();
            }
            Ok(Registered {
                identity,
                join_token: state.tokens.mint(&name, Instant::now()),
            })
        })
    }

    /// Takes note of workloads that run already; all of them, or none.
    pub(crate) fn restore(&self, known: Vec<KnownWorkload>) -> Result<(), RequestError> {
        let trust_domain = self.authority.trust_domain();
        let workloads = known
            .into_iter()
            .map(|known| Workload::parse(known.registration, trust_domain)?.at(known.endpoint));
        let workloads: Vec<Workload> = workloads.collect::<Result<_, RequestError>>()?;
        self.change(|state| {
            let mut registry = state.registry.clone();
            for workload in workloads {
                registry.register(workload)?;
            }
            state.registry = registry;
            Ok(())
        })
    }

    /// Notes where a workload is.
    pub(crate) fn set_endpoint(&self, name: &str, endpoint: WorkloadEndpoint) -> Result<(), RequestError> {
        self.change(|state| state.registry.set_endpoint(name, endpoint))
    }

    /// Forgets a workload. Its stream ends, and its certificates open nothing here any more.
    pub(crate) fn remove(&self, name: &str) -> Result<(), RequestError> {
        self.change(|state| {
            state.registry.remove(name)?;
            state.tokens.void(name);
            state.issued.void(name);
            state.proxies.remove(name);
            Ok(())
        })
    }

    /// Puts rules in force, or refuses them.
    pub(crate) fn replace_rules(
        &self,
        files: Vec<RuleFile>,
        admission: Admission,
    ) -> Result<RulesAccepted, RulesRefused> {
        let at_us = now_us(&self.host);
        self.change(|state| {
            let outcome = state.rules.replace(files, admission, at_us);
            // Inside the change, so that the record of the rules comes before those of the updates that carry them.
            self.host.record(&match &outcome {
                Ok(accepted) => ControlRecord::Accepted {
                    at_us,
                    generation: accepted.generation,
                    warnings: accepted.warnings.clone(),
                },
                Err(refused) => ControlRecord::Refused {
                    at_us,
                    problems: refused.problems.clone(),
                },
            });
            outcome
        })
    }

    /// Notes that rules could not even be read.
    pub(crate) fn refuse_rules(&self, refused: RulesRefused) {
        let at_us = now_us(&self.host);
        self.host.record(&ControlRecord::Refused {
            at_us,
            problems: refused.problems.clone(),
        });
        self.state().rules.refuse(refused, at_us);
    }

    pub(crate) fn rules(&self) -> RulesInForce {
        self.state().rules.in_force()
    }

    pub(crate) fn status(&self) -> Status {
        let state = self.state();
        let proxy = |workload: &Workload| {
            let proxy = state.proxies.get(&workload.name)?;
            Some((workload.name.clone(), proxy.status(workload)))
        };
        let resources = state.rules.resources();
        Status {
            rules: state.rules.status(),
            proxies: state.registry.workloads().filter_map(proxy).collect(),
            gateways: conditions::gateways(resources, &state.progress()),
            routes: conditions::routes(resources),
        }
    }

    pub(crate) fn snapshot(&self, name: &str) -> Result<ProxySnapshot, RequestError> {
        let state = self.state();
        let proxy = state.proxies.get(name).map(Proxy::snapshot);
        proxy.ok_or_else(|| RequestError::UnknownWorkload(name.to_owned()))
    }

    /// Changes the state, and works out anew what proxies should have.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state();
        let outcome = change(&mut state);
        state.translate();
        outcome
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the lock")
    }
}

impl State {
    /// Lets proxies want what follows from the changes since the last time.
    fn translate(&mut self) {
        let (resources, generation) = (self.rules.resources(), self.rules.generation());
        let changes = self.registry.take_changes();
        let others_too = self
            .translation
            .follow_registry(resources, &self.registry, &changes);
        let new_rules = generation != self.translated;
        if new_rules {
            self.translation.follow_rules(resources, &self.registry);
            self.translated = generation;
        }
        let concerned: Vec<&Workload> = match new_rules || others_too {
            true => self.registry.workloads().collect(),
            false => self.registry.named(&changes.workloads).collect(),
        };
        for workload in concerned {
            let changed = new_rules || changes.workloads.contains(&workload.name);
            let known = self.proxies.get_mut(&workload.name);
            let inbound = match &known {
                Some(proxy) if !changed => proxy.inbound(),
                _ => translate::inbound(resources, workload).map(Arc::new),
            };
            let view = self.translation.view(resources, workload, inbound);
            match known {
                Some(proxy) => proxy.want(view, generation),
                None => {
                    let proxy = Proxy::new(view, generation);
                    self.proxies.insert(workload.name.clone(), proxy);
                }
            }
        }
    }

    /// How far the proxies of each gateway are: as far as the one that is furthest.
    fn progress(&self) -> BTreeMap<NamespacedName, Progress> {
        let mut progress = BTreeMap::new();
        for workload in self.registry.workloads() {
            let Some(gateway) = &workload.gateway else {
                continue;
            };
            let up_to_date = self.proxies.get(&workload.name).is_some_and(Proxy::is_up_to_date);
            let known: &mut Progress = progress.entry(gateway.clone()).or_default();
            *known = (*known).max(match up_to_date {
                true => Progress::InForce,
                false => Progress::Pending,
            });
        }
        progress
    }

    /// Refuses the certificate of a workload that is gone, even though others have the same identity.
    pub(crate) fn require_holder(&self, peer: &PeerCertificate) -> Result<(), RequestError> {
        if self.issued.is_void(&peer.serial) {
            return Err(RequestError::HolderGone(peer.identity.clone()));
        }
        Ok(())
    }

    /// A number that no stream has had.
    pub(crate) fn next_stream(&mut self) -> StreamId {
        self.last_stream += 1;
        self.last_stream
    }
}

#[cfg(test)]
mod tests;
