//! `gateway.networking.x-k8s.io/v1alpha1 XBackendTrafficPolicy`: how much callers may try again, all together (GEP-3388).
//! Source: <https://gateway-api.sigs.k8s.io/reference/specx/>; limits and defaults are those of its CRD.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::duration::GatewayDuration;
use crate::http_route::{CoreGroup, ServiceKind};
use crate::manifest::Manifest;
use crate::names::DnsSubdomain;

/// A `gateway.networking.x-k8s.io/v1alpha1 XBackendTrafficPolicy`.
pub type BackendTrafficPolicy = Manifest<BackendTrafficPolicySpec>;

/// How much of their requests the callers of some services may try again (a retry budget). Each caller's sidecar counts for itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-unsupported" = { "sessionPersistence": "is not supported yet" }))]
pub struct BackendTrafficPolicySpec {
    /// The services, all of the policy's namespace.
    #[schemars(length(min = 1, max = 16))]
    pub target_refs: Vec<LocalPolicyTargetReference>,
    /// How much may be tried again; when absent, as much as the routes say.
    #[serde(default)]
    pub retry_constraint: Option<RetryConstraint>,
}

/// A service of the policy's own namespace.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct LocalPolicyTargetReference {
    /// The API group: `""` for a Service.
    pub group: CoreGroup,
    /// The kind.
    pub kind: ServiceKind,
    /// The name of the service.
    #[schemars(with = "DnsSubdomain")]
    pub name: String,
}

/// How much may be tried again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetryConstraint {
    /// The share of requests that may be tried again.
    #[serde(default)]
    pub budget: Budget,
    /// What may be tried again however few requests there are.
    #[serde(default)]
    pub min_retry_rate: RequestRate,
}

/// A share of the requests of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Budget {
    /// So many retries for a hundred requests. The default is 20.
    #[schemars(range(max = 100))]
    pub percent: u32,
    /// Over how much time, from `1s` to `1h`. The default is `10s`.
    pub interval: GatewayDuration,
}

/// So many requests in so much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RequestRate {
    /// How many. The default is 10.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub count: u32,
    /// In how much time, from `1s` to `1h`. The default is `1s`.
    pub interval: GatewayDuration,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget {
            percent: 20,
            interval: GatewayDuration::from_millis(10_000).expect("10 s are within bounds"),
        }
    }
}

impl Default for RequestRate {
    fn default() -> RequestRate {
        RequestRate {
            count: 10,
            interval: GatewayDuration::from_millis(1_000).expect("1 s is within bounds"),
        }
    }
}
