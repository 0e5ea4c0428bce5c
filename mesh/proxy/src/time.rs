//! Times as the records write them: microseconds.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment, in microseconds since the Unix epoch.
pub(crate) fn epoch_micros(moment: SystemTime) -> u64 {
    micros(moment.duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// A duration in whole microseconds.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
