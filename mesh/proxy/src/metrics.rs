//! The metrics of one proxy, in a registry of its own. Names and labels follow Istio's standard metrics
//! (<https://istio.io/latest/docs/reference/config/metrics/>) where it has one.
//!
//! Requests are counted once, when they end; attempts each.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use hallway_model::SpiffeId;
use hallway_model::discovery::Version;
use hallway_model::telemetry::{Access, Direction, RefusalReason, Span};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

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

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RequestLabels {
    direction: &'static str,
    route: String,
    cluster: String,
    source_principal: String,
    destination_principal: String,
    response_code: u16,
    response_flags: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RouteLabels {
    direction: &'static str,
    route: String,
    cluster: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct AttemptLabels {
    direction: &'static str,
    cluster: String,
    response_code: u16,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct DirectionLabels {
    direction: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RefusalLabels {
    direction: &'static str,
    reason: String,
}

/// What stands in a label that has nothing to say. Source: Istio.
const UNKNOWN: &str = "unknown";

/// Upper bounds of the duration buckets, in seconds.
const BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("hallway"),
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            attempts: Family::default(),
            retries: Family::default(),
            upstream_connections: Family::default(),
            upstream_connections_opened: Family::default(),
            downstream_connections: Family::default(),
            overflowed_connections: Family::default(),
            protocol_errors: Family::default(),
            refusals: Family::default(),
            configuration_version: Gauge::default(),
            configuration_refusals: Counter::default(),
            certificate_expiry: Gauge::default(),
            control_plane_connected: Gauge::default(),
        };
        metrics.register_requests();
        metrics.register_connections();
        metrics.register_configuration();
        metrics
    }

    fn register_requests(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "requests",
            "Requests, counted once at their end; response_code 0: none",
            self.requests.clone(),
        );
        registry.register(
            "request_duration_seconds",
            "From the arrival of a request to the end of its response",
            self.durations.clone(),
        );
        registry.register(
            "attempts",
            "Attempts to have a request answered; response_code 0: none",
            self.attempts.clone(),
        );
        registry.register("retries", "Attempts after the first", self.retries.clone());
    }

    fn register_connections(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "upstream_connections",
            "Connections open to upstreams",
            self.upstream_connections.clone(),
        );
        registry.register(
            "upstream_connections_opened",
            "Connections ever opened to upstreams",
            self.upstream_connections_opened.clone(),
        );
        registry.register(
            "downstream_connections",
            "Connections open from downstream",
            self.downstream_connections.clone(),
        );
        registry.register(
            "downstream_connections_overflowed",
            "Connections closed because the limit was reached",
            self.overflowed_connections.clone(),
        );
        registry.register(
            "downstream_protocol_errors",
            "Connections closed because the downstream broke the protocol",
            self.protocol_errors.clone(),
        );
        registry.register(
            "handshake_refusals",
            "Connections refused before any request",
            self.refusals.clone(),
        );
    }

    fn register_configuration(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "configuration_version",
            "The configuration in force; 0: none",
            self.configuration_version.clone(),
        );
        registry.register(
            "configuration_refusals",
            "Configurations refused (NACK)",
            self.configuration_refusals.clone(),
        );
        registry.register(
            "certificate_expiry_timestamp_seconds",
            "When the SVID in use expires",
            self.certificate_expiry.clone(),
        );
        registry.register(
            "control_plane_connected",
            "Whether the discovery stream is open",
            self.control_plane_connected.clone(),
        );
    }

    /// The metrics in OpenMetrics text.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a String can always be written to");
        text
    }

    /// A request has ended. `own` is this proxy's identity.
    pub(crate) fn requested(&self, access: &Access, own: &SpiffeId) {
        let principal = |peer: &Option<SpiffeId>| peer.as_ref().map_or_else(unknown, SpiffeId::to_string);
        let (source, destination) = match access.direction {
            Direction::Outbound => (own.to_string(), principal(&access.upstream_peer)),
            Direction::Inbound => (principal(&access.downstream_peer), own.to_string()),
        };
        let flags: Vec<String> = access.flags.iter().map(|flag| format!("{flag:?}")).collect();
        let labels = RequestLabels {
            direction: word(access.direction),
            route: access.rule.clone().unwrap_or_else(unknown),
            cluster: cluster(access),
            source_principal: source,
            destination_principal: destination,
            response_code: access.status.unwrap_or(0),
            response_flags: if flags.is_empty() {
                "-".to_owned()
            } else {
                flags.join(",")
            },
        };
        self.requests.get_or_create(&labels).inc();
        let seconds = Duration::from_micros(access.duration_us).as_secs_f64();
        self.durations
            .get_or_create(&route_labels(access))
            .observe(seconds);
    }

    /// An attempt has ended.
    pub(crate) fn attempted(&self, span: &Span) {
        let labels = AttemptLabels {
            direction: word(span.direction),
            cluster: span.cluster.as_ref().map_or_else(unknown, ToString::to_string),
            response_code: span.status.unwrap_or(0),
        };
        self.attempts.get_or_create(&labels).inc();
    }

    /// There will be another attempt.
    pub(crate) fn retried(&self, access: &Access) {
        self.retries.get_or_create(&route_labels(access)).inc();
    }

    /// A connection to an upstream was opened.
    pub(crate) fn upstream_opened(&self, direction: Direction) {
        self.upstream_connections.get_or_create(&labels(direction)).inc();
        self.upstream_connections_opened
            .get_or_create(&labels(direction))
            .inc();
    }

    /// A connection to an upstream was closed.
    pub(crate) fn upstream_closed(&self, direction: Direction) {
        self.upstream_connections.get_or_create(&labels(direction)).dec();
    }

    /// A connection was accepted.
    pub(crate) fn downstream_opened(&self, direction: Direction) {
        self.downstream_connections
            .get_or_create(&labels(direction))
            .inc();
    }

    /// An accepted connection was closed.
    pub(crate) fn downstream_closed(&self, direction: Direction) {
        self.downstream_connections
            .get_or_create(&labels(direction))
            .dec();
    }

    /// A connection was closed at once because the limit was reached.
    pub(crate) fn connection_overflowed(&self, direction: Direction) {
        self.overflowed_connections
            .get_or_create(&labels(direction))
            .inc();
    }

    /// A connection was closed because its downstream broke the protocol.
    pub(crate) fn protocol_broken(&self, direction: Direction) {
        self.protocol_errors.get_or_create(&labels(direction)).inc();
    }

    /// A connection was refused before any request.
    pub(crate) fn refused(&self, direction: Direction, reason: RefusalReason) {
        let labels = RefusalLabels {
            direction: word(direction),
            reason: crate::dial::word(reason),
        };
        self.refusals.get_or_create(&labels).inc();
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

fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Outbound => "outbound",
        Direction::Inbound => "inbound",
    }
}

fn labels(direction: Direction) -> DirectionLabels {
    DirectionLabels {
        direction: word(direction),
    }
}

fn route_labels(access: &Access) -> RouteLabels {
    RouteLabels {
        direction: word(access.direction),
        route: access.rule.clone().unwrap_or_else(unknown),
        cluster: cluster(access),
    }
}

fn cluster(access: &Access) -> String {
    access.cluster.as_ref().map_or_else(unknown, ToString::to_string)
}

fn unknown() -> String {
    UNKNOWN.to_owned()
}
