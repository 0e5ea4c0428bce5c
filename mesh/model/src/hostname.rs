//! Host names, and patterns of them, as Gateway API writes them
//! (<https://gateway-api.sigs.k8s.io/reference/spec/#hostname>).

use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A host name such as `shop.test`, or a pattern such as `*.shop.test`, which stands for every name that ends so, however many labels come
/// before. Lower case; never an address and never with a port.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hostname(String);

/// Why a text is no host name.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error(
    "`{0}` is no host name: expected labels of `a-z`, `0-9` and `-` with dots between them, such as `shop.test`, or `*.` and then such \
     a name; no port, no address"
)]
pub struct InvalidHostname(String);

/// The longest host name, in bytes. Source: RFC 1123, section 2.1.
const LONGEST: usize = 253;

/// The longest label of one, in bytes. Source: RFC 1035, section 2.3.4.
const LONGEST_LABEL: usize = 63;

impl Hostname {
    /// Parses a host name or a pattern.
    ///
    /// # Errors
    /// [`InvalidHostname`].
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidHostname> {
        let text = text.into();
        let name = text.strip_prefix("*.").unwrap_or(&text);
        let is_address = name.rsplit('.').next().is_some_and(is_number);
        if text.len() > LONGEST || is_address || !name.split('.').all(is_label) {
            return Err(InvalidHostname(text));
        }
        Ok(Self(text))
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it stands for more than one name.
    pub fn is_pattern(&self) -> bool {
        self.suffix().is_some()
    }

    /// Whether `host`, a name in lower case without a port, is one of those that this stands for. `*.test` does not stand for `test`.
    pub fn covers(&self, host: &str) -> bool {
        match self.suffix() {
            None => self.0 == host,
            Some(suffix) => host
                .strip_suffix(suffix)
                .is_some_and(|rest| !rest.is_empty() && !rest.ends_with('.')),
        }
    }

    /// The names that both stand for, as one of the two; none when there are no such names.
    pub fn intersection<'a>(&'a self, other: &'a Self) -> Option<&'a Self> {
        match (self.suffix(), other.suffix()) {
            (None, _) => other.covers(&self.0).then_some(self),
            (_, None) => self.covers(&other.0).then_some(other),
            (Some(own), Some(others)) if own.ends_with(others) => Some(self),
            (Some(own), Some(others)) => others.ends_with(own).then_some(other),
        }
    }

    /// Sorts the more specific first: names before patterns, and the longer before the shorter. Source: Gateway API, `HTTPRoute.spec.hostnames`.
    pub fn precedence(&self) -> impl Ord + use<> {
        (self.is_pattern(), Reverse(self.0.len()))
    }

    /// What follows the `*` of a pattern, with its dot.
    fn suffix(&self) -> Option<&str> {
        self.0.strip_prefix('*')
    }
}

fn is_label(label: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=LONGEST_LABEL).contains(&label.len())
        && label.bytes().all(allowed)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// A last label of digits would make the name an IPv4 address (RFC 1123, section 2.1).
fn is_number(label: &str) -> bool {
    label.bytes().all(|byte| byte.is_ascii_digit())
}

impl FromStr for Hostname {
    type Err = InvalidHostname;

    fn from_str(text: &str) -> Result<Self, InvalidHostname> {
        Self::new(text)
    }
}

impl TryFrom<String> for Hostname {
    type Error = InvalidHostname;

    fn try_from(text: String) -> Result<Self, InvalidHostname> {
        Self::new(text)
    }
}

impl From<Hostname> for String {
    fn from(hostname: Hostname) -> Self {
        hostname.0
    }
}

impl fmt::Display for Hostname {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Hostname;

    fn hostname(text: &str) -> Hostname {
        text.parse().expect("a host name")
    }

    #[test]
    fn what_is_no_host_name_is_refused() {
        for text in [
            "",
            "*",
            "*.",
            "Shop.test",
            "shop..test",
            ".test",
            "test.",
            "-a.test",
            "a-.test",
            "shop.test:80",
            "10.0.0.1",
            "*.1",
            "a.*.test",
            "[::1]",
            "a_b.test",
        ] {
            Hostname::new(text).expect_err(text);
        }
        let long = "a.".repeat(127) + "a";
        Hostname::new(long).expect_err("255 bytes");
    }

    #[test]
    fn a_pattern_covers_names_below_it_and_not_itself() {
        let shops = hostname("*.shop.test");
        for (host, covered) in [
            ("eu.shop.test", true),
            ("a.eu.shop.test", true),
            ("shop.test", false),
            (".shop.test", false),
            ("..shop.test", false),
            ("workshop.test", false),
        ] {
            assert_eq!(shops.covers(host), covered, "{host}");
        }
        assert!(hostname("shop.test").covers("shop.test"));
        assert!(!hostname("shop.test").covers("eu.shop.test"));
    }

    #[test]
    fn an_intersection_is_the_narrower_of_the_two() {
        for (one, other, both) in [
            ("shop.test", "shop.test", Some("shop.test")),
            ("shop.test", "*.test", Some("shop.test")),
            ("*.shop.test", "*.test", Some("*.shop.test")),
            ("*.test", "test", None),
            ("shop.test", "other.test", None),
            ("*.shop.test", "*.workshop.test", None),
        ] {
            let (one, other) = (hostname(one), hostname(other));
            let expected = both.map(hostname);
            assert_eq!(one.intersection(&other), expected.as_ref(), "{one} and {other}");
            assert_eq!(other.intersection(&one), expected.as_ref(), "{other} and {one}");
        }
    }

    #[test]
    fn names_come_before_patterns_and_longer_ones_before_shorter() {
        let mut names: Vec<Hostname> = ["*.test", "a.test", "*.shop.test", "eu.shop.test"]
            .map(hostname)
            .into();
        names.sort_by_key(Hostname::precedence);
        assert_eq!(
            names,
            ["eu.shop.test", "a.test", "*.shop.test", "*.test"].map(hostname)
        );
    }
}
