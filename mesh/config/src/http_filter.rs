//! Filters of an HTTPRoute's rules: changes to requests and responses, and redirects.
//! Source: <https://gateway-api.sigs.k8s.io/reference/spec/#httproutefilter>; limits and defaults are those of the CRD.

use hallway_model::Hostname;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::names::{HeaderName, HeaderValue, PreciseHostname};

/// A change to the request or the response. Each type at most once in a rule.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(tag = "type")]
#[schemars(extend("x-unsupported" = {
    "CORS": "is not supported: it belongs to a gateway",
    "ExtensionRef": "is not supported: there are no extensions",
    "ExternalAuth": "is not supported yet",
    "RequestMirror": "is not supported yet",
}))]
pub enum HttpRouteFilter {
    /// Changes to the headers of the request.
    RequestHeaderModifier {
        /// The changes.
        #[serde(rename = "requestHeaderModifier")]
        modifier: HttpHeaderFilter,
    },
    /// Changes to the headers of the response.
    ResponseHeaderModifier {
        /// The changes.
        #[serde(rename = "responseHeaderModifier")]
        modifier: HttpHeaderFilter,
    },
    /// Sends the caller somewhere else, instead of forwarding the request.
    RequestRedirect {
        /// Where.
        #[serde(rename = "requestRedirect")]
        redirect: HttpRequestRedirect,
    },
    /// Changes to what is asked for, before the request is forwarded.
    #[serde(rename = "URLRewrite")]
    UrlRewrite {
        /// The changes.
        #[serde(rename = "urlRewrite")]
        rewrite: HttpUrlRewrite,
    },
}

impl HttpRouteFilter {
    /// The word that files write under `type`.
    pub fn type_name(&self) -> &'static str {
        match self {
            HttpRouteFilter::RequestHeaderModifier { .. } => "RequestHeaderModifier",
            HttpRouteFilter::ResponseHeaderModifier { .. } => "ResponseHeaderModifier",
            HttpRouteFilter::RequestRedirect { .. } => "RequestRedirect",
            HttpRouteFilter::UrlRewrite { .. } => "URLRewrite",
        }
    }
}

/// Where a caller is sent instead; what is absent stays as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpRequestRedirect {
    /// The scheme.
    #[serde(default)]
    pub scheme: Option<RedirectScheme>,
    /// The host.
    #[serde(default)]
    #[schemars(with = "Option<PreciseHostname>")]
    pub hostname: Option<Hostname>,
    /// The path.
    #[serde(default)]
    pub path: Option<HttpPathModifier>,
    /// The port; when absent, the one that belongs to `scheme`, and without that the listener's.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// The status. The default is 302.
    #[serde(default = "default_status_code")]
    #[schemars(extend("enum" = [301, 302, 303, 307, 308]))]
    pub status_code: u16,
}

/// A scheme that a caller can be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are the schemes")]
pub enum RedirectScheme {
    Http,
    Https,
}

impl RedirectScheme {
    /// The scheme as URLs spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            RedirectScheme::Http => "http",
            RedirectScheme::Https => "https",
        }
    }
}

/// Changes to what a request asks for; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct HttpUrlRewrite {
    /// The host.
    #[serde(default)]
    #[schemars(with = "Option<PreciseHostname>")]
    pub hostname: Option<Hostname>,
    /// The path.
    #[serde(default)]
    pub path: Option<HttpPathModifier>,
}

/// A change of a path. Queries stay.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum HttpPathModifier {
    /// This takes the place of the whole path.
    ReplaceFullPath {
        /// The path.
        #[serde(rename = "replaceFullPath")]
        #[schemars(length(max = 1024))]
        value: String,
    },
    /// This takes the place of the prefix by which the rule was selected.
    ReplacePrefixMatch {
        /// The prefix; may be empty.
        #[serde(rename = "replacePrefixMatch")]
        #[schemars(length(max = 1024))]
        value: String,
    },
}

/// Changes to headers, applied in the order set, add, remove.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct HttpHeaderFilter {
    /// Replace or create.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub set: Vec<HttpHeader>,
    /// Append a value.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub add: Vec<HttpHeader>,
    /// Remove all values.
    #[serde(default)]
    #[schemars(with = "Vec<HeaderName>", length(max = 16))]
    pub remove: Vec<String>,
}

/// A header.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct HttpHeader {
    /// The name, in any case.
    #[schemars(with = "HeaderName")]
    pub name: String,
    /// The value.
    #[schemars(with = "HeaderValue")]
    pub value: String,
}

fn default_status_code() -> u16 {
    302
}
