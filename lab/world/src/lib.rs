//! Runs a scenario on a ground and returns what the witnesses observed.
//!
//! - [`run()`]: one run, from the first process to the last
//! - [`options`]: how to run, and what one hears of it meanwhile; [`error`]: why a run could not be made
//! - `plan`: what the topology amounts to; `behaviour`: its words in those of the service contract
//! - `processes`: the ground of real processes; `child`: one of them; `mesh`: a mesh that is up, on whatever ground
//! - `control_client`: the control plane's admin API; `timeline`: pushes of rules
//! - `traffic`: a scenario's traffic, addressed to a mesh; `load`: the first witness, which sends it
//! - `authorities`: the certificate authorities that the lab itself holds, for intruders
//! - `wire`: the third witness, between sidecars
//! - `scrape`: the metrics of proxies; `collect`: sorts what programs left behind
//! - `http_client`, `clock`, `incidents`: what the others share

mod authorities;
mod behaviour;
mod child;
mod clock;
mod collect;
mod control_client;
pub mod error;
mod http_client;
mod incidents;
mod load;
mod mesh;
pub mod options;
mod plan;
mod processes;
mod run;
mod scrape;
mod timeline;
mod traffic;
mod wire;

pub use error::WorldError;
pub use options::{Options, Progress};
pub use run::run;
