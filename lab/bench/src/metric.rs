//! What figures there are, and their units.

use serde::Serialize;

/// What a figure says.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// CPU time of both sidecars per request, the kernel's part included, in microseconds.
    CpuPerRequest,
    /// Of which outside the kernel.
    UserPerRequest,
    /// Of which in the kernel.
    SystemPerRequest,
    /// Requests per second, with the proxies on one core.
    RequestsPerSecond,
    /// Resident memory before any load, of the larger sidecar, in MB.
    MemoryIdle,
    /// Resident memory after the load, of the larger sidecar, in MB.
    MemoryLoaded,
    /// Latency at the fixed rate, from the intended start, in microseconds: the median.
    LatencyP50,
    /// The 90th percentile.
    LatencyP90,
    /// The 99th percentile.
    LatencyP99,
    /// The median, minus what it is without sidecars in the same round.
    AddedP50,
    /// The same of the 90th percentile.
    AddedP90,
    /// The same of the 99th percentile.
    AddedP99,
    /// CPU time of both sidecars per MiB downloaded, in microseconds.
    DownloadCpu,
    /// MB per second downloaded.
    DownloadRate,
    /// CPU time of both sidecars per MiB uploaded, in microseconds.
    UploadCpu,
    /// MB per second uploaded.
    UploadRate,
    /// Resident memory of the larger sidecar while connections wait, in MB.
    MemoryHolding,
    /// What both sidecars grew by for each of them, in KiB.
    MemoryPerConnection,
    /// CPU time of the second sidecar for a new connection with mutual TLS and one request, in microseconds.
    ConnectionCpu,
    /// Such connections per second.
    ConnectionsPerSecond,
}

impl Metric {
    /// A heading for a column.
    pub fn heading(self) -> &'static str {
        match self {
            Self::CpuPerRequest => "CPU µs/request",
            Self::UserPerRequest => "user",
            Self::SystemPerRequest => "system",
            Self::RequestsPerSecond => "requests/s",
            Self::MemoryIdle => "idle MB",
            Self::MemoryLoaded => "loaded MB",
            Self::LatencyP50 => "p50 µs",
            Self::LatencyP90 => "p90 µs",
            Self::LatencyP99 => "p99 µs",
            Self::AddedP50 => "added p50 µs",
            Self::AddedP90 => "added p90",
            Self::AddedP99 => "added p99",
            Self::DownloadCpu => "down CPU µs/MiB",
            Self::DownloadRate => "down MB/s",
            Self::UploadCpu => "up CPU µs/MiB",
            Self::UploadRate => "up MB/s",
            Self::MemoryHolding => "holding MB",
            Self::MemoryPerConnection => "pair KiB/connection",
            Self::ConnectionCpu => "CPU µs/connection",
            Self::ConnectionsPerSecond => "connections/s",
        }
    }
}
