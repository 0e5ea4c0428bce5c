//! Clusters at work: endpoints with their load, and the connections to them.
//!
//! A configuration is replaced as a whole, but what was counted must not start over: pools, turns and requests in flight are
//! taken over from the configuration before.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hallway_host::Host;
use hallway_identity::{SvidStore, client_config};
use hallway_model::cluster::ClusterLimits;
use hallway_model::{self as model, ClusterName, LoadBalancing, Security, SpiffeId};
use hallway_traffic::balance;
use tokio_rustls::rustls::ClientConfig;

use crate::connection::Connection;
use crate::pool::Pool;
use crate::randomness::Draws;

/// A group of endpoints.
pub(crate) struct Cluster {
    /// Its name.
    pub(crate) name: ClusterName,
    /// Its connections, and the limits on them.
    pub(crate) pool: Arc<Pool<Connection>>,
    load_balancing: LoadBalancing,
    limits: ClusterLimits,
    turn: Arc<AtomicUsize>,
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

/// What tells connections apart: where they lead, and who must be there.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct EndpointKey {
    pub(crate) address: SocketAddr,
    pub(crate) identity: Option<SpiffeId>,
}

/// Counts one request as in flight at an endpoint until it is dropped.
pub(crate) struct InFlight(Arc<Endpoint>);

impl Cluster {
    /// A cluster that takes over what `previous` has counted and opened.
    pub(crate) fn new(
        name: ClusterName,
        model: &model::Cluster,
        endpoints: &[model::Endpoint],
        previous: Option<&Self>,
        host: &Host,
        store: &SvidStore,
    ) -> Self {
        let known = previous.map_or(&[][..], |previous| &previous.endpoints);
        let endpoint = |wanted: &model::Endpoint| {
            let same = known.iter().find(|known| known.model == *wanted);
            same.map_or_else(|| Arc::new(Endpoint::new(wanted, host, store)), Arc::clone)
        };
        let endpoints: Vec<Arc<Endpoint>> = endpoints.iter().map(endpoint).collect();
        let pool = previous.map_or_else(
            || Arc::new(Pool::new(model.limits)),
            |previous| Arc::clone(&previous.pool),
        );
        Self {
            name,
            load_balancing: model.load_balancing,
            turn: previous.map_or_else(Arc::default, |previous| Arc::clone(&previous.turn)),
            limits: model.limits,
            pool,
            endpoints,
        }
    }

    /// Lets the pool follow this cluster's limits and endpoints.
    pub(crate) fn put_in_force(&self) {
        let keys = self.endpoints.iter().map(|endpoint| endpoint.key.clone());
        self.pool.configure(self.limits, keys.collect());
    }

    /// Closes what is idle: the cluster is no more.
    pub(crate) fn retire(&self) {
        self.pool.configure(self.limits, BTreeSet::new());
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
    fn new(model: &model::Endpoint, host: &Host, store: &SvidStore) -> Self {
        let identity = match &model.security {
            Security::Mtls { identity } => Some(identity.clone()),
            Security::Plaintext => None,
        };
        Self {
            model: model.clone(),
            tls: identity
                .clone()
                .map(|identity| client_config(host, store, identity)),
            key: EndpointKey {
                address: model.address,
                identity,
            },
            in_flight: AtomicUsize::new(0),
        }
    }

    /// Counts a request as in flight here.
    pub(crate) fn begin(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
