//! Clusters: groups of endpoints, and how to reach them.

use std::fmt;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{SpiffeId, millis};

/// The name of a cluster: the service and port it stands for, such as `shop/payments:80`.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct ClusterName(pub String);

/// How to use a group of endpoints. The endpoints themselves travel apart, since they change far more often.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Cluster {
    /// How to choose among the endpoints.
    pub load_balancing: LoadBalancing,
    /// Envoy's circuit breaker: how much concurrency to allow.
    pub limits: ClusterLimits,
    /// What its applications speak.
    #[serde(default)]
    pub protocol: Protocol,
    /// How much may be tried again; absent for as much as the routes say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_constraint: Option<RetryConstraint>,
}

/// The version of HTTP that an application speaks, by the `appProtocol` of its Service's port. Between sidecars it is
/// HTTP/2 wherever both speak TLS, whatever this says.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2 in the clear with prior knowledge (RFC 9113 §3.3): `appProtocol: kubernetes.io/h2c`.
    Http2,
}

/// How to choose an endpoint. The names are Istio's (`DestinationRule`, `loadBalancer.simple`).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadBalancing {
    /// Two endpoints at random, of which the one with fewer requests in flight (power of two choices).
    #[default]
    LeastRequest,
    /// One after the other.
    RoundRobin,
    /// At random.
    Random,
}

/// Concurrency limits of one cluster, in one proxy. Source: Envoy's circuit breakers.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ClusterLimits {
    /// Connections open at once.
    pub connections: u32,
    /// Requests that wait for a connection at once; a further one is answered with 503 and the flag `UO`.
    pub pending_requests: u32,
    /// Requests in flight at once, over whatever number of connections; a further one is answered with 503 and the flag `UO`.
    pub requests: u32,
}

impl Default for ClusterLimits {
    /// Envoy's defaults.
    fn default() -> Self {
        Self {
            connections: 1024,
            pending_requests: 1024,
            requests: 1024,
        }
    }
}

/// A retry budget of one cluster, in one proxy. Source: GEP-3388.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RetryConstraint {
    /// So many retries for a hundred requests of the interval.
    pub percent: u32,
    /// Over how much time requests and retries are counted.
    #[serde(with = "millis")]
    pub interval: Duration,
    /// So many retries there may be in any case.
    pub least: RetryRate,
}

/// So many retries in so much time.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RetryRate {
    /// How many.
    pub count: u32,
    /// In how much time.
    #[serde(with = "millis")]
    pub interval: Duration,
}

impl RetryConstraint {
    /// How long an interval may be. Source: the CRD of `XBackendTrafficPolicy`.
    pub const INTERVALS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3600);

    /// Whether a proxy can keep it: the share is one, and the intervals are neither too short nor too long.
    pub fn is_within_limits(&self) -> bool {
        let intervals = [self.interval, self.least.interval];
        self.percent <= 100
            && intervals
                .iter()
                .all(|interval| Self::INTERVALS.contains(interval))
    }
}

/// One address that serves a cluster.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Endpoint {
    /// The workload behind it, such as `payments-1`.
    pub workload: String,
    /// Where it is, as seen from this proxy.
    pub address: SocketAddr,
    /// How to speak to it.
    pub security: Security,
}

/// How to speak to an endpoint.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// Mutual TLS, with a peer that proves to be `identity`.
    Mtls {
        /// Who must answer.
        identity: SpiffeId,
    },
    /// In the clear, because the endpoint's `PeerAuthentication` is `DISABLE`.
    Plaintext,
}

impl fmt::Display for ClusterName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
