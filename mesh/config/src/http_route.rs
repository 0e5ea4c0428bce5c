//! `gateway.networking.k8s.io/v1 HTTPRoute`, attached to gateways, and to services (GAMMA, GEP-1294).
//! Source: <https://gateway-api.sigs.k8s.io/reference/spec/#httproute>; limits and defaults are those of its CRD.

use hallway_model::Hostname;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::duration::GatewayDuration;
use crate::http_filter::HttpRouteFilter;
use crate::manifest::Manifest;
use crate::names::{DnsLabel, DnsSubdomain, HeaderName, HostnamePattern};
use crate::resources::NamespacedName;

/// A `gateway.networking.k8s.io/v1 HTTPRoute`.
pub type HttpRoute = Manifest<HttpRouteSpec>;

/// Which requests go where, and what is done to them on the way: those that come through a gateway, and those that services send to a service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-unsupported" = {
    "useDefaultGateways": "is not supported: name the gateway in `parentRefs`",
}))]
pub struct HttpRouteSpec {
    /// The gateways and services whose requests it routes.
    #[schemars(length(min = 1, max = 32))]
    pub parent_refs: Vec<ParentRef>,
    /// The host names that it is for, at gateways; when empty, all of a listener's.
    #[serde(default)]
    #[schemars(with = "Vec<HostnamePattern>", length(max = 16))]
    pub hostnames: Vec<Hostname>,
    /// The rules. The default is one that matches everything and has no backend.
    #[serde(default = "default_rules")]
    #[schemars(length(min = 1, max = 16))]
    pub rules: Vec<HttpRouteRule>,
}

/// A gateway or a service to which a route is attached.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParentRef {
    /// The API group: `gateway.networking.k8s.io`, the default, for a Gateway, and `""` for a Service.
    #[serde(default)]
    pub group: ParentGroup,
    /// The kind. The default is `Gateway`.
    #[serde(default)]
    pub kind: ParentKind,
    /// The name of the gateway or service.
    #[schemars(with = "DnsSubdomain")]
    pub name: String,
    /// The namespace of the gateway or service; when absent, the route's.
    #[serde(default)]
    #[schemars(with = "Option<DnsLabel>")]
    pub namespace: Option<String>,
    /// The listener of the gateway; when absent, all that fit.
    #[serde(default)]
    #[schemars(with = "Option<DnsSubdomain>")]
    pub section_name: Option<String>,
    /// The port of the gateway or service; when absent, all ports.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
}

impl ParentRef {
    /// The parent, seen from a route in `namespace`.
    pub fn target(&self, namespace: &str) -> NamespacedName {
        NamespacedName::new(self.namespace.as_deref().unwrap_or(namespace), &self.name)
    }
}

/// The API group of what a route is attached to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = { "core": "is not supported: the group of a Service is written `\"\"`" }))]
pub enum ParentGroup {
    /// `gateway.networking.k8s.io`
    #[default]
    #[serde(rename = "gateway.networking.k8s.io")]
    Gateway,
    /// `""`
    #[serde(rename = "")]
    Core,
}

/// The kind of what a route is attached to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum ParentKind {
    /// A `gateway.networking.k8s.io/v1 Gateway`.
    #[default]
    Gateway,
    /// A `v1 Service`.
    Service,
}

/// The API group of Kubernetes' own kinds, written `""`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = {
    "core": "is not supported: the group of a Service is written `\"\"`",
    "gateway.networking.k8s.io": "is not supported here: refer to a Service, with group `\"\"`",
}))]
pub enum CoreGroup {
    /// `""`
    #[default]
    #[serde(rename = "")]
    Core,
}

/// The kind of what a rule or a policy refers to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = { "Gateway": "is not supported here: refer to a Service" }))]
pub enum ServiceKind {
    /// A `v1 Service`.
    #[default]
    Service,
}

/// What happens to the requests that match.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-unsupported" = { "sessionPersistence": "is not supported yet" }))]
pub struct HttpRouteRule {
    /// Its name, unique in the route.
    #[serde(default)]
    #[schemars(with = "Option<DnsSubdomain>")]
    pub name: Option<String>,
    /// Any of these selects the rule. The default matches everything.
    #[serde(default = "default_matches")]
    #[schemars(length(min = 1, max = 64))]
    pub matches: Vec<HttpRouteMatch>,
    /// Changes to the request and the response.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub filters: Vec<HttpRouteFilter>,
    /// Where requests go, by weight. Without any, they are answered with 500.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub backend_refs: Vec<HttpBackendRef>,
    /// Deadlines: how long a request and each attempt may take.
    #[serde(default)]
    pub timeouts: HttpRouteTimeouts,
    /// When and how to try again.
    #[serde(default)]
    pub retry: Option<HttpRouteRetry>,
}

/// What a request must look like: all of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpRouteMatch {
    /// The path. The default matches every path.
    #[serde(default)]
    pub path: HttpPathMatch,
    /// Headers, all of which must match.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub headers: Vec<HttpHeaderMatch>,
    /// Query parameters, all of which must match.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub query_params: Vec<HttpQueryParamMatch>,
    /// The method; when absent, any.
    #[serde(default)]
    pub method: Option<HttpMethod>,
}

/// A condition on the path.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct HttpPathMatch {
    /// How `value` is compared. The default is `PathPrefix`.
    #[serde(rename = "type", default)]
    pub match_type: PathMatchType,
    /// The path, prefix or expression.
    #[serde(default = "default_path")]
    #[schemars(length(max = 1024))]
    pub value: String,
}

impl Default for HttpPathMatch {
    fn default() -> HttpPathMatch {
        HttpPathMatch {
            match_type: PathMatchType::default(),
            value: default_path(),
        }
    }
}

/// How a path is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum PathMatchType {
    /// The whole path, case-sensitive.
    Exact,
    /// Whole path elements from the front: `/abc` matches `/abc` and `/abc/d`, not `/abcd`.
    #[default]
    PathPrefix,
    /// A regular expression (RE2 syntax) that matches the whole path.
    RegularExpression,
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum ValueMatchType {
    /// The whole value, case-sensitive.
    #[default]
    Exact,
    /// A regular expression (RE2 syntax) that matches the whole value.
    RegularExpression,
}

/// A condition on a header.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct HttpHeaderMatch {
    /// How `value` is compared. The default is `Exact`.
    #[serde(rename = "type", default)]
    pub match_type: ValueMatchType,
    /// The name, in any case.
    #[schemars(with = "HeaderName")]
    pub name: String,
    /// The value or expression.
    #[schemars(length(min = 1, max = 4096))]
    pub value: String,
}

/// A condition on a query parameter.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct HttpQueryParamMatch {
    /// How `value` is compared. The default is `Exact`.
    #[serde(rename = "type", default)]
    pub match_type: ValueMatchType,
    /// The name, case-sensitive.
    #[schemars(with = "HeaderName")]
    pub name: String,
    /// The value or expression.
    #[schemars(length(min = 1, max = 1024))]
    pub value: String,
}

/// A request method. Source: RFC 9110, section 9, and RFC 5789.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names are the methods")]
pub enum HttpMethod {
    Get,
    Head,
    Post,
    Put,
    Delete,
    Connect,
    Options,
    Trace,
    Patch,
}

impl HttpMethod {
    /// The method as requests spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            HttpMethod::Get => "GET",
            HttpMethod::Head => "HEAD",
            HttpMethod::Post => "POST",
            HttpMethod::Put => "PUT",
            HttpMethod::Delete => "DELETE",
            HttpMethod::Connect => "CONNECT",
            HttpMethod::Options => "OPTIONS",
            HttpMethod::Trace => "TRACE",
            HttpMethod::Patch => "PATCH",
        }
    }
}

/// A weighted reference to a service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = { "filters": "is not supported yet; use the filters of the rule" }))]
pub struct HttpBackendRef {
    /// The API group: `""`, the default, for a Service.
    #[serde(default)]
    pub group: CoreGroup,
    /// The kind. The default is `Service`.
    #[serde(default)]
    pub kind: ServiceKind,
    /// The name of the service.
    #[schemars(with = "DnsSubdomain")]
    pub name: String,
    /// The namespace of the service; when absent, the route's.
    #[serde(default)]
    #[schemars(with = "Option<DnsLabel>")]
    pub namespace: Option<String>,
    /// The port of the service.
    #[schemars(range(min = 1))]
    pub port: u16,
    /// Its part of the sum of all weights; 0 for none.
    #[serde(default = "default_weight")]
    #[schemars(range(max = 1_000_000))]
    pub weight: u32,
}

/// Deadlines. Absent or `0s` means none. Source: GEP-1742.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpRouteTimeouts {
    /// For the whole request, all attempts included; none when absent.
    #[serde(default)]
    pub request: Option<GatewayDuration>,
    /// For each attempt; none when absent.
    #[serde(default)]
    pub backend_request: Option<GatewayDuration>,
}

/// When and how to try again. Source: GEP-1731.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct HttpRouteRetry {
    /// The response codes that are tried again, beside failures to connect.
    #[serde(default)]
    #[schemars(with = "Vec<RetryCode>")]
    pub codes: Vec<u16>,
    /// How many times to try again, beside the first attempt. The default is 1, as in Envoy.
    #[serde(default = "default_attempts")]
    pub attempts: u32,
    /// The least pause before trying again. The default is 25 ms, as in Envoy.
    #[serde(default = "default_backoff")]
    pub backoff: GatewayDuration,
}

/// A response code that can be tried again.
#[derive(JsonSchema)]
#[schemars(title = "a response code from 400 to 599")]
struct RetryCode(
    #[schemars(range(min = 400, max = 599))]
    #[expect(dead_code, reason = "only its schema is used")]
    u16,
);

fn default_rules() -> Vec<HttpRouteRule> {
    vec![HttpRouteRule {
        name: None,
        matches: default_matches(),
        filters: Vec::new(),
        backend_refs: Vec::new(),
        timeouts: HttpRouteTimeouts::default(),
        retry: None,
    }]
}

fn default_matches() -> Vec<HttpRouteMatch> {
    vec![HttpRouteMatch::default()]
}

fn default_path() -> String {
    "/".to_owned()
}

fn default_weight() -> u32 {
    1
}

fn default_attempts() -> u32 {
    1
}

fn default_backoff() -> GatewayDuration {
    GatewayDuration::from_millis(25).expect("25 ms is within bounds")
}
