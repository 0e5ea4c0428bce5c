//! Which tokens a workload believes. The shapes follow Istio's `RequestAuthentication`
//! (<https://istio.io/latest/docs/reference/config/security/request_authentication/>), already defaulted.

use serde::{Deserialize, Serialize};

use crate::{JsonWebKey, Origin};

/// The tokens of one issuer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct JwtRule {
    /// Where it was written.
    pub origin: Origin,
    /// Who issues them: their `iss`.
    pub issuer: String,
    /// For whom they are: one of these must be in their `aud`. None: for anybody.
    pub audiences: Vec<String>,
    /// The keys of the issuer.
    pub keys: Vec<JsonWebKey>,
    /// Whether the application gets to see them.
    pub forward_original_token: bool,
    /// Where they are looked for.
    pub from_headers: Vec<TokenHeader>,
}

/// A header that may hold a token.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct TokenHeader {
    /// The name, lower case.
    pub name: String,
    /// What stands before the token, such as `Bearer `; whether in upper or lower case does not matter.
    pub prefix: String,
}
