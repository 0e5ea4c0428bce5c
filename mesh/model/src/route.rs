//! Route tables. The shapes follow Gateway API's `HTTPRoute`
//! (<https://gateway-api.sigs.k8s.io/reference/spec/#httproute>), already defaulted and resolved.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::millis;
use crate::{ClusterName, Hostname, Origin};

/// How requests to one service port are routed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RouteTable {
    /// The service and port that it stands for, such as `shop/payments:80`.
    pub name: String,
    /// The authorities under which this proxy's application may call it, lower case, such as `payments`,
    /// `payments.shop`, `payments.shop.svc.cluster.local`, each also with `:80`; without a port when it is 80.
    pub authorities: Vec<String>,
    /// The rules, in the order in which they were written. The last one may be the implicit rule of a service that no
    /// route is attached to: everything to its own cluster.
    pub rules: Vec<Rule>,
}

/// One rule: when one of `matches` holds, this is what happens to the request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Rule {
    /// Its name in logs and metrics: the route's, and the rule's own name or position, such as `shop/checkout#1`.
    pub name: String,
    /// Where it was written; absent for an implicit rule.
    pub origin: Option<Origin>,
    /// Any of these selects the rule. Never empty: the default is the path prefix `/`.
    pub matches: Vec<RouteMatch>,
    /// Changes to the headers of the request.
    pub request_headers: HeaderChanges,
    /// Changes to the headers of the response.
    pub response_headers: HeaderChanges,
    /// Sends the caller somewhere else, instead of forwarding the request; a rule with it has no backends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect: Option<Redirect>,
    /// Changes to what is asked for, before the request is forwarded.
    #[serde(default, skip_serializing_if = "Rewrite::is_nothing")]
    pub rewrite: Rewrite,
    /// Where the request goes. Empty, or of weight 0 in total: answered with 500.
    pub backends: Vec<Backend>,
    /// Deadlines.
    pub timeouts: Timeouts,
    /// When and how to try again.
    pub retry: Option<Retry>,
}

impl Rule {
    /// The route that it is part of, such as `shop/checkout`.
    pub fn route(&self) -> &str {
        self.name.split_once('#').map_or(&self.name, |(route, _)| route)
    }
}

/// What a request must look like. All parts must hold.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RouteMatch {
    /// The path, without its query.
    pub path: PathMatch,
    /// Header conditions; of several values of a header, joined with commas.
    pub headers: Vec<NamedMatch>,
    /// Query parameter conditions; of a repeated parameter, its first value.
    pub query: Vec<NamedMatch>,
    /// The method, such as `GET`.
    pub method: Option<String>,
}

/// A condition on the path.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PathMatch {
    /// The whole path.
    Exact(String),
    /// Whole path elements from the front: `/abc` matches `/abc` and `/abc/d`, not `/abcd`.
    Prefix(String),
    /// A regular expression (RE2 syntax) that matches the whole path.
    RegularExpression(String),
}

/// A condition on a header or a query parameter.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct NamedMatch {
    /// The name; of a header, in lower case.
    pub name: String,
    /// The condition on its value.
    pub value: ValueMatch,
}

/// A condition on a value.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueMatch {
    /// The whole value.
    Exact(String),
    /// A regular expression (RE2 syntax) that matches the whole value.
    RegularExpression(String),
}

/// Changes to headers, applied in the order set, add, remove.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct HeaderChanges {
    /// Replace or create.
    pub set: Vec<(String, String)>,
    /// Append a value.
    pub add: Vec<(String, String)>,
    /// Remove all values.
    pub remove: Vec<String>,
}

/// Where a caller is sent instead; what is absent stays as it was asked for.
/// Source: Gateway API, `HTTPRequestRedirectFilter`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Redirect {
    /// `http` or `https`.
    pub scheme: Option<String>,
    /// The host.
    pub hostname: Option<Hostname>,
    /// The path.
    pub path: Option<PathChange>,
    /// The port; when absent, the one that belongs to `scheme`, and without that the listener's.
    pub port: Option<u16>,
    /// The status: 301, 302, 303, 307 or 308.
    pub status: u16,
}

/// Changes to what a request asks for; what is absent stays as it is. Source: Gateway API, `HTTPURLRewriteFilter`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Rewrite {
    /// The host.
    pub hostname: Option<Hostname>,
    /// The path.
    pub path: Option<PathChange>,
}

impl Rewrite {
    /// Whether it changes nothing.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// A change of a path. Queries stay. Source: Gateway API, `HTTPPathModifier`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PathChange {
    /// This takes the place of the whole path.
    ReplaceFullPath(String),
    /// This takes the place of the prefix by which the rule was selected. All matches of such a rule are prefixes.
    ReplacePrefixMatch(String),
}

/// A weighted reference.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Backend {
    /// Where its share of the requests goes.
    pub target: Target,
    /// Its part of the sum of all weights.
    pub weight: u32,
}

/// What a backend stands for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A cluster.
    Cluster(ClusterName),
    /// Something that does not exist: its share is answered with 500, as Gateway API asks.
    Unresolved {
        /// What is missing.
        reason: String,
    },
}

/// Deadlines. Absent means none. Source: GEP-1742.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Timeouts {
    /// From the arrival of the request to the end of the response, all attempts included.
    #[serde(with = "millis::optional")]
    pub request: Option<Duration>,
    /// For each attempt, from sending it to the end of the response.
    #[serde(with = "millis::optional")]
    pub backend_request: Option<Duration>,
}

/// When and how to try again. Source: GEP-1731.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Retry {
    /// The response codes that are tried again. Failures to connect, resets and per-attempt timeouts are too.
    pub codes: Vec<u16>,
    /// How many times to try again, beside the first attempt.
    pub attempts: u32,
    /// The least pause before trying again; it doubles with each further attempt, and jitter is added.
    #[serde(with = "millis")]
    pub backoff: Duration,
}
