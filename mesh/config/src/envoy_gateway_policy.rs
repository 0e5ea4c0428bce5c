//! `gateway.envoyproxy.io/v1alpha1 BackendTrafficPolicy`, Envoy Gateway's: what a gateway takes from one client. Not to be confused with Gateway API's
//! `XBackendTrafficPolicy`, which is [`backend_traffic_policy`](crate::backend_traffic_policy).
//! Source: <https://gateway.envoyproxy.io/docs/api/extension_types/#backendtrafficpolicy>.

use std::num::NonZeroU32;
use std::time::Duration;

use hallway_model::Cidr;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::manifest::Manifest;
use crate::names::{DnsSubdomain, IpBlock};
use crate::quantity::Quantity;

/// A `gateway.envoyproxy.io/v1alpha1 BackendTrafficPolicy`.
pub type EnvoyGatewayPolicy = Manifest<EnvoyGatewayPolicySpec>;

/// What some gateways take from one client: how many requests, and how long a body.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-unsupported" = {
    "circuitBreaker": "is not supported: write a DestinationRule for the service",
    "compression": "is not supported",
    "connection": "is not supported",
    "dns": "is not supported: services have names of the mesh",
    "faultInjection": "is not supported: faults belong to scenarios",
    "healthCheck": "is not supported",
    "http2": "is not supported",
    "httpUpgrade": "is not supported",
    "loadBalancer": "is not supported: write a DestinationRule for the service",
    "mergeType": "is not supported: one policy is for a gateway",
    "proxyProtocol": "is not supported",
    "responseOverride": "is not supported",
    "retry": "is not supported: write `retry` in the HTTPRoute",
    "targetRef": "is not supported: write `targetRefs`",
    "targetSelectors": "is not supported: write `targetRefs`",
    "tcpKeepalive": "is not supported",
    "telemetry": "is not supported",
    "timeout": "is not supported: write `timeouts` in the HTTPRoute",
    "useClientProtocol": "is not supported",
}))]
pub struct EnvoyGatewayPolicySpec {
    /// The gateways, all of the policy's namespace.
    #[schemars(length(min = 1, max = 16))]
    pub target_refs: Vec<PolicyTarget>,
    /// How many requests a client may make.
    #[serde(default)]
    pub rate_limit: Option<RateLimitSpec>,
    /// How long a request body may be.
    #[serde(default)]
    pub request_buffer: Option<RequestBuffer>,
}

/// A gateway of the policy's own namespace.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = { "sectionName": "is not supported: a policy is for a whole gateway" }))]
pub struct PolicyTarget {
    /// The API group.
    pub group: GatewayGroup,
    /// The kind.
    pub kind: GatewayKind,
    /// The name of the gateway.
    #[schemars(with = "DnsSubdomain")]
    pub name: String,
}

/// The API group of gateways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum GatewayGroup {
    /// `gateway.networking.k8s.io`
    #[serde(rename = "gateway.networking.k8s.io")]
    Gateway,
}

/// The kind of what a policy is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = {
    "GRPCRoute": "is not supported: a policy is for a whole Gateway",
    "HTTPRoute": "is not supported: a policy is for a whole Gateway",
}))]
pub enum GatewayKind {
    /// A `gateway.networking.k8s.io/v1 Gateway`.
    Gateway,
}

/// How many requests a client may make.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = { "global": "is not supported: each proxy counts for itself; use `local`" }))]
pub struct RateLimitSpec {
    /// Who counts.
    #[serde(rename = "type")]
    pub limit_type: RateLimitType,
    /// The limits.
    pub local: LocalRateLimit,
}

/// Who counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = { "Global": "is not supported: each proxy counts for itself; use `Local`" }))]
pub enum RateLimitType {
    /// Each proxy for itself.
    Local,
}

/// Limits, all of which hold.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct LocalRateLimit {
    /// The limits.
    #[schemars(length(min = 1, max = 16))]
    pub rules: Vec<RateLimitRule>,
}

/// A limit on the requests of some clients to each route.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-unsupported" = {
    "cost": "is not supported: a request counts once",
    "shared": "is not supported: each route has counters of its own",
}))]
pub struct RateLimitRule {
    /// The clients.
    #[schemars(length(min = 1, max = 1))]
    pub client_selectors: Vec<ClientSelector>,
    /// How much each of them may do.
    pub limit: RateLimitValue,
}

/// A choice of clients.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = {
    "headers": "is not supported: whoever sends a header can send another one",
    "methods": "is not supported",
    "path": "is not supported",
    "queryParams": "is not supported",
}))]
pub struct ClientSelector {
    /// By their addresses.
    #[serde(rename = "sourceCIDR")]
    pub source_cidr: SourceMatch,
}

/// A choice of addresses.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = { "invert": "is not supported" }))]
pub struct SourceMatch {
    /// How they are counted.
    #[serde(rename = "type")]
    pub match_type: SourceMatchType,
    /// The addresses.
    #[schemars(with = "IpBlock")]
    pub value: Cidr,
}

/// How addresses are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = { "Exact": "is not supported: it is one limit for all of them together; use `Distinct`" }))]
pub enum SourceMatchType {
    /// Each for itself.
    Distinct,
}

/// So many requests in so much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct RateLimitValue {
    /// How many.
    #[schemars(range(min = 1))]
    pub requests: NonZeroU32,
    /// In how much time.
    pub unit: RateLimitUnit,
}

/// An interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = {
    "Day": "is not supported: a proxy forgets its counters when it starts again; use `Hour`",
    "Month": "is not supported: a proxy forgets its counters when it starts again; use `Hour`",
    "Year": "is not supported: a proxy forgets its counters when it starts again; use `Hour`",
}))]
#[expect(missing_docs, reason = "the names are the intervals")]
pub enum RateLimitUnit {
    Second,
    Minute,
    Hour,
}

impl RateLimitUnit {
    /// How long it is.
    pub fn to_std(self) -> Duration {
        Duration::from_secs(match self {
            RateLimitUnit::Second => 1,
            RateLimitUnit::Minute => 60,
            RateLimitUnit::Hour => 3600,
        })
    }
}

/// How long a request body may be. The name is Envoy's, whose filter holds the body back until it is whole; here it is only counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct RequestBuffer {
    /// Bytes at most.
    pub limit: Quantity,
}
