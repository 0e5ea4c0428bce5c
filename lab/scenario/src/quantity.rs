//! Shares, rates and comparisons as people write them.
//!
//! Each is a text with one pattern, which is at once its JSON Schema and the check of its parser.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A text that is no such quantity.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{text}` is no {name}: expected one such as `{example}`")]
pub struct QuantityError {
    text: String,
    name: &'static str,
    example: &'static str,
}

/// A probability: `10%`, or `1 in 10`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Share(f64);

/// A percentage: `15%`, `99.9%`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Percentage(f64);

/// A percentage that is exact, or a bound: `100%`, `>= 99%`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct ShareBound {
    operator: Operator,
    percentage: Percentage,
}

/// A count that is exact, or a bound: `20`, `>= 20`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Comparison {
    operator: Operator,
    count: u64,
}

/// Requests per time: `100/s`, `30/m`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate {
    requests: u32,
    unit: RateUnit,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Operator {
    Equal,
    AtLeast,
    AtMost,
    Above,
    Below,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum RateUnit {
    Second,
    Minute,
}

impl Share {
    /// As a probability, from 0 to 1.
    pub fn probability(self) -> f64 {
        self.0
    }
}

impl Percentage {
    /// As a fraction, from 0 to 1.
    pub fn fraction(self) -> f64 {
        self.0 / 100.0
    }
}

impl ShareBound {
    /// Whether `part` of `whole` satisfies it. Of nothing, no share satisfies anything: there is no evidence.
    pub fn holds(self, part: u64, whole: u64) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^52")]
        let (part, bound) = (part as f64, self.percentage.fraction() * whole as f64);
        // The bound is a decimal fraction of a count: equality means "to the nearest millionth of a request".
        let equal = (part - bound).abs() < 1e-6;
        whole > 0
            && match self.operator {
                Operator::Equal => equal,
                Operator::AtLeast => equal || part > bound,
                Operator::AtMost => equal || part < bound,
                Operator::Above => !equal && part > bound,
                Operator::Below => !equal && part < bound,
            }
    }
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

impl Rate {
    /// The time from one request to the next.
    pub fn interval(self) -> Duration {
        let unit = match self.unit {
            RateUnit::Second => Duration::from_secs(1),
            RateUnit::Minute => Duration::from_secs(60),
        };
        unit / self.requests
    }
}

impl Default for Rate {
    /// 20/s.
    fn default() -> Self {
        Self {
            requests: 20,
            unit: RateUnit::Second,
        }
    }
}

impl Operator {
    /// The operator that `text` starts with, and the rest.
    fn split(text: &str) -> (Self, &str) {
        const SYMBOLS: [(&str, Operator); 5] = [
            (">=", Operator::AtLeast),
            ("<=", Operator::AtMost),
            (">", Operator::Above),
            ("<", Operator::Below),
            ("=", Operator::Equal),
        ];
        for (symbol, operator) in SYMBOLS {
            if let Some(rest) = text.strip_prefix(symbol) {
                return (operator, rest.trim_start());
            }
        }
        (Self::Equal, text)
    }

    fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "",
            Self::AtLeast => ">= ",
            Self::AtMost => "<= ",
            Self::Above => "> ",
            Self::Below => "< ",
        }
    }
}

/// Ties a quantity to its name, pattern and example: the conversions and the schema follow from them.
macro_rules! quantity {
    ($type:ident, $name:literal, $pattern:literal, $example:literal, $parse:expr) => {
        impl TryFrom<String> for $type {
            type Error = QuantityError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                let parse: fn(&str) -> Option<Self> = $parse;
                parse(text.trim()).ok_or(QuantityError { text, name: $name, example: $example })
            }
        }

        impl From<$type> for String {
            fn from(quantity: $type) -> Self {
                quantity.to_string()
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "title": $name,
                    "pattern": $pattern,
                    "examples": [$example],
                })
            }
        }
    };
}

quantity!(
    Share,
    "share",
    r"^([0-9]+(\.[0-9]+)?%|[0-9]+ in [0-9]+)$",
    "1 in 10",
    |text| {
        let probability = match text.split_once(" in ") {
            Some((part, whole)) => part.parse::<f64>().ok()? / whole.parse::<f64>().ok()?,
            None => text.strip_suffix('%')?.parse::<f64>().ok()? / 100.0,
        };
        (0.0..=1.0).contains(&probability).then_some(Share(probability))
    }
);

quantity!(Percentage, "percentage", r"^[0-9]+(\.[0-9]+)?%$", "15%", |text| {
    let percent = text.strip_suffix('%')?.parse::<f64>().ok()?;
    (0.0..=100.0).contains(&percent).then_some(Percentage(percent))
});

quantity!(
    ShareBound,
    "share bound",
    r"^(([<>]=?|=) ?)?[0-9]+(\.[0-9]+)?%$",
    ">= 99%",
    |text| {
        let (operator, rest) = Operator::split(text);
        Some(ShareBound {
            operator,
            percentage: Percentage::try_from(rest.to_owned()).ok()?,
        })
    }
);

quantity!(
    Comparison,
    "comparison",
    r"^(([<>]=?|=) ?)?[0-9]+$",
    ">= 20",
    |text| {
        let (operator, rest) = Operator::split(text);
        Some(Comparison {
            operator,
            count: rest.parse().ok()?,
        })
    }
);

quantity!(Rate, "rate", r"^[1-9][0-9]*/[sm]$", "100/s", |text| {
    let (requests, unit) = text.split_once('/')?;
    let unit = match unit {
        "s" => RateUnit::Second,
        "m" => RateUnit::Minute,
        _ => return None,
    };
    let requests = requests.parse().ok().filter(|requests| *requests > 0)?;
    Some(Rate { requests, unit })
});

impl fmt::Display for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}%", self.0 * 100.0)
    }
}

impl fmt::Display for Percentage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}%", self.0)
    }
}

impl fmt::Display for ShareBound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.operator.symbol(), self.percentage)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.operator.symbol(), self.count)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            RateUnit::Second => "s",
            RateUnit::Minute => "m",
        };
        write!(formatter, "{}/{unit}", self.requests)
    }
}
