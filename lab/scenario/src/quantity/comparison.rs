//! Counts, and bounds on them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{is_digits, quantity};

/// A count that is exact, or a bound: `20`, `>= 20`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Comparison {
    operator: Operator,
    count: u64,
}

/// How a number is compared with a bound.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Operator {
    Equal,
    AtLeast,
    AtMost,
    Above,
    Below,
}

impl Comparison {
    /// Whether `count` satisfies it.
    pub fn holds(self, count: u64) -> bool {
        match self.operator {
            Operator::Equal => count == self.count,
            Operator::AtLeast => count >= self.count,
            Operator::AtMost => count <= self.count,
            Operator::Above => count > self.count,
            Operator::Below => count < self.count,
        }
    }
}

impl Operator {
    const SYMBOLS: [(&str, Self); 5] = [
        (">=", Self::AtLeast),
        ("<=", Self::AtMost),
        (">", Self::Above),
        ("<", Self::Below),
        ("=", Self::Equal),
    ];

    /// The operator that `text` starts with, and the rest; no operator means equality.
    pub(super) fn split(text: &str) -> (Self, &str) {
        let starting = Self::SYMBOLS
            .iter()
            .find_map(|(symbol, operator)| text.strip_prefix(symbol).map(|rest| (*operator, rest)));
        match starting {
            Some((operator, rest)) => (operator, rest.strip_prefix(' ').unwrap_or(rest)),
            None => (Self::Equal, text),
        }
    }
}

/// The symbol and a blank; nothing for equality.
impl fmt::Display for Operator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Equal => "",
            Self::AtLeast => ">= ",
            Self::AtMost => "<= ",
            Self::Above => "> ",
            Self::Below => "< ",
        })
    }
}

quantity!(
    Comparison,
    "a count, or a bound on it",
    r"^(([<>]=?|=) ?)?[0-9]+$",
    ">= 20",
    |text| {
        let (operator, rest) = Operator::split(text);
        let count = if is_digits(rest) {
            rest.parse().ok()?
        } else {
            return None;
        };
        Some(Comparison { operator, count })
    }
);

impl fmt::Display for Comparison {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.operator, self.count)
    }
}
