//! Durations as Gateway API writes them (GEP-2257: <https://gateway-api.sigs.k8s.io/geps/gep-2257/>).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The pattern that GEP-2257 prescribes.
const PATTERN: &str = "^([0-9]{1,5}(h|m|s|ms)){1,4}$";

/// The units from the largest to the smallest, with their lengths in milliseconds.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// The longest duration that has a canonical form, in milliseconds: `99999h59m59s999ms`.
const LONGEST: u64 = 100_000 * 3_600_000 - 1;

/// A duration in whole milliseconds, at most `99999h59m59s999ms`. Displays in GEP-2257's canonical form: `1h30m`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct GatewayDuration {
    milliseconds: u64,
}

/// Why a text or duration is not a GEP-2257 duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDuration {
    /// It does not match the pattern.
    #[error(
        "`{0}` is not a duration: write one to four whole numbers with units `h`, `m`, `s` or `ms`, such as `1m30s`"
    )]
    Syntax(String),
    /// It is longer than the longest canonical form.
    #[error("a duration can be no longer than 99999h59m59s999ms")]
    TooLong,
    /// It has parts of a millisecond.
    #[error("a duration has no parts smaller than a millisecond")]
    TooFine,
}

impl GatewayDuration {
    /// A duration of whole milliseconds.
    ///
    /// # Errors
    /// When it is longer than `99999h59m59s999ms`.
    pub fn from_millis(milliseconds: u64) -> Result<GatewayDuration, InvalidDuration> {
        if milliseconds > LONGEST {
            return Err(InvalidDuration::TooLong);
        }
        Ok(GatewayDuration { milliseconds })
    }

    /// The duration as the standard library has it.
    pub fn to_std(self) -> Duration {
        Duration::from_millis(self.milliseconds)
    }

    /// The duration, or none if it is zero: in Gateway API, a timeout of `0s` is no timeout.
    pub fn nonzero(self) -> Option<Duration> {
        (self.milliseconds > 0).then(|| self.to_std())
    }
}

impl TryFrom<Duration> for GatewayDuration {
    type Error = InvalidDuration;

    fn try_from(duration: Duration) -> Result<GatewayDuration, InvalidDuration> {
        if !duration.subsec_nanos().is_multiple_of(1_000_000) {
            return Err(InvalidDuration::TooFine);
        }
        let milliseconds = u64::try_from(duration.as_millis()).map_err(|_| InvalidDuration::TooLong)?;
        GatewayDuration::from_millis(milliseconds)
    }
}

impl FromStr for GatewayDuration {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<GatewayDuration, InvalidDuration> {
        let syntax = || InvalidDuration::Syntax(text.to_owned());
        let mut rest = text;
        let mut milliseconds = 0;
        for _ in 0..4 {
            let digits = rest.len()
                - rest
                    .trim_start_matches(|character: char| character.is_ascii_digit())
                    .len();
            if !(1..=5).contains(&digits) {
                return Err(syntax());
            }
            let value: u64 = rest[..digits].parse().map_err(|_| syntax())?;
            rest = &rest[digits..];
            let unit_length = rest
                .find(|character: char| character.is_ascii_digit())
                .unwrap_or(rest.len());
            let unit = UNITS.iter().find(|(unit, _)| *unit == &rest[..unit_length]);
            milliseconds += value * unit.ok_or_else(syntax)?.1;
            rest = &rest[unit_length..];
            if rest.is_empty() {
                return GatewayDuration::from_millis(milliseconds);
            }
        }
        Err(syntax())
    }
}

impl fmt::Display for GatewayDuration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.milliseconds == 0 {
            return formatter.write_str("0s");
        }
        let mut rest = self.milliseconds;
        for (unit, length) in UNITS {
            if rest >= length {
                write!(formatter, "{}{unit}", rest / length)?;
                rest %= length;
            }
        }
        Ok(())
    }
}

impl TryFrom<String> for GatewayDuration {
    type Error = InvalidDuration;

    fn try_from(text: String) -> Result<GatewayDuration, InvalidDuration> {
        text.parse()
    }
}

impl From<GatewayDuration> for String {
    fn from(duration: GatewayDuration) -> String {
        duration.to_string()
    }
}

impl JsonSchema for GatewayDuration {
    fn schema_name() -> Cow<'static, str> {
        "GatewayDuration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "title": "a duration (GEP-2257)",
            "pattern": PATTERN,
            "examples": ["250ms", "1m30s"],
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    /// The test vectors of GEP-2257.
    #[test]
    fn the_test_vectors_hold() {
        let parsed = [
            ("0h", "0s"),
            ("0s", "0s"),
            ("0h0m0s", "0s"),
            ("1h", "1h"),
            ("30m", "30m"),
            ("10s", "10s"),
            ("500ms", "500ms"),
            ("2h30m", "2h30m"),
            ("150m", "2h30m"),
            ("7230s", "2h30s"),
            ("1h30m10s", "1h30m10s"),
            ("10s30m1h", "1h30m10s"),
            ("100ms200ms300ms", "600ms"),
            ("00060m", "1h"),
        ];
        for (text, canonical) in parsed {
            assert_eq!(
                text.parse::<GatewayDuration>()
                    .map(|duration| duration.to_string()),
                Ok(canonical.to_owned())
            );
        }
        for text in [
            "",
            "0",
            "1",
            "1m1",
            "1d",
            "1h30m10s20ms50h",
            "999999h",
            "1.5h",
            "-15m",
            "1 s",
            "1h ",
        ] {
            assert_eq!(
                text.parse::<GatewayDuration>(),
                Err(InvalidDuration::Syntax(text.to_owned()))
            );
        }
        assert_eq!(
            "99999h99999h".parse::<GatewayDuration>(),
            Err(InvalidDuration::TooLong)
        );
        assert_eq!(
            GatewayDuration::try_from(Duration::from_micros(500)),
            Err(InvalidDuration::TooFine)
        );
        assert_eq!(
            GatewayDuration::try_from(Duration::MAX - Duration::from_nanos(999_999_999)),
            Err(InvalidDuration::TooLong)
        );
    }

    #[test]
    fn zero_is_no_timeout() {
        assert_eq!(
            "0s".parse::<GatewayDuration>().map(GatewayDuration::nonzero),
            Ok(None)
        );
        assert_eq!(
            "1ms".parse::<GatewayDuration>().map(GatewayDuration::nonzero),
            Ok(Some(Duration::from_millis(1)))
        );
    }

    proptest! {
        #[test]
        fn the_canonical_form_is_read_back(milliseconds in 0..=LONGEST) {
            let duration = GatewayDuration::from_millis(milliseconds).expect("within bounds");
            let text = duration.to_string();
            prop_assert!(Regex::new(PATTERN).expect("a pattern").is_match(&text));
            prop_assert_eq!(text.parse::<GatewayDuration>(), Ok(duration));
        }

        /// A naive reference: what the pattern accepts, added up.
        #[test]
        fn parsing_agrees_with_the_pattern(text in "([0-9]{0,6}(h|m|s|ms|d)?){0,5}") {
            let components = Regex::new("([0-9]+)(ms|h|m|s)").expect("a pattern");
            let expected = Regex::new(PATTERN).expect("a pattern").is_match(&text).then(|| {
                components.captures_iter(&text).map(|component| {
                    let value: u64 = component[1].parse().expect("five digits");
                    value * match &component[2] { "h" => 3_600_000, "m" => 60_000, "s" => 1_000, _ => 1 }
                }).sum::<u64>()
            });
            let parsed = text.parse::<GatewayDuration>();
            match expected {
                Some(sum) if sum <= LONGEST => prop_assert_eq!(parsed.map(|duration| duration.milliseconds), Ok(sum)),
                Some(_) => prop_assert_eq!(parsed, Err(InvalidDuration::TooLong)),
                None => prop_assert_eq!(parsed, Err(InvalidDuration::Syntax(text))),
            }
        }
    }
}
