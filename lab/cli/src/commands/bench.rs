//! `hallway bench`: measurements that anybody can repeat.
//!
//! - [`simulator`]: how fast the simulator is, and what a machine in it costs; `mesh` is what it measures
//! - [`sidecar`]: the data plane beside its peers (on Linux)
//! - [`host`]: what the seam under every program costs on real sockets

pub(crate) mod host;
mod mesh;
#[cfg(target_os = "linux")]
pub(crate) mod sidecar;
pub(crate) mod simulator;
