//! The metrics of one proxy, in a registry of its own. Names and labels follow Istio's standard metrics
//! (<https://istio.io/latest/docs/reference/config/metrics/>) where it has one.
//!
//! Requests are counted once, when they end; attempts each.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use hallway_model::discovery::Version;
use hallway_model::telemetry::{Direction, RefusalReason};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Metric, Registry};

pub(crate) use self::series::{AttemptKey, DenialKey, RequestKey, RouteKey, Series, UNKNOWN};
use self::text::Sums;

mod series;
mod text;

/// All metrics of one proxy.
pub(crate) struct Metrics {
    registry: Registry,
    series: Vec<Arc<Series>>,
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
struct DirectionLabels {
    direction: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RefusalLabels {
    direction: &'static str,
    reason: String,
}

impl Metrics {
    /// The metrics of a proxy with so many workers.
    pub(crate) fn new(workers: usize) -> Self {
        let mut registry = Registry::with_prefix("hallway");
        let series: Vec<Arc<Series>> = (0..workers).map(|_| Arc::default()).collect();
        registry.register_collector(Box::new(Sums(series.clone())));
        let to = &mut registry;
        Self {
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
            series,
            registry,
        }
    }

    /// What worker `index` counts.
    pub(crate) fn series(&self, index: usize) -> Arc<Series> {
        Arc::clone(&self.series[index])
    }

    /// The metrics in OpenMetrics text.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a String can always be written to");
        text
    }

    /// A connection to an upstream was opened.
    pub(crate) fn upstream_opened(&self, direction: Direction) {
        self.upstream_connections
            .get_or_create(&DirectionLabels {
                direction: direction.as_str(),
            })
            .inc();
        self.upstream_connections_opened
            .get_or_create(&DirectionLabels {
                direction: direction.as_str(),
            })
            .inc();
    }

    /// A connection to an upstream was closed.
    pub(crate) fn upstream_closed(&self, direction: Direction) {
        self.upstream_connections
            .get_or_create(&DirectionLabels {
                direction: direction.as_str(),
            })
            .dec();
    }

    /// A connection was accepted.
    pub(crate) fn downstream_opened(&self, direction: Direction) {
        self.downstream_connections
            .get_or_create(&DirectionLabels {
                direction: direction.as_str(),
            })
            .inc();
    }

    /// An accepted connection was closed.
    pub(crate) fn downstream_closed(&self, direction: Direction) {
        self.downstream_connections
            .get_or_create(&DirectionLabels {
                direction: direction.as_str(),
            })
            .dec();
    }

    /// A connection was closed at once because the limit was reached.
    pub(crate) fn connection_overflowed(&self, direction: Direction) {
        self.overflowed_connections
            .get_or_create(&DirectionLabels {
                direction: direction.as_str(),
            })
            .inc();
    }

    /// A connection was closed because its downstream broke the protocol.
    pub(crate) fn protocol_broken(&self, direction: Direction) {
        self.protocol_errors
            .get_or_create(&DirectionLabels {
                direction: direction.as_str(),
            })
            .inc();
    }

    /// A connection was refused before any request.
    pub(crate) fn refused(&self, direction: Direction, reason: RefusalReason) {
        self.refusals
            .get_or_create(&RefusalLabels {
                direction: direction.as_str(),
                reason: crate::dial::word(reason),
            })
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
