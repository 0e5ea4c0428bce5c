//! Bytes per second.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{is_digits, quantity};

/// Bytes per second: `64kB/s` are 64,000; below a million of its unit.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct ByteRate {
    number: u32,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Unit {
    Bytes,
    Kilobytes,
    Megabytes,
}

impl ByteRate {
    /// How many bytes in a second; not zero.
    pub fn bytes_per_second(self) -> u64 {
        u64::from(self.number) * self.unit.bytes()
    }
}

impl Unit {
    /// The longest symbol first: all end alike.
    const SYMBOLS: [(&str, Self); 3] = [
        ("MB/s", Self::Megabytes),
        ("kB/s", Self::Kilobytes),
        ("B/s", Self::Bytes),
    ];

    fn bytes(self) -> u64 {
        match self {
            Self::Bytes => 1,
            Self::Kilobytes => 1_000,
            Self::Megabytes => 1_000_000,
        }
    }
}

quantity!(
    ByteRate,
    "a number of bytes per second",
    r"^[1-9][0-9]{0,5}(B|kB|MB)/s$",
    "64kB/s",
    |text| {
        let (number, unit) = Unit::SYMBOLS
            .iter()
            .find_map(|(symbol, unit)| text.strip_suffix(symbol).map(|number| (number, *unit)))?;
        if !is_digits(number) || number.starts_with('0') || number.len() > 6 {
            return None;
        }
        let number = number.parse().ok()?;
        Some(ByteRate { number, unit })
    }
);

impl fmt::Display for ByteRate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let symbol = match self.unit {
            Unit::Bytes => "B/s",
            Unit::Kilobytes => "kB/s",
            Unit::Megabytes => "MB/s",
        };
        write!(formatter, "{}{symbol}", self.number)
    }
}
