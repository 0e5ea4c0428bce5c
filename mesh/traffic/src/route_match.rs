//! Which rule of a route table a request selects.
//!
//! The precedence is Gateway API's (`HTTPRouteRule.matches`,
//! <https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule>): an exact path, a regular expression, the longest
//! prefix; then a match that names the method; then more header conditions; then more query conditions; then the rule
//! that was written first. Where Gateway API leaves regular expressions to the implementation, this follows Envoy
//! Gateway and Cilium: before prefixes, since the catch-all prefix `/` would shadow every one of them, and the longer
//! pattern first.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use hallway_model::route::{NamedMatch, PathMatch, ValueMatch};
use hallway_model::{RouteMatch, Rule};
use http::{HeaderMap, HeaderName, Method};
use regex::{Regex, RegexBuilder};
use thiserror::Error;

use crate::route::{CompiledRule, RouteError};

/// What routes look at in a request.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// The method.
    pub method: &'a Method,
    /// The path, without its query, as it was sent.
    pub path: &'a str,
    /// The query, as it was sent: names and values are not percent-decoded, as in Envoy.
    pub query: Option<&'a str>,
    /// The headers.
    pub headers: &'a HeaderMap,
}

/// The rule that a request selected.
#[derive(Clone, Copy, Debug)]
pub struct Selection<'a> {
    /// The rule.
    pub rule: &'a Arc<CompiledRule>,
    /// Whether the match that selected it names the request's method; see [`crate::retry`].
    pub names_method: bool,
    /// How many bytes of the path are the prefix by which it was selected, without a slash at its end; 0 when it was selected otherwise.
    pub matched_prefix: usize,
}

/// Why a pattern cannot be used.
#[derive(Debug, Error)]
pub enum InvalidPattern {
    /// It is no regular expression, or compiles to more than [`COMPILED_PATTERN_LIMIT`].
    #[error("`{pattern}` is no regular expression that this proxy accepts: {source}")]
    RegularExpression {
        /// The pattern.
        pattern: String,
        /// What the compiler says.
        source: Box<regex::Error>,
    },
    /// It is longer than [`PATTERN_LIMIT`].
    #[error("a regular expression of {length} bytes is too long; the limit is {PATTERN_LIMIT}")]
    TooLong {
        /// Its length, in bytes.
        length: usize,
    },
    /// A header condition has a name that no header can have.
    #[error("`{0}` is no header name")]
    HeaderName(String),
    /// The method has a character that no method can have.
    #[error("`{0}` is no method")]
    Method(String),
}

/// The longest regular expression, in bytes: the longest that Gateway API lets one write.
pub const PATTERN_LIMIT: usize = 4096;

/// The memory that one compiled regular expression may take, in bytes.
pub const COMPILED_PATTERN_LIMIT: usize = 256 * 1024;

/// All matches of a table, arranged so that a lookup takes time in the length of the path and not in the number of
/// rules, but for regular expressions.
#[derive(Debug)]
pub(crate) struct RouteIndex {
    exact: BTreeMap<String, Vec<Candidate>>,
    regular: Vec<(Regex, Candidate)>,
    /// Without trailing slashes, so that `/` is the empty text.
    prefixes: BTreeMap<String, Vec<Candidate>>,
}

/// Where a lookup led.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Found {
    pub(crate) rule: usize,
    pub(crate) names_method: bool,
    pub(crate) matched_prefix: usize,
}

/// One match, without its path.
#[derive(Debug)]
struct Candidate {
    rule: usize,
    method: Option<Method>,
    headers: Vec<(HeaderName, ValuePattern)>,
    query: Vec<(String, ValuePattern)>,
}

#[derive(Debug)]
enum ValuePattern {
    Exact(String),
    RegularExpression(Regex),
}

impl RouteIndex {
    pub(crate) fn compile(rules: &[Rule]) -> Result<Self, RouteError> {
        let mut index = Self {
            exact: BTreeMap::new(),
            regular: Vec::new(),
            prefixes: BTreeMap::new(),
        };
        for (position, rule) in rules.iter().enumerate() {
            for route_match in &rule.matches {
                index
                    .insert(position, route_match)
                    .map_err(|source| RouteError::Pattern {
                        rule: rule.name.clone(),
                        source,
                    })?;
            }
        }
        index.sort();
        Ok(index)
    }

    fn insert(&mut self, rule: usize, route_match: &RouteMatch) -> Result<(), InvalidPattern> {
        let candidate = Candidate::compile(rule, route_match)?;
        match &route_match.path {
            PathMatch::Exact(path) => self.exact.entry(path.clone()).or_default().push(candidate),
            PathMatch::Prefix(prefix) => {
                let prefix = prefix.trim_end_matches('/').to_owned();
                self.prefixes.entry(prefix).or_default().push(candidate);
            }
            PathMatch::RegularExpression(pattern) => {
                self.regular.push((whole_match(pattern)?, candidate));
            }
        }
        Ok(())
    }

    /// Sorts candidates of equal paths. The sort is stable, which leaves the order of the rules as the last word.
    fn sort(&mut self) {
        for candidates in self.exact.values_mut().chain(self.prefixes.values_mut()) {
            candidates.sort_by_key(Candidate::precedence);
        }
        self.regular
            .sort_by_key(|(regex, candidate)| (usize::MAX - regex.as_str().len(), candidate.precedence()));
    }

    pub(crate) fn find(&self, request: &RequestHead<'_>) -> Option<Found> {
        let exact = self.exact.get(request.path).into_iter().flatten();
        let regular = self.regular.iter().filter_map(|(regex, candidate)| {
            (candidate.accepts(request) && regex.is_match(request.path)).then_some(candidate)
        });
        let prefixes = path_prefixes(request.path)
            .filter_map(|prefix| Some((prefix.len(), self.prefixes.get(prefix)?)))
            .flat_map(|(length, candidates)| candidates.iter().map(move |candidate| (length, candidate)));
        exact
            .chain(regular)
            .map(|candidate| (0, candidate))
            .chain(prefixes)
            .find(|(_, candidate)| candidate.accepts(request))
            .map(|(matched_prefix, candidate)| Found {
                rule: candidate.rule,
                names_method: candidate.method.is_some(),
                matched_prefix,
            })
    }
}

impl Candidate {
    fn compile(rule: usize, route_match: &RouteMatch) -> Result<Self, InvalidPattern> {
        let method = match &route_match.method {
            Some(method) => Some(
                Method::from_bytes(method.as_bytes()).map_err(|_| InvalidPattern::Method(method.clone()))?,
            ),
            None => None,
        };
        let mut headers = Vec::new();
        for NamedMatch { name, value } in first_of_each_name(&route_match.headers) {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| InvalidPattern::HeaderName(name.clone()))?;
            headers.push((name, ValuePattern::compile(value)?));
        }
        let mut query = Vec::new();
        for NamedMatch { name, value } in first_of_each_name(&route_match.query) {
            query.push((name.clone(), ValuePattern::compile(value)?));
        }
        Ok(Self {
            rule,
            method,
            headers,
            query,
        })
    }

    /// Smaller is better.
    fn precedence(&self) -> (bool, usize, usize) {
        (
            self.method.is_none(),
            usize::MAX - self.headers.len(),
            usize::MAX - self.query.len(),
        )
    }

    fn accepts(&self, request: &RequestHead<'_>) -> bool {
        self.method.as_ref().is_none_or(|method| method == request.method)
            && self.headers.iter().all(|(name, pattern)| {
                header_value(request.headers, name).is_some_and(|value| pattern.accepts(&value))
            })
            && self.query.iter().all(|(name, pattern)| {
                query_value(request.query, name).is_some_and(|value| pattern.accepts(value))
            })
    }
}

impl ValuePattern {
    fn compile(value: &ValueMatch) -> Result<Self, InvalidPattern> {
        Ok(match value {
            ValueMatch::Exact(text) => Self::Exact(text.clone()),
            ValueMatch::RegularExpression(pattern) => Self::RegularExpression(whole_match(pattern)?),
        })
    }

    fn accepts(&self, value: &str) -> bool {
        match self {
            Self::Exact(text) => text == value,
            Self::RegularExpression(regex) => regex.is_match(value),
        }
    }
}

/// Gateway API: of several conditions on one name, only the first counts.
fn first_of_each_name(conditions: &[NamedMatch]) -> impl Iterator<Item = &NamedMatch> {
    conditions.iter().enumerate().filter_map(|(position, condition)| {
        let seen = conditions[..position]
            .iter()
            .any(|earlier| earlier.name == condition.name);
        (!seen).then_some(condition)
    })
}

/// Compiles `pattern` so that it must match a whole text.
fn whole_match(pattern: &str) -> Result<Regex, InvalidPattern> {
    if pattern.len() > PATTERN_LIMIT {
        return Err(InvalidPattern::TooLong {
            length: pattern.len(),
        });
    }
    let compile = |text: &str| {
        RegexBuilder::new(text)
            .size_limit(COMPILED_PATTERN_LIMIT)
            .build()
            .map_err(|source| InvalidPattern::RegularExpression {
                pattern: pattern.to_owned(),
                source: Box::new(source),
            })
    };
    // By itself first: `a)|(b` becomes a valid pattern, with another meaning, between parentheses.
    compile(pattern)?;
    compile(&format!("^(?:{pattern})$"))
}

/// `/a/b`, `/a` and the empty text for `/a/b`.
fn path_prefixes(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |longer| longer.rfind('/').map(|end| &longer[..end]))
}

/// The value of a header; of a repeated one, all values joined with commas (RFC 9110 §5.3). None when it is absent or
/// not text.
fn header_value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Cow<'a, str>> {
    let mut values = headers
        .get_all(name)
        .iter()
        .map(|value| std::str::from_utf8(value.as_bytes()).ok());
    let first = values.next()??;
    let mut joined = Cow::Borrowed(first);
    for value in values {
        let joined = joined.to_mut();
        joined.push(',');
        joined.push_str(value?);
    }
    Some(joined)
}

/// The first value of a query parameter; a parameter without `=` has the empty value.
fn query_value<'a>(query: Option<&'a str>, name: &str) -> Option<&'a str> {
    query?.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key == name).then_some(value)
    })
}
