//! Conditions on texts, as Istio's policies write them.

use hallway_model::authorization::TextMatch;
use schemars::JsonSchema;
use serde::Deserialize;

/// `abc`, `abc*`, `*abc` or `*`. Letters count as they are written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct StringMatch(String);

impl StringMatch {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it asks for.
    pub fn condition(&self) -> TextMatch {
        match (self.0.strip_prefix('*'), self.0.strip_suffix('*')) {
            (Some(""), _) => TextMatch::Present,
            (Some(suffix), _) => TextMatch::Suffix(suffix.to_owned()),
            (_, Some(prefix)) => TextMatch::Prefix(prefix.to_owned()),
            (None, None) => TextMatch::Exact(self.0.clone()),
        }
    }
}
