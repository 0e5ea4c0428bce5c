//! Times as records carry them.

use std::time::{SystemTime, UNIX_EPOCH};

use hallway_host::Host;

/// Microseconds since the Unix epoch, now.
pub(crate) fn now_us(host: &Host) -> u64 {
    microseconds(host.wall_clock())
}

/// Microseconds since the Unix epoch; a time before it counts as 0.
pub(crate) fn microseconds(moment: SystemTime) -> u64 {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
