//! The sample service in Rust, and the types of its contract.

pub mod contract;
