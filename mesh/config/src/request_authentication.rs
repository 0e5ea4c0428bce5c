//! `security.istio.io/v1 RequestAuthentication`: which tokens a workload believes.
//! Source: <https://istio.io/latest/docs/reference/config/security/request_authentication/>.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::manifest::Manifest;
use crate::names::{HeaderName, HeaderPrefix};
use crate::workload_selector::WorkloadSelector;

/// A `security.istio.io/v1 RequestAuthentication`.
pub type RequestAuthentication = Manifest<RequestAuthenticationSpec>;

/// Which tokens the workloads of a namespace, or some of them, believe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-unsupported" = {
    "targetRef": "is not supported: choose workloads with a `selector`",
    "targetRefs": "is not supported: choose workloads with a `selector`",
}))]
pub struct RequestAuthenticationSpec {
    /// The workloads that it applies to; when absent, all of the namespace.
    #[serde(default)]
    pub selector: Option<WorkloadSelector>,
    /// The issuers, each with its keys. A request without a token passes; one with a token that no rule believes does not.
    #[schemars(length(min = 1, max = 16))]
    pub jwt_rules: Vec<JwtRule>,
}

/// The tokens of one issuer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-unsupported" = {
    "fromCookies": "is not supported: send the token in a header",
    "fromParams": "is not supported: addresses end up in logs; send the token in a header",
    "jwksUri": "is not supported: write the keys into the rule, as `jwks`",
    "jwks_uri": "is not supported: write the keys into the rule, as `jwks`",
    "outputClaimToHeaders": "is not supported: demand claims with an AuthorizationPolicy",
    "outputPayloadToHeader": "is not supported: with `forwardOriginalToken` the application sees the token itself",
    "spaceDelimitedClaims": "is not supported: rules can ask for issuer and subject",
    "timeout": "is not supported: keys are not fetched",
}))]
pub struct JwtRule {
    /// Who issues them: their `iss`.
    #[schemars(length(min = 1))]
    pub issuer: String,
    /// For whom they are: one of these must be in their `aud`. When absent, for anybody.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub audiences: Option<Vec<String>>,
    /// The keys of the issuer, a JSON Web Key Set (RFC 7517).
    pub jwks: String,
    /// Whether the application gets to see the token.
    #[serde(default)]
    pub forward_original_token: bool,
    /// Where to look for it; when absent, `Authorization: Bearer …`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 16))]
    pub from_headers: Option<Vec<JwtHeader>>,
}

/// A header that may hold a token.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct JwtHeader {
    /// The name.
    #[schemars(with = "HeaderName")]
    pub name: String,
    /// What stands before the token, such as `Bearer `.
    #[serde(default)]
    #[schemars(with = "HeaderPrefix")]
    pub prefix: String,
}
