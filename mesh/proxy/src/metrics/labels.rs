//! The labels of the metrics.

use hallway_model::SpiffeId;
use hallway_model::telemetry::{Access, Direction, RefusalReason, Span};
use prometheus_client::encoding::EncodeLabelSet;

/// What stands in a label that has nothing to say. Source: Istio.
const UNKNOWN: &str = "unknown";

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(crate) struct RequestLabels {
    direction: &'static str,
    route: String,
    cluster: String,
    source_principal: String,
    destination_principal: String,
    response_code: u16,
    response_flags: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(crate) struct RouteLabels {
    direction: &'static str,
    route: String,
    cluster: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(crate) struct AttemptLabels {
    direction: &'static str,
    cluster: String,
    response_code: u16,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(crate) struct DirectionLabels {
    direction: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(crate) struct RefusalLabels {
    direction: &'static str,
    reason: String,
}

impl RequestLabels {
    /// The labels of a request that was handled by the proxy whose identity is `own`.
    pub(crate) fn new(access: &Access, own: &SpiffeId) -> Self {
        let principal = |peer: &Option<SpiffeId>| peer.as_ref().map_or_else(unknown, SpiffeId::to_string);
        let (source, destination) = match access.direction {
            Direction::Outbound => (own.to_string(), principal(&access.upstream_peer)),
            Direction::Inbound => (principal(&access.downstream_peer), own.to_string()),
        };
        let flags: Vec<String> = access.flags.iter().map(|flag| format!("{flag:?}")).collect();
        let RouteLabels {
            direction,
            route,
            cluster,
        } = RouteLabels::new(access);
        Self {
            direction,
            route,
            cluster,
            source_principal: source,
            destination_principal: destination,
            response_code: access.status.unwrap_or(0),
            response_flags: if flags.is_empty() {
                "-".to_owned()
            } else {
                flags.join(",")
            },
        }
    }
}

impl RouteLabels {
    pub(crate) fn new(access: &Access) -> Self {
        Self {
            direction: word(access.direction),
            route: access.rule.clone().unwrap_or_else(unknown),
            cluster: access.cluster.as_ref().map_or_else(unknown, ToString::to_string),
        }
    }
}

impl AttemptLabels {
    pub(crate) fn new(span: &Span) -> Self {
        Self {
            direction: word(span.direction),
            cluster: span.cluster.as_ref().map_or_else(unknown, ToString::to_string),
            response_code: span.status.unwrap_or(0),
        }
    }
}

impl DirectionLabels {
    pub(crate) fn new(direction: Direction) -> Self {
        Self {
            direction: word(direction),
        }
    }
}

impl RefusalLabels {
    pub(crate) fn new(direction: Direction, reason: RefusalReason) -> Self {
        Self {
            direction: word(direction),
            reason: crate::dial::word(reason),
        }
    }
}

fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Outbound => "outbound",
        Direction::Inbound => "inbound",
    }
}

fn unknown() -> String {
    UNKNOWN.to_owned()
}
