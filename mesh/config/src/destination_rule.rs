//! `networking.istio.io/v1 DestinationRule`: how callers treat a service.
//! Source: <https://istio.io/latest/docs/reference/config/networking/destination-rule/>.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::manifest::Manifest;
use crate::resources::NamespacedName;

/// A `networking.istio.io/v1 DestinationRule`.
pub type DestinationRule = Manifest<DestinationRuleSpec>;

/// How callers treat a service: how they choose an endpoint of it, and how much may be under way at once.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-unsupported" = {
    "exportTo": "is not supported: a rule is seen by the whole mesh",
    "subsets": "is not supported: give each version a Service of its own and split with an HTTPRoute",
    "workloadSelector": "is not supported: a rule applies to all callers",
}))]
pub struct DestinationRuleSpec {
    /// The service: `payments`, `payments.shop`, `payments.shop.svc` or `payments.shop.svc.cluster.local`.
    #[schemars(length(min = 1))]
    pub host: String,
    /// The treatment.
    #[serde(default)]
    pub traffic_policy: TrafficPolicy,
}

/// The treatment of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-unsupported" = {
    "outlierDetection": "is not supported yet",
    "portLevelSettings": "is not supported: a policy applies to all ports",
    "proxyProtocol": "is not supported: sidecars know each other by certificate",
    "retryBudget": "is not supported: write an XBackendTrafficPolicy",
    "tls": "is not supported: callers follow the service's PeerAuthentication",
    "tunnel": "is not supported: sidecars speak to each other directly",
}))]
pub struct TrafficPolicy {
    /// How an endpoint is chosen.
    #[serde(default)]
    pub load_balancer: LoadBalancer,
    /// How much may be under way at once.
    #[serde(default)]
    pub connection_pool: ConnectionPool,
}

/// How an endpoint is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = {
    "consistentHash": "is not supported yet; use `simple`",
    "localityLbSetting": "is not supported: there is one locality",
    "warmup": "is not supported yet",
    "warmupDurationSecs": "is not supported yet",
}))]
pub struct LoadBalancer {
    /// The algorithm. The default is `LEAST_REQUEST`.
    #[serde(default)]
    pub simple: SimpleLoadBalancer,
}

/// An algorithm that chooses an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(extend("x-unsupported" = {
    "LEAST_CONN": "is not supported: Istio has replaced it with `LEAST_REQUEST`",
    "PASSTHROUGH": "is not supported: the mesh chooses the endpoint",
    "UNSPECIFIED": "is not supported: leave the field out for the default, `LEAST_REQUEST`",
}))]
pub enum SimpleLoadBalancer {
    /// Of two endpoints drawn at random, the one with fewer requests under way. Istio's default.
    #[default]
    LeastRequest,
    /// One after the other.
    RoundRobin,
    /// At random.
    Random,
}

/// Limits on what is under way at once (circuit breaker).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct ConnectionPool {
    /// Limits on connections.
    #[serde(default)]
    pub tcp: TcpSettings,
    /// Limits on requests.
    #[serde(default)]
    pub http: HttpSettings,
}

/// Limits on connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-unsupported" = {
    "connectTimeout": "is not supported yet",
    "idleTimeout": "is not supported yet",
    "maxConnectionDuration": "is not supported yet",
    "tcpKeepalive": "is not supported yet",
}))]
pub struct TcpSettings {
    /// The most connections to the service from one caller.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub max_connections: Option<u32>,
}

/// Limits on requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-unsupported" = {
    "h2UpgradePolicy": "is not supported yet",
    "idleTimeout": "is not supported yet",
    "maxConcurrentStreams": "is not supported yet",
    "maxRequestsPerConnection": "is not supported yet",
    "maxRetries": "is not supported yet",
    "useClientProtocol": "is not supported yet",
}))]
pub struct HttpSettings {
    /// The most requests that may wait for a connection to the service.
    #[serde(default, rename = "http1MaxPendingRequests")]
    #[schemars(range(min = 1))]
    pub http1_max_pending_requests: Option<u32>,
    /// The most requests to the service that may be under way, whatever the version of HTTP.
    #[serde(default, rename = "http2MaxRequests")]
    #[schemars(range(min = 1))]
    pub http2_max_requests: Option<u32>,
}

impl DestinationRule {
    /// The service that `host` names, seen from the rule's namespace; none if it cannot be the name of a service.
    pub fn service(&self) -> Option<NamespacedName> {
        let host = self.spec.host.as_str();
        let host = host
            .strip_suffix(".svc.cluster.local")
            .or_else(|| host.strip_suffix(".svc"))
            .unwrap_or(host);
        let (name, namespace) = host.split_once('.').unwrap_or((host, &self.metadata.namespace));
        let is_label = |text: &str| {
            let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            !text.is_empty() && text.bytes().all(allowed)
        };
        (is_label(name) && is_label(namespace)).then(|| NamespacedName::new(namespace, name))
    }
}
