//! The metrics of one proxy, in a registry of its own. Names and labels follow Istio's standard metrics
//! (<https://istio.io/latest/docs/reference/config/metrics/>) where it has one.
//!
//! Requests are counted once, when they end; attempts each.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use hallway_model::SpiffeId;
use hallway_model::discovery::Version;
use hallway_model::telemetry::{Access, Direction, RefusalReason, Span};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

use self::labels::{AttemptLabels, DirectionLabels, RefusalLabels, RequestLabels, RouteLabels};

mod labels;

/// All metrics of one proxy.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    attempts: Family<AttemptLabels, Counter>,
    retries: Family<RouteLabels, Counter>,
    upstream_connections: Family<DirectionLabels, Gauge>,
    upstream_connections_opened: Family<DirectionLabels, Counter>,
    downstream_connections: Family<DirectionLabels, Gauge>,
    overflowed_connections: Family<DirectionLabels, Counter>,
    protocol_errors: Family<DirectionLabels, Counter>,
    refusals: Family<RefusalLabels, Counter>,
    configuration_version: Gauge<u64, AtomicU64>,
    configuration_refusals: Counter,
    certificate_expiry: Gauge<u64, AtomicU64>,
    control_plane_connected: Gauge,
}

/// Upper bounds of the duration buckets, in seconds.
const BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("hallway");
        let durations: Family<RouteLabels, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(BUCKETS));
        registry.register(
            "request_duration_seconds",
            "From the arrival of a request to the end of its response",
            durations.clone(),
        );
        let to = &mut registry;
        Self {
            requests: added(to, "requests", "Requests, at their end; response_code 0: none"),
            durations,
            attempts: added(
                to,
                "attempts",
                "Attempts to have a request answered; response_code 0: none",
            ),
            retries: added(to, "retries", "Attempts after the first"),
            upstream_connections: added(to, "upstream_connections", "Connections open to upstreams"),
            upstream_connections_opened: added(to, "upstream_connections_opened", "Connections ever opened"),
            downstream_connections: added(to, "downstream_connections", "Connections open from downstream"),
            overflowed_connections: added(
                to,
                "downstream_connections_overflowed",
                "Closed at once: the limit was reached",
            ),
            protocol_errors: added(
                to,
                "downstream_protocol_errors",
                "Closed: the downstream broke the protocol",
            ),
            refusals: added(to, "handshake_refusals", "Connections refused before any request"),
            configuration_version: added(to, "configuration_version", "The configuration in force; 0: none"),
            configuration_refusals: added(to, "configuration_refusals", "Configurations refused (NACK)"),
            certificate_expiry: added(
                to,
                "certificate_expiry_timestamp_seconds",
                "When the SVID in use expires",
            ),
            control_plane_connected: added(
                to,
                "control_plane_connected",
                "Whether the discovery stream is open",
            ),
            registry,
        }
    }

    /// The metrics in OpenMetrics text.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a String can always be written to");
        text
    }

    /// A request has ended. `own` is this proxy's identity.
    pub(crate) fn requested(&self, access: &Access, own: &SpiffeId) {
        self.requests
            .get_or_create(&RequestLabels::new(access, own))
            .inc();
        let seconds = Duration::from_micros(access.duration_us).as_secs_f64();
        self.durations
            .get_or_create(&RouteLabels::new(access))
            .observe(seconds);
    }

    /// An attempt has ended.
    pub(crate) fn attempted(&self, span: &Span) {
        self.attempts.get_or_create(&AttemptLabels::new(span)).inc();
    }

    /// There will be another attempt.
    pub(crate) fn retried(&self, access: &Access) {
        self.retries.get_or_create(&RouteLabels::new(access)).inc();
    }

    /// A connection to an upstream was opened.
    pub(crate) fn upstream_opened(&self, direction: Direction) {
        self.upstream_connections
            .get_or_create(&DirectionLabels::new(direction))
            .inc();
        self.upstream_connections_opened
            .get_or_create(&DirectionLabels::new(direction))
            .inc();
    }

    /// A connection to an upstream was closed.
    pub(crate) fn upstream_closed(&self, direction: Direction) {
        self.upstream_connections
            .get_or_create(&DirectionLabels::new(direction))
            .dec();
    }

    /// A connection was accepted.
    pub(crate) fn downstream_opened(&self, direction: Direction) {
        self.downstream_connections
            .get_or_create(&DirectionLabels::new(direction))
            .inc();
    }

    /// An accepted connection was closed.
    pub(crate) fn downstream_closed(&self, direction: Direction) {
        self.downstream_connections
            .get_or_create(&DirectionLabels::new(direction))
            .dec();
    }

    /// A connection was closed at once because the limit was reached.
    pub(crate) fn connection_overflowed(&self, direction: Direction) {
        self.overflowed_connections
            .get_or_create(&DirectionLabels::new(direction))
            .inc();
    }

    /// A connection was closed because its downstream broke the protocol.
    pub(crate) fn protocol_broken(&self, direction: Direction) {
        self.protocol_errors
            .get_or_create(&DirectionLabels::new(direction))
            .inc();
    }

    /// A connection was refused before any request.
    pub(crate) fn refused(&self, direction: Direction, reason: RefusalReason) {
        self.refusals
            .get_or_create(&RefusalLabels::new(direction, reason))
            .inc();
    }

    /// A configuration was put in force.
    pub(crate) fn configured(&self, version: Version) {
        self.configuration_version.set(version);
    }

    /// A configuration was refused.
    pub(crate) fn configuration_refused(&self) {
        self.configuration_refusals.inc();
    }

    /// An SVID was put to use, which expires then.
    pub(crate) fn certified(&self, expiry_us: u64) {
        self.certificate_expiry.set(expiry_us / 1_000_000);
    }

    /// Whether the discovery stream is open.
    pub(crate) fn connected(&self, connected: bool) {
        self.control_plane_connected.set(i64::from(connected));
    }
}

/// A metric of its own kind, added to the registry.
fn added<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}
