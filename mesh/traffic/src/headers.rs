//! Header filters of rules, and the headers that end at each hop.

use hallway_model::route::HeaderChanges;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};
use thiserror::Error;

/// Changes to headers, parsed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct HeaderEdits {
    set: Vec<(HeaderName, HeaderValue)>,
    add: Vec<(HeaderName, HeaderValue)>,
    remove: Vec<HeaderName>,
}

/// Why a header filter cannot be used.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum InvalidHeader {
    /// No header can have the name.
    #[error("`{0}` is no header name")]
    Name(String),
    /// No header can have the value.
    #[error("header `{0}`: its value has a character that no header can have")]
    Value(String),
    /// The header frames or routes the message: a filter that changed it could smuggle a second request.
    #[error("header `{0}` belongs to the connection; no filter may change it")]
    Reserved(HeaderName),
}

impl HeaderEdits {
    /// Parses `changes`.
    ///
    /// # Errors
    /// When a name or value is invalid, or a header is not a filter's to change.
    pub fn compile(changes: &HeaderChanges) -> Result<Self, InvalidHeader> {
        let pairs = |pairs: &[(String, String)]| {
            pairs
                .iter()
                .map(|(name, value)| Ok((header_name(name)?, header_value(name, value)?)))
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            set: pairs(&changes.set)?,
            add: pairs(&changes.add)?,
            remove: changes
                .remove
                .iter()
                .map(|name| header_name(name))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Applies the changes, in the order set, add, remove.
    pub fn apply(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.set {
            headers.insert(name.clone(), value.clone());
        }
        for (name, value) in &self.add {
            headers.append(name.clone(), value.clone());
        }
        for name in &self.remove {
            headers.remove(name);
        }
    }
}

fn header_name(name: &str) -> Result<HeaderName, InvalidHeader> {
    let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| InvalidHeader::Name(name.to_owned()))?;
    if is_framing(&parsed) || is_hop_by_hop(&parsed) {
        return Err(InvalidHeader::Reserved(parsed));
    }
    Ok(parsed)
}

fn header_value(name: &str, value: &str) -> Result<HeaderValue, InvalidHeader> {
    HeaderValue::from_str(value).map_err(|_| InvalidHeader::Value(name.to_owned()))
}

fn is_framing(name: &HeaderName) -> bool {
    name == HOST || name == CONTENT_LENGTH
}

/// Whether a header concerns one connection only (RFC 9110 §7.6.1), or is between a client and its proxy (§11.7). Every header
/// of every message is looked at: texts are told apart by their lengths first.
fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authorization"
            | "proxy-authenticate"
            | "te"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Removes the headers that concern the connection on which a message came: the well-known ones, and those that
/// `Connection` names. `Host` and `Content-Length` stay even if `Connection` names them: without them the next hop
/// would read another message than this one. For the same reason `Content-Length` goes where `Transfer-Encoding`
/// has overridden it (RFC 9112 §6.3).
pub fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if !headers.keys().any(is_hop_by_hop) {
        return;
    }
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
    let known: Vec<HeaderName> = headers
        .keys()
        .filter(|name| is_hop_by_hop(name))
        .cloned()
        .collect();
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        .filter(|name| !is_framing(name))
        .collect();
    for name in named.iter().chain(&known) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    fn changes(set: &[(&str, &str)], add: &[(&str, &str)], remove: &[&str]) -> HeaderChanges {
        let own = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        HeaderChanges {
            set: own(set),
            add: own(add),
            remove: remove.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn set_replaces_add_appends_remove_removes() {
        let edits = HeaderEdits::compile(&changes(&[("X-Version", "2")], &[("x-tag", "b")], &["x-secret"]))
            .expect("valid changes");
        let mut headers = map(&[
            ("x-version", "1"),
            ("x-version", "0"),
            ("x-tag", "a"),
            ("x-secret", "s"),
        ]);
        edits.apply(&mut headers);
        assert_eq!(
            headers,
            map(&[("x-version", "2"), ("x-tag", "a"), ("x-tag", "b")])
        );
    }

    #[test]
    fn a_filter_cannot_touch_the_framing() {
        for name in ["Content-Length", "transfer-encoding", "Host", "connection"] {
            let refused =
                HeaderEdits::compile(&changes(&[], &[], &[name])).expect_err("it belongs to the connection");
            assert!(matches!(refused, InvalidHeader::Reserved(_)), "{refused}");
        }
        let newline = HeaderEdits::compile(&changes(&[("a", "b\r\nc: d")], &[], &[]));
        assert_eq!(newline, Err(InvalidHeader::Value("a".to_owned())));
    }

    #[test]
    fn a_length_that_was_overridden_is_not_passed_on() {
        let mut headers = map(&[("content-length", "2"), ("transfer-encoding", "chunked")]);
        remove_hop_by_hop(&mut headers);
        assert_eq!(headers, HeaderMap::new());
    }

    #[test]
    fn what_connection_names_ends_here_and_framing_does_not() {
        let mut headers = map(&[
            ("connection", "close, X-Hop, content-length"),
            ("connection", "host"),
            ("x-hop", "1"),
            ("te", "trailers"),
            ("upgrade", "websocket"),
            ("keep-alive", "timeout=5"),
            ("proxy-authorization", "Basic c2VjcmV0"),
            ("content-length", "3"),
            ("host", "payments"),
            ("x-end", "2"),
        ]);
        remove_hop_by_hop(&mut headers);
        assert_eq!(
            headers,
            map(&[("content-length", "3"), ("host", "payments"), ("x-end", "2")])
        );
    }
}
