//! Parts of a whole, and bounds on them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::comparison::Operator;
use super::{is_digits, quantity};

/// A probability: `10%`, or `1 in 10`. Shares are equal if their probabilities are, however they were written.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Share {
    part: f64,
    whole: f64,
}

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

impl Share {
    /// As a probability, from 0 to 1.
    pub fn probability(self) -> f64 {
        self.part / self.whole
    }
}

impl PartialEq for Share {
    fn eq(&self, other: &Self) -> bool {
        self.probability() == other.probability()
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

quantity!(
    Share,
    "a share",
    r"^([0-9]{1,15}(\.[0-9]+)?%|[0-9]{1,15} in [0-9]{1,15})$",
    "1 in 10",
    |text| {
        let share = match text.split_once(" in ") {
            Some((part, whole)) if is_digits(part) && is_digits(whole) => Share {
                part: decimal(part)?,
                whole: decimal(whole)?,
            },
            _ => Share {
                part: decimal(text.strip_suffix('%')?)?,
                whole: 100.0,
            },
        };
        (share.whole > 0.0 && share.part <= share.whole).then_some(share)
    }
);

quantity!(
    Percentage,
    "a percentage",
    r"^[0-9]{1,15}(\.[0-9]+)?%$",
    "15%",
    |text| {
        let percent = decimal(text.strip_suffix('%')?)?;
        (percent <= 100.0).then_some(Percentage(percent))
    }
);

quantity!(
    ShareBound,
    "a percentage, or a bound on it",
    r"^(([<>]=?|=) ?)?[0-9]{1,15}(\.[0-9]+)?%$",
    ">= 99%",
    |text| {
        let (operator, rest) = Operator::split(text);
        Some(ShareBound {
            operator,
            percentage: Percentage::try_from(rest.to_owned()).ok()?,
        })
    }
);

/// `[0-9]{1,15}(\.[0-9]+)?`: whole numbers of so many digits are exact.
fn decimal(text: &str) -> Option<f64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if !is_digits(whole) || whole.len() > 15 || !is_digits(fraction) {
        return None;
    }
    text.parse().ok()
}

impl fmt::Display for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.whole == 100.0 {
            write!(formatter, "{}%", self.part)
        } else {
            write!(formatter, "{} in {}", self.part, self.whole)
        }
    }
}

impl fmt::Display for Percentage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}%", self.0)
    }
}

impl fmt::Display for ShareBound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.operator, self.percentage)
    }
}
