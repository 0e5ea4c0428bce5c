//! Who may do what at a workload. The shapes follow Istio's `AuthorizationPolicy`
//! (<https://istio.io/latest/docs/reference/config/security/authorization-policy/>), already defaulted and resolved.

use serde::{Deserialize, Serialize};

use crate::Origin;

/// One policy.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct AuthorizationPolicy {
    /// What becomes of a request that one of its rules matches.
    pub action: AuthorizationAction,
    /// Any of these matches the policy. None: the policy never matches.
    pub rules: Vec<AuthorizationRule>,
}

/// What becomes of a request that a policy matches.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthorizationAction {
    /// It may pass, and what no policy allows may not.
    Allow,
    /// It may not pass, whatever other policies allow.
    Deny,
}

/// One rule: some source does some operation.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct AuthorizationRule {
    /// Its name in logs: the policy's, and its position, such as `shop/need-to-know#1`.
    pub name: String,
    /// Where it was written.
    pub origin: Origin,
    /// Any of these; everybody when there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<Source>,
    /// Any of these; everything when there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<Operation>,
}

/// Who asks. All parts must hold; an empty list asks for nothing.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Source {
    /// The SPIFFE ID of the peer, without `spiffe://`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub principals: Vec<TextMatch>,
    /// What it is not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_principals: Vec<TextMatch>,
    /// The issuer and the subject of the token that came with the request: `https://issuer.test/ann`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub request_principals: Vec<TextMatch>,
    /// What they are not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_request_principals: Vec<TextMatch>,
    /// The namespace in the SPIFFE ID of the peer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<TextMatch>,
    /// What it is not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_namespaces: Vec<TextMatch>,
}

/// What is asked for. All parts must hold; an empty list asks for nothing.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Operation {
    /// The method.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<TextMatch>,
    /// What it is not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_methods: Vec<TextMatch>,
    /// The path without its query, with its escapes decoded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<TextMatch>,
    /// What it is not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_paths: Vec<TextMatch>,
}

/// A condition on a text. Letters count as they are written.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TextMatch {
    /// This very text: `abc`.
    Exact(String),
    /// It begins so: `abc*`.
    Prefix(String),
    /// It ends so: `*abc`.
    Suffix(String),
    /// There is one, and it is not empty: `*`.
    Present,
}
