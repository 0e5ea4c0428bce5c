//! Grades as people and programs read them. Every reporter returns text or values; whoever calls it writes them.
//!
//! - [`terminal`]: the table, and what exactly is red
//! - [`journey`]: one request's way through the mesh (`--explain`)
//! - [`json`]: a stable format for programs
//! - [`junit`]: JUnit XML, for continuous integration
//! - [`comparison`]: the same scenario on both grounds
//! - [`matrix`]: the same checks with and without gateway and mesh
//! - [`layout`]: text in a column
//! - [`styles`]: the colours of all that is for a terminal

pub mod comparison;
pub mod journey;
pub mod json;
pub mod junit;
pub mod layout;
pub mod matrix;
mod replay;
pub mod styles;
pub mod terminal;

pub use matrix::Matrix;
pub use styles::Styles;
pub use terminal::Terminal;
