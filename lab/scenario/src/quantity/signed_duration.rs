//! Durations into the future or the past.

use std::fmt;
use std::time::Duration;

use hallway_config::GatewayDuration;
use serde::{Deserialize, Serialize};

use super::quantity;

/// A duration with a sign: `1h`, `-30m`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct SignedDuration {
    is_negative: bool,
    magnitude: GatewayDuration,
}

impl SignedDuration {
    /// Whether it points into the past.
    pub fn is_negative(self) -> bool {
        self.is_negative
    }

    /// Without its sign.
    pub fn magnitude(self) -> Duration {
        self.magnitude.to_std()
    }
}

quantity!(
    SignedDuration,
    "a duration, with `-` if it points into the past",
    r"^-?([0-9]{1,5}(h|m|s|ms)){1,4}$",
    "-1h",
    |text| {
        let (is_negative, magnitude) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let magnitude = magnitude.parse().ok()?;
        Some(SignedDuration {
            is_negative,
            magnitude,
        })
    }
);

impl fmt::Display for SignedDuration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_negative { "-" } else { "" };
        write!(formatter, "{sign}{}", self.magnitude)
    }
}
