//! Measures the data plane beside its peers: the mesh's own job (client → sidecar → mutual TLS 1.3 → sidecar → application) on real
//! processes, with everybody configured for the same work.
//!
//! - [`sidecar()`]: the whole bench; [`run`]: its rounds
//! - [`instructions()`]: what can be counted instead
//! - [`plan`]: what is measured; [`setup`]: what a pair is asked to do; [`subject`]: whose pair
//! - `pairs`: how each of them is started and configured; [`tools`]: where they are; `credentials`: what they prove who they are with
//! - `parts`: the processes of its own that a bench consists of; `child`: how all are started, pinned and stopped
//! - `measurement`: what is done with a pair; [`metric`]: the figures that it gives; `machine`: where CPU time and memory are read
//! - [`inspection`]: whether all do the same work
//! - [`results`]: all rounds; [`statistics`]: their middle; [`target`]: what has to be reached; [`report`]: how it is told
//!
//! It is no part of what is measured, and needs Linux: cores to pin to, `/proc` to read, and children that die with their parent.
#![cfg(target_os = "linux")]

mod child;
mod credentials;
pub mod error;
mod http1;
pub mod inspection;
pub mod instructions;
pub mod machine;
mod measurement;
pub mod metric;
mod pairs;
mod parts;
pub mod plan;
pub mod report;
pub mod results;
pub mod run;
pub mod setup;
pub mod statistics;
pub mod subject;
pub mod target;
pub mod tools;

pub use error::BenchError;
pub use instructions::{Instructions, instructions};
pub use parts::{Exec, exec, play};
pub use plan::Measurement;
pub use report::Report;
pub use run::{Options, Progress, sidecar};
pub use subject::Subject;
