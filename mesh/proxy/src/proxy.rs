//! What all parts of one proxy share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use hallway_host::Host;
use hallway_identity::SvidStore;
use hallway_model::bootstrap::ProxyBootstrap;
use hallway_model::telemetry::{ProxyRecord, Refusal};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::configuration::{Configuration, Environment};
use crate::discovery::StreamError;
use crate::metrics::Metrics;
use crate::randomness::Draws;

/// How long whoever comes before the first configuration is held. Joining the mesh takes a fraction of it; a caller with less patience has
/// gone by then.
const CONFIGURED_WITHIN: Duration = Duration::from_secs(5);

/// One proxy: what its workers, its discovery client and its admin endpoint share.
pub(crate) struct Proxy {
    /// The machine.
    pub(crate) host: Host,
    /// What it was told at its start.
    pub(crate) bootstrap: ProxyBootstrap,
    /// Its SVID and its roots.
    pub(crate) store: SvidStore,
    /// Its metrics.
    pub(crate) metrics: Metrics,
    /// Who it is, as text.
    pub(crate) principal: String,
    /// Jitter of pauses before another try to reach the control plane.
    pub(crate) reconnect: Draws,
    /// When its SVID and its discovery stream are renewed.
    pub(crate) renewals: Draws,
    configuration: ArcSwapOption<Configuration>,
    ready: watch::Sender<bool>,
    /// Why there is no discovery stream.
    trouble: ArcSwapOption<String>,
    requests: AtomicUsize,
    connections: AtomicU64,
}

/// Counts one request as in flight in the whole proxy until it is dropped.
pub(crate) struct Admitted(Arc<Proxy>);

impl Proxy {
    pub(crate) fn new(host: Host, bootstrap: ProxyBootstrap, store: SvidStore) -> Self {
        let draws = |kind: &str| Draws::new(&host, &format!("proxy {} {kind}", bootstrap.workload));
        Self {
            principal: bootstrap.identity.to_string(),
            reconnect: draws("reconnect"),
            renewals: draws("renewals"),
            metrics: Metrics::new(workers(&bootstrap)),
            host,
            bootstrap,
            store,
            configuration: ArcSwapOption::empty(),
            ready: watch::Sender::new(false),
            trouble: ArcSwapOption::empty(),
            requests: AtomicUsize::new(0),
            connections: AtomicU64::new(0),
        }
    }

    /// How many workers it has.
    pub(crate) fn workers(&self) -> usize {
        workers(&self.bootstrap)
    }

    /// The workload that it stands beside.
    pub(crate) fn workload(&self) -> &str {
        &self.bootstrap.workload
    }

    /// The configuration in force; none before the first.
    pub(crate) fn configuration(&self) -> Option<Arc<Configuration>> {
        self.configuration.load_full()
    }

    /// Puts `configuration` in force for every request from now on.
    pub(crate) fn put_in_force(&self, configuration: Configuration) {
        let configuration = Arc::new(configuration);
        self.metrics.configured(configuration.version);
        let previous = self.configuration.swap(Some(Arc::clone(&configuration)));
        configuration.put_in_force(previous.as_deref());
        self.ready.send_replace(true);
    }

    /// What compiling a configuration needs.
    pub(crate) fn environment(&self) -> Environment<'_> {
        Environment {
            host: &self.host,
            store: &self.store,
            workload: self.workload(),
            limits: &self.bootstrap.limits,
            listeners: &self.bootstrap.listeners,
            workers: self.workers(),
        }
    }

    /// Whether it has a configuration, and an SVID to serve it with.
    pub(crate) fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }

    /// The configuration in force. Whoever comes before the first one is held until it is there, but not for ever: an application that
    /// starts beside its proxy calls at once. None when there still is none.
    pub(crate) async fn first_configuration(&self) -> Option<Arc<Configuration>> {
        if let Some(configuration) = self.configuration() {
            return Some(configuration);
        }
        let mut ready = self.ready.subscribe();
        timeout(CONFIGURED_WITHIN, ready.wait_for(|ready| *ready))
            .await
            .ok()?
            .expect("the sender is a part of the proxy");
        self.configuration()
    }

    /// Admits one more request, unless as many as its limit are in flight.
    pub(crate) fn admit(self: &Arc<Self>) -> Option<Admitted> {
        let limit = self.bootstrap.limits.requests;
        let admitted = Admitted(Arc::clone(self));
        (self.requests.fetch_add(1, Ordering::Relaxed) < limit).then_some(admitted)
    }

    /// The discovery stream is open.
    pub(crate) fn connected(&self) {
        self.metrics.connected(true);
        self.trouble.store(None);
    }

    /// The discovery stream has ended.
    pub(crate) fn disconnected(&self, why: &StreamError) {
        self.metrics.connected(false);
        self.trouble.store(Some(Arc::new(why.to_string())));
    }

    /// Why there is no discovery stream; none while there is one.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble.load().as_ref().map(|trouble| trouble.to_string())
    }

    /// How many requests are in flight.
    pub(crate) fn requests_in_flight(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// A number that no other connection of this proxy has.
    pub(crate) fn next_connection_id(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed)
    }

    /// Leaves a record.
    pub(crate) fn record(&self, record: ProxyRecord) {
        self.host.record(&record);
    }

    /// Counts and records a refused connection.
    pub(crate) fn refused(&self, refusal: Refusal) {
        self.metrics.refused(refusal.direction, refusal.reason);
        self.record(ProxyRecord::Refusal(refusal));
    }
}

fn workers(bootstrap: &ProxyBootstrap) -> usize {
    bootstrap.workers.max(1) as usize
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}
