//! Clusters at work: endpoints with their load, and the connections to them.
//!
//! A configuration is replaced as a whole, but what was counted must not start over: pools, turns and requests in flight are
//! taken over from the configuration before.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use hallway_identity::{Versions, client_config};
use hallway_model::cluster::ClusterLimits;
use hallway_model::{self as model, ClusterName, LoadBalancing, Protocol, Security, SpiffeId};
use hallway_traffic::balance;
use tokio_rustls::rustls::ClientConfig;

use crate::configuration::Environment;
use crate::connection::Connection;
use crate::pool::Pool;
use crate::randomness::Draws;
use crate::retry_budget::RetryBudget;

/// A group of endpoints.
pub(crate) struct Cluster {
    /// Its name.
    pub(crate) name: ClusterName,
    /// How much of its traffic may be tried again; none for as much as the routes say.
    pub(crate) retry_budget: Option<Arc<RetryBudget>>,
    /// Its connections, and the limits on them, for each worker.
    pools: Vec<Arc<Pool<Connection>>>,
    load_balancing: LoadBalancing,
    limits: ClusterLimits,
    turn: Arc<AtomicUsize>,
    in_flight: Arc<AtomicU32>,
    endpoints: Vec<Arc<Endpoint>>,
}

/// One endpoint.
pub(crate) struct Endpoint {
    /// What the control plane says of it.
    pub(crate) model: model::Endpoint,
    /// What tells its connections from others.
    pub(crate) key: EndpointKey,
    /// How to speak TLS to it; none for plaintext.
    pub(crate) tls: Option<Arc<ClientConfig>>,
    in_flight: AtomicUsize,
}

/// What tells connections apart: where they lead, who must be there, and what is spoken in the clear.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct EndpointKey {
    pub(crate) address: SocketAddr,
    pub(crate) security: KeySecurity,
}

/// What a connection has for its security.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum KeySecurity {
    /// Mutual TLS with that identity; the handshake chooses the version of HTTP.
    Mtls(SpiffeId),
    /// Nothing: HTTP/1.1 in the clear.
    Http1,
    /// Nothing: HTTP/2 in the clear.
    Http2,
}

/// Counts one request as in flight at an endpoint, and in its cluster, until it is dropped.
pub(crate) struct InFlight {
    endpoint: Arc<Endpoint>,
    cluster: Arc<AtomicU32>,
}

impl Cluster {
    /// A cluster that takes over what `previous` has counted and opened.
    pub(crate) fn new(
        name: ClusterName,
        model: &model::Cluster,
        endpoints: &[model::Endpoint],
        previous: Option<&Self>,
        environment: &Environment<'_>,
    ) -> Self {
        let known = previous.map_or(&[][..], |previous| &previous.endpoints);
        let mut kept: Vec<Arc<Endpoint>> = Vec::with_capacity(endpoints.len());
        for wanted in endpoints {
            let key = EndpointKey::new(wanted, model.protocol);
            let same = |known: &&Arc<Endpoint>| known.model == *wanted && known.key == key;
            let endpoint = known.iter().find(same).map_or_else(
                // Replicas have one identity, and can be dialled with one TLS configuration.
                || {
                    Arc::new(Endpoint::new(
                        wanted,
                        key.clone(),
                        kept.iter().chain(known),
                        environment,
                    ))
                },
                Arc::clone,
            );
            kept.push(endpoint);
        }
        let endpoints = kept;
        let pools = previous.map_or_else(
            || Pool::of_workers(environment.workers, model.limits),
            |previous| previous.pools.clone(),
        );
        Self {
            name,
            load_balancing: model.load_balancing,
            turn: previous.map_or_else(Arc::default, |previous| Arc::clone(&previous.turn)),
            in_flight: previous.map_or_else(Arc::default, |previous| Arc::clone(&previous.in_flight)),
            limits: model.limits,
            retry_budget: model.retry_constraint.map(|constraint| {
                let known = previous.and_then(|previous| previous.retry_budget.as_ref());
                let same = known.filter(|known| known.constraint == constraint);
                same.map_or_else(|| Arc::new(RetryBudget::new(constraint)), Arc::clone)
            }),
            pools,
            endpoints,
        }
    }

    /// The connections of that worker.
    pub(crate) fn pool(&self, worker: usize) -> &Arc<Pool<Connection>> {
        &self.pools[worker]
    }

    /// How many endpoints it has.
    pub(crate) fn size(&self) -> u32 {
        u32::try_from(self.endpoints.len()).unwrap_or(u32::MAX)
    }

    /// Lets the pool follow this cluster's limits and endpoints.
    pub(crate) fn put_in_force(&self) {
        let keys: BTreeSet<EndpointKey> = self
            .endpoints
            .iter()
            .map(|endpoint| endpoint.key.clone())
            .collect();
        for pool in &self.pools {
            pool.configure(self.limits, keys.clone());
        }
    }

    /// Closes what is idle: the cluster is no more.
    pub(crate) fn retire(&self) {
        for pool in &self.pools {
            pool.configure(self.limits, BTreeSet::new());
        }
    }

    /// Counts a request as in flight at `endpoint`, unless as many as the limit allows are in flight in this cluster.
    ///
    /// # Errors
    /// With the limit.
    pub(crate) fn begin(&self, endpoint: &Arc<Endpoint>) -> Result<InFlight, u32> {
        let limit = self.limits.requests;
        let within = |count: u32| (count < limit).then_some(count + 1);
        self.in_flight
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, within)
            .map_err(|_| limit)?;
        endpoint.in_flight.fetch_add(1, Ordering::Relaxed);
        Ok(InFlight {
            endpoint: Arc::clone(endpoint),
            cluster: Arc::clone(&self.in_flight),
        })
    }

    /// Chooses an endpoint, as its position and itself; none when there is none.
    pub(crate) fn choose(&self, tried: &BTreeSet<usize>, random: &Draws) -> Option<(usize, &Arc<Endpoint>)> {
        let endpoints = balance::Endpoints {
            count: self.endpoints.len(),
            tried,
        };
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let in_flight = |position: usize| self.endpoints[position].in_flight.load(Ordering::Relaxed);
        let chosen =
            random.with(|random| balance::choose(self.load_balancing, endpoints, turn, in_flight, random))?;
        Some((chosen, &self.endpoints[chosen]))
    }
}

impl Endpoint {
    /// An endpoint that is dialled with the TLS configuration of one of `others` where it must prove the same identity.
    fn new<'a>(
        model: &model::Endpoint,
        key: EndpointKey,
        mut others: impl Iterator<Item = &'a Arc<Self>>,
        environment: &Environment<'_>,
    ) -> Self {
        let tls = match &key.security {
            KeySecurity::Mtls(identity) => {
                let alike = others.find(|other| other.key.security == key.security);
                alike.and_then(|alike| alike.tls.clone()).or_else(|| {
                    let (host, store) = (environment.host, environment.store);
                    let versions = Versions::LanesOrHttp;
                    Some(client_config(host, store, identity.clone(), versions))
                })
            }
            KeySecurity::Http1 | KeySecurity::Http2 => None,
        };
        Self {
            model: model.clone(),
            tls,
            key,
            in_flight: AtomicUsize::new(0),
        }
    }
}

impl EndpointKey {
    fn new(model: &model::Endpoint, protocol: Protocol) -> Self {
        let security = match (&model.security, protocol) {
            (Security::Mtls { identity }, _) => KeySecurity::Mtls(identity.clone()),
            (Security::Plaintext, Protocol::Http1) => KeySecurity::Http1,
            (Security::Plaintext, Protocol::Http2) => KeySecurity::Http2,
        };
        Self {
            address: model.address,
            security,
        }
    }

    /// The version of HTTP that is spoken, where no handshake chooses another.
    pub(crate) fn protocol(&self) -> Protocol {
        match self.security {
            KeySecurity::Http1 => Protocol::Http1,
            KeySecurity::Mtls(_) | KeySecurity::Http2 => Protocol::Http2,
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.endpoint.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.cluster.fetch_sub(1, Ordering::Relaxed);
    }
}
