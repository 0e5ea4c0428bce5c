//! The `hallway` binary from end to end: real processes, real sockets, what a person types and what they then see.
//!
//! - [`program`]: one `hallway`, from its start to its end; [`family`]: every process that it started, directly or not
//! - [`scratch`]: scenarios in a directory of their own, to be changed
//! - [`runs`]: runs and their reports; [`simulated`]: on the simulated ground, and on both; [`mistakes`]: what is said of wrong input; [`own`]: scenarios that a person begins
//! - [`learn`]: the guided path, and grades for a class; [`lessons`]: lessons that do not keep their word
//! - [`languages`]: one scenario through all languages; [`runtimes`]: machines without some language runtimes; [`ports`]: a port that somebody else has
//! - [`harm`]: children that die; [`interrupts`]: signals to the lab itself
//! - [`up`]: a topology that stays up; [`clients`]: clients that nobody here wrote
//! - [`bench`]: the data plane beside its peers; [`matrix`]: the table of deployments in the README and the book
//! - [`words`]: the command lines that the documents promise
//!
//! Whatever a test does to a `hallway`, [`program`] checks at its end that none of its processes is left. How they are found
//! is Linux's.

#![cfg(target_os = "linux")]

mod bench;
mod clients;
mod family;
mod harm;
mod interrupts;
mod languages;
mod learn;
mod lessons;
mod matrix;
mod measures;
mod mistakes;
mod own;
mod ports;
mod program;
mod runs;
mod runtimes;
mod scratch;
mod simulated;
mod up;
mod words;
