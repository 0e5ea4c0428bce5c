//! `hallway bench`: measurements that anybody can repeat.
//!
//! - [`simulator`]: how fast the simulator is, and what a machine in it costs; `mesh` is what it measures
//! - [`host`]: what the seam under every program costs on real sockets

pub(crate) mod host;
mod mesh;
pub(crate) mod simulator;
