//! Requests per time.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{is_digits, quantity};

/// Requests per time: `100/s`, `30/m`; below a million.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate {
    requests: u32,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Unit {
    Second,
    Minute,
}

impl Rate {
    /// The time from one request to the next, to the nanosecond below; not zero.
    pub fn interval(self) -> Duration {
        self.unit.duration() / self.requests
    }

    /// How many requests come within `duration`: one for each whole interval in it.
    pub fn requests_within(self, duration: Duration) -> u64 {
        let requests = duration.as_nanos() / self.interval().as_nanos();
        u64::try_from(requests).unwrap_or(u64::MAX)
    }
}

impl Default for Rate {
    /// 20/s.
    fn default() -> Self {
        Self {
            requests: 20,
            unit: Unit::Second,
        }
    }
}

impl Unit {
    fn duration(self) -> Duration {
        match self {
            Self::Second => Duration::from_secs(1),
            Self::Minute => Duration::from_secs(60),
        }
    }
}

quantity!(Rate, "a rate", r"^[1-9][0-9]{0,5}/[sm]$", "100/s", |text| {
    let (requests, unit) = text.split_once('/')?;
    let unit = match unit {
        "s" => Unit::Second,
        "m" => Unit::Minute,
        _ => return None,
    };
    if !is_digits(requests) || requests.starts_with('0') || requests.len() > 6 {
        return None;
    }
    Some(Rate {
        requests: requests.parse().ok()?,
        unit,
    })
});

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Second => "s",
            Unit::Minute => "m",
        };
        write!(formatter, "{}/{unit}", self.requests)
    }
}
