//! `security.istio.io/v1 AuthorizationPolicy`: who may do what at a workload.
//! Source: <https://istio.io/latest/docs/reference/config/security/authorization-policy/>.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::manifest::Manifest;
use crate::names::{MethodCondition, PathCondition, TextCondition};
use crate::string_match::StringMatch;
use crate::workload_selector::WorkloadSelector;

/// A `security.istio.io/v1 AuthorizationPolicy`.
pub type AuthorizationPolicy = Manifest<AuthorizationPolicySpec>;

/// Who may do what at the workloads of a namespace, or at some of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = {
    "provider": "is not supported: requests are judged by rules, not by a service",
    "targetRef": "is not supported: choose workloads with a `selector`",
    "targetRefs": "is not supported: choose workloads with a `selector`",
}))]
pub struct AuthorizationPolicySpec {
    /// The workloads that it applies to; when absent, all of the namespace.
    #[serde(default)]
    pub selector: Option<WorkloadSelector>,
    /// What becomes of a request that one of the rules matches. The default is `ALLOW`.
    #[serde(default)]
    pub action: Action,
    /// Any of these matches. Without any, the policy never matches: with `ALLOW` it allows nothing.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(extend("x-unsupported" = {
    "AUDIT": "is not supported: the access log has every request",
    "CUSTOM": "is not supported: requests are judged by rules, not by a service",
}))]
pub enum Action {
    /// It may pass; what no policy allows may not.
    #[default]
    Allow,
    /// It may not pass.
    Deny,
}

/// Some source does some operation. An empty rule matches every request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = { "when": "is not supported: a rule can ask for `from` and `to`" }))]
pub struct Rule {
    /// Any of these; when absent, everybody.
    #[serde(default)]
    #[schemars(length(min = 1, max = 512))]
    pub from: Option<Vec<From>>,
    /// Any of these; when absent, everything.
    #[serde(default)]
    #[schemars(length(min = 1, max = 512))]
    pub to: Option<Vec<To>>,
}

/// A source.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct From {
    /// Who asks.
    pub source: Source,
}

/// An operation.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct To {
    /// What is asked for.
    pub operation: Operation,
}

/// Who asks: all of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-unsupported" = {
    "ipBlocks": "is not supported: addresses prove nothing; use `principals` or `namespaces`",
    "notIpBlocks": "is not supported: addresses prove nothing; use `notPrincipals` or `notNamespaces`",
    "notRemoteIpBlocks": "is not supported: addresses prove nothing; use `notPrincipals` or `notNamespaces`",
    "notServiceAccounts": "is not supported: use `notPrincipals`",
    "remoteIpBlocks": "is not supported: addresses prove nothing; use `principals` or `namespaces`",
    "serviceAccounts": "is not supported: use `principals`",
}))]
pub struct Source {
    /// Its SPIFFE ID without `spiffe://`: `hallway.test/ns/shop/sa/orders`, or `cluster.local/…` for the mesh's own trust domain.
    #[schemars(with = "Vec<TextCondition>", length(min = 1))]
    pub principals: Vec<StringMatch>,
    /// What its SPIFFE ID is not.
    #[schemars(with = "Vec<TextCondition>", length(min = 1))]
    pub not_principals: Vec<StringMatch>,
    /// The issuer and the subject of the token that came with the request: `https://issuer.test/ann`.
    #[schemars(with = "Vec<TextCondition>", length(min = 1))]
    pub request_principals: Vec<StringMatch>,
    /// What they are not.
    #[schemars(with = "Vec<TextCondition>", length(min = 1))]
    pub not_request_principals: Vec<StringMatch>,
    /// Its namespace.
    #[schemars(with = "Vec<TextCondition>", length(min = 1))]
    pub namespaces: Vec<StringMatch>,
    /// What its namespace is not.
    #[schemars(with = "Vec<TextCondition>", length(min = 1))]
    pub not_namespaces: Vec<StringMatch>,
}

/// What is asked for: all of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-unsupported" = {
    "hosts": "is not supported: a workload is one application; choose it with a `selector`",
    "notHosts": "is not supported: a workload is one application; choose it with a `selector`",
    "notPorts": "is not supported: a workload has one port; choose it with a `selector`",
    "ports": "is not supported: a workload has one port; choose it with a `selector`",
}))]
pub struct Operation {
    /// The method.
    #[schemars(with = "Vec<MethodCondition>", length(min = 1))]
    pub methods: Vec<StringMatch>,
    /// What the method is not.
    #[schemars(with = "Vec<MethodCondition>", length(min = 1))]
    pub not_methods: Vec<StringMatch>,
    /// The path without its query, with its escapes decoded.
    #[schemars(with = "Vec<PathCondition>", length(min = 1))]
    pub paths: Vec<StringMatch>,
    /// What the path is not.
    #[schemars(with = "Vec<PathCondition>", length(min = 1))]
    pub not_paths: Vec<StringMatch>,
}
