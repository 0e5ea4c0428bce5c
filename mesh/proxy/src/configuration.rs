//! What is in force: a snapshot, compiled. It is immutable; a request keeps the one that it began with.

use std::collections::BTreeMap;
use std::sync::Arc;

use hallway_host::Host;
use hallway_identity::SvidStore;
use hallway_model::bootstrap::{Listeners, ProxyLimits};
use hallway_model::cluster::ClusterLimits;
use hallway_model::discovery::Version;
use hallway_model::route::{HeaderChanges, PathMatch, Rewrite, Target, Timeouts};
use hallway_model::telemetry::Direction;
use hallway_model::{
    self as model, AuthorizationPolicy, Backend, ClusterName, Endpoint, Inbound, JwtRule, MtlsMode,
    RouteMatch, RouteTable, Rule, Security, Snapshot,
};
use hallway_traffic::{CompiledTable, RouteError, Routes};
use thiserror::Error;

use crate::cluster::Cluster;
use crate::front::{FrontError, Fronts};

/// A compiled snapshot.
pub(crate) struct Configuration {
    /// Its version.
    pub(crate) version: Version,
    /// What it was compiled from.
    pub(crate) snapshot: Snapshot,
    routes: Routes,
    clusters: BTreeMap<ClusterName, Arc<Cluster>>,
    inbound: Option<InboundConfiguration>,
    fronts: Option<Arc<Fronts>>,
}

struct InboundConfiguration {
    source: Inbound,
    table: Arc<CompiledTable>,
    cluster: Arc<Cluster>,
}

/// Why a snapshot cannot be put in force. The words go to the control plane with the NACK.
#[derive(Debug, Error)]
pub(crate) enum ConfigurationError {
    #[error(
        "{rules} route rules are more than this proxy's limit of {limit}; split the routes, or raise `limits.route_rules` of the proxy"
    )]
    TooManyRules { rules: usize, limit: usize },
    #[error(
        "the retry constraint of cluster `{0}` is not within its limits: at most 100 percent, intervals from 1s to 1h"
    )]
    RetryConstraint(ClusterName),
    #[error(transparent)]
    Route(#[from] RouteError),
    #[error(transparent)]
    Front(#[from] FrontError),
}

/// What compiling needs beside the snapshot.
pub(crate) struct Environment<'a> {
    pub(crate) host: &'a Host,
    pub(crate) store: &'a SvidStore,
    pub(crate) workload: &'a str,
    pub(crate) limits: &'a ProxyLimits,
    /// Where the proxy listens.
    pub(crate) listeners: &'a Listeners,
    pub(crate) workers: usize,
}

/// The cluster that stands for the proxy's own application.
const APPLICATION: &str = "application";

impl Configuration {
    /// Compiles `snapshot`, and takes over from `previous` what did not change.
    pub(crate) fn compile(
        version: Version,
        snapshot: Snapshot,
        previous: Option<&Self>,
        environment: &Environment<'_>,
    ) -> Result<Self, ConfigurationError> {
        check_limits(&snapshot, environment.limits)?;
        let none = Routes::default();
        let routes = Routes::compile(
            &snapshot.routes,
            previous.map_or(&none, |previous| &previous.routes),
        )?;
        let cluster = |(name, model): (&ClusterName, &model::Cluster)| {
            let endpoints = snapshot.endpoints.get(name).map_or(&[][..], Vec::as_slice);
            let previous = previous.and_then(|previous| previous.clusters.get(name));
            let cluster = Cluster::new(
                name.clone(),
                model,
                endpoints,
                previous.map(Arc::as_ref),
                environment,
            );
            (name.clone(), Arc::new(cluster))
        };
        let clusters = snapshot.clusters.iter().map(cluster).collect();
        let known = previous.and_then(|previous| previous.inbound.as_ref());
        let inbound = match &snapshot.inbound {
            Some(source) => Some(InboundConfiguration::compile(source, known, environment)?),
            None => None,
        };
        let known = previous.and_then(|previous| previous.fronts.as_ref());
        let fronts = match &snapshot.gateway {
            Some(gateway) => Some(Fronts::compile(gateway, known, environment)?),
            None => None,
        };
        Ok(Self {
            version,
            snapshot,
            routes,
            clusters,
            inbound,
            fronts,
        })
    }

    /// Lets the pools follow this configuration, which takes the place of `previous`.
    pub(crate) fn put_in_force(&self, previous: Option<&Self>) {
        for cluster in self.clusters.values() {
            cluster.put_in_force();
        }
        if let Some(inbound) = &self.inbound {
            inbound.cluster.put_in_force();
        }
        let Some(previous) = previous else { return };
        for (name, cluster) in &previous.clusters {
            if !self.clusters.contains_key(name) {
                cluster.retire();
            }
        }
    }

    /// The table that routes requests of the mesh to `authority`; on the inbound side, where the peer has chosen, there is only one.
    pub(crate) fn table(&self, direction: Direction, authority: &str) -> Option<&CompiledTable> {
        match direction {
            Direction::Outbound | Direction::Gateway => self.routes.table(authority),
            Direction::Inbound => self.inbound.as_ref().map(|inbound| inbound.table.as_ref()),
        }
    }

    /// What is served to clients outside of the mesh; none for a sidecar.
    pub(crate) fn fronts(&self) -> Option<&Fronts> {
        self.fronts.as_deref()
    }

    /// The authorities that the application can call, for the message that says that another one is unknown.
    pub(crate) fn authorities(&self) -> impl Iterator<Item = &str> {
        self.routes.authorities()
    }

    /// The cluster of that name.
    pub(crate) fn cluster(&self, direction: Direction, name: &ClusterName) -> Option<&Arc<Cluster>> {
        match direction {
            Direction::Outbound | Direction::Gateway => self.clusters.get(name),
            Direction::Inbound => self.inbound.as_ref().map(|inbound| &inbound.cluster),
        }
    }

    /// Whether the inbound side accepts requests over mutual TLS, or over plaintext.
    pub(crate) fn accepts(&self, mutual_tls: bool) -> bool {
        match self.mtls() {
            None => false,
            Some(MtlsMode::Strict) => mutual_tls,
            Some(MtlsMode::Permissive) => true,
            Some(MtlsMode::Disable) => !mutual_tls,
        }
    }

    /// Which tokens are believed on that side.
    pub(crate) fn authentication(&self, direction: Direction) -> &[JwtRule] {
        match direction {
            Direction::Inbound => self
                .inbound
                .as_ref()
                .map_or(&[], |inbound| &inbound.source.authentication),
            Direction::Gateway => self
                .snapshot
                .gateway
                .as_ref()
                .map_or(&[], |gateway| &gateway.authentication),
            Direction::Outbound => &[],
        }
    }

    /// Who may do what on that side. What the application asks for itself is its callees' concern.
    pub(crate) fn authorization(&self, direction: Direction) -> &[AuthorizationPolicy] {
        match direction {
            Direction::Inbound => self
                .inbound
                .as_ref()
                .map_or(&[], |inbound| &inbound.source.authorization),
            Direction::Gateway => self
                .snapshot
                .gateway
                .as_ref()
                .map_or(&[], |gateway| &gateway.authorization),
            Direction::Outbound => &[],
        }
    }

    /// Which connections the inbound listener accepts; none until the application is registered.
    pub(crate) fn mtls(&self) -> Option<MtlsMode> {
        self.inbound.as_ref().map(|inbound| inbound.source.mtls)
    }
}

fn check_limits(snapshot: &Snapshot, limits: &ProxyLimits) -> Result<(), ConfigurationError> {
    let listeners = snapshot.gateway.iter().flat_map(|gateway| &gateway.listeners);
    let hosts = listeners.flat_map(|listener| listener.hosts.iter().map(|host| &host.table));
    let tables = snapshot.routes.values().chain(hosts);
    let rules = tables.map(|table| table.rules.len()).sum();
    if rules > limits.route_rules {
        return Err(ConfigurationError::TooManyRules {
            rules,
            limit: limits.route_rules,
        });
    }
    let within = |cluster: &model::Cluster| {
        let constraint = cluster.retry_constraint.as_ref();
        constraint.is_none_or(model::RetryConstraint::is_within_limits)
    };
    match snapshot.clusters.iter().find(|(_, cluster)| !within(cluster)) {
        Some((name, _)) => Err(ConfigurationError::RetryConstraint(name.clone())),
        None => Ok(()),
    }
}

impl InboundConfiguration {
    fn compile(
        source: &Inbound,
        previous: Option<&Self>,
        environment: &Environment<'_>,
    ) -> Result<Self, ConfigurationError> {
        let name = ClusterName(APPLICATION.to_owned());
        let table = match previous {
            Some(previous) => Arc::clone(&previous.table),
            None => Arc::new(CompiledTable::compile(everything_to(&name))?),
        };
        let application = Endpoint {
            workload: environment.workload.to_owned(),
            address: source.application,
            security: Security::Plaintext,
        };
        let model = model::Cluster {
            load_balancing: model::LoadBalancing::RoundRobin,
            // How many requests are served at once is a limit of the proxy.
            limits: ClusterLimits {
                requests: u32::MAX,
                ..ClusterLimits::default()
            },
            protocol: source.protocol,
            retry_constraint: None,
        };
        let cluster = Cluster::new(
            name,
            &model,
            &[application],
            previous.map(|previous| previous.cluster.as_ref()),
            environment,
        );
        Ok(Self {
            source: source.clone(),
            table,
            cluster: Arc::new(cluster),
        })
    }
}

/// The one route of the inbound side.
fn everything_to(cluster: &ClusterName) -> RouteTable {
    let at = |path| RouteMatch {
        path,
        headers: Vec::new(),
        query: Vec::new(),
        method: None,
    };
    // What is asked for is a path, or the server as a whole (RFC 9110 §9.3.7).
    let anything = vec![
        at(PathMatch::Prefix("/".to_owned())),
        at(PathMatch::Exact("*".to_owned())),
    ];
    let rule = Rule {
        name: "inbound".to_owned(),
        origin: None,
        matches: anything,
        request_headers: HeaderChanges::default(),
        response_headers: HeaderChanges::default(),
        redirect: None,
        rewrite: Rewrite::default(),
        backends: vec![Backend {
            target: Target::Cluster(cluster.clone()),
            weight: 1,
        }],
        timeouts: Timeouts::default(),
        retry: None,
    };
    RouteTable {
        name: "inbound".to_owned(),
        authorities: Vec::new(),
        rules: vec![rule],
    }
}
