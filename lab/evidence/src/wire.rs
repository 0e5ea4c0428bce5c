//! The third witness: the wire between sidecars. It sees bytes; it cannot see who proved what (TLS 1.3 hides
//! certificates), so identities and reasons come from the side that refused.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// One connection over a directed edge.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct WireConnection {
    /// The workload that opened it (`orders-1`), or `intruder`.
    pub from: String,
    /// The workload that it was opened to.
    pub to: String,
    /// When it was accepted by the wire.
    pub opened_us: u64,
    /// When both directions had ended; absent while it was still open at the end of the run.
    pub closed_us: Option<u64>,
    /// The address of the opening end: joins it with the client's record.
    pub downstream_address: SocketAddr,
    /// The address from which the wire reached the target: joins it with the refusal of a sidecar. Absent when the target
    /// could not be reached.
    pub upstream_address: Option<SocketAddr>,
    /// Bytes towards the target.
    pub bytes_up: u64,
    /// Bytes from the target.
    pub bytes_down: u64,
    /// Whether both sides spoke TLS from the first byte to the last; false as soon as one byte is outside of a TLS record.
    pub tls: bool,
    /// TLS records that carry application data, both ways.
    pub application_records: u64,
    /// Whether the run's marker, which every request carries, was readable on the wire.
    pub marker_seen: bool,
    /// How it ended.
    pub closed: Option<Closed>,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Closed {
    /// By both sides, in order.
    Orderly,
    /// By a reset.
    Reset,
    /// The target refused it.
    Refused,
}
