//! What a rewritten request asks for. Source: Gateway API, `HTTPURLRewriteFilter` and `HTTPPathModifier`
//! (<https://gateway-api.sigs.k8s.io/reference/spec/#httppathmodifier>).

use hallway_model::Rule;
use hallway_model::route::{PathChange, PathMatch};
use http::uri::PathAndQuery;
use thiserror::Error;

/// Why a change of a path cannot be made.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum InvalidPathChange {
    /// It would lead to something that is no path.
    #[error("`{0}` cannot take the place of a path: it must begin with `/`")]
    Path(String),
    /// There is no prefix to replace.
    #[error("a prefix can only be replaced where all matches of the rule are prefixes")]
    NoPrefix,
}

/// The path and query that `change` makes of a request for `path` with `query`. The first `matched_prefix` bytes of the path are the prefix by
/// which the rule was selected, without a slash at its end; see [`Selection`](crate::Selection).
pub fn target(change: &PathChange, path: &str, query: Option<&str>, matched_prefix: usize) -> String {
    let mut target = changed_path(change, path, matched_prefix);
    if let Some(query) = query {
        target.push('?');
        target.push_str(query);
    }
    target
}

/// The same without the query. A slash at the end of the replacement does not count, unless nothing else is left.
pub(crate) fn changed_path(change: &PathChange, path: &str, matched_prefix: usize) -> String {
    match change {
        PathChange::ReplaceFullPath(replacement) => replacement.clone(),
        PathChange::ReplacePrefixMatch(replacement) => {
            let rest = path.get(matched_prefix..).unwrap_or_default();
            let changed = format!("{}{rest}", replacement.trim_end_matches('/'));
            if changed.is_empty() {
                "/".to_owned()
            } else {
                changed
            }
        }
    }
}

/// Whether the changes that `rule` makes to paths can be made, whatever the request.
pub(crate) fn check(rule: &Rule) -> Result<(), InvalidPathChange> {
    let redirect = rule.redirect.as_ref().and_then(|redirect| redirect.path.as_ref());
    for change in redirect.into_iter().chain(&rule.rewrite.path) {
        let is_path = |text: &str| {
            let parsed = PathAndQuery::try_from(text);
            text.starts_with('/')
                && parsed.is_ok_and(|parsed| parsed.as_str() == text && parsed.path() == text)
        };
        match change {
            PathChange::ReplaceFullPath(path) if is_path(path) => {}
            PathChange::ReplacePrefixMatch(prefix) if prefix.is_empty() || is_path(prefix) => {
                let is_prefix = |path: &PathMatch| matches!(path, PathMatch::Prefix(_));
                if !rule.matches.iter().all(|request| is_prefix(&request.path)) {
                    return Err(InvalidPathChange::NoPrefix);
                }
            }
            PathChange::ReplaceFullPath(text) | PathChange::ReplacePrefixMatch(text) => {
                return Err(InvalidPathChange::Path(text.clone()));
            }
        }
    }
    Ok(())
}
