//! Runs a scenario on a ground and returns what the witnesses observed.
//!
//! - [`run()`]: one run on processes; [`simulate()`]: one run in a simulation; `session`: what both have in common
//! - [`options`]: how to run, and what one hears of it meanwhile; [`error`]: why a run could not be made
//! - `plan`: what the topology amounts to; `behaviour`: its words in those of the service contract
//! - `programs`: the order in which programs start and stop; `ground`: what they are started on; `mesh`: where they are
//! - [`languages`]: the runtimes of the sample services; `players`: who plays which service
//! - `outbound_socket`: what the lab keeps for a sidecar that starts after its application
//! - `processes`: the ground of real processes; `child`: one of them
//! - `simulated`: the simulated ground
//! - [`replay`]: a simulated run, event by event
//! - `control_client`: the control plane's admin API; `timeline`: pushes of rules and faults; `faults`: what a fault does
//! - `traffic`: a scenario's traffic, addressed to a mesh; `load`: the first witness, which sends it
//! - `authorities`: the certificate authorities that the lab itself holds, for intruders
//! - `wire`: the third witness, between sidecars: a [`Wire`] of relays, where faults happen too
//! - `scrape`: the metrics of proxies; `collect`: sorts what programs left behind
//! - [`up`]: a topology that stays up
//! - [`measure`]: what a mesh costs as a whole
//! - `http_client`, `clock`, `incidents`: what the others share

mod authorities;
mod behaviour;
mod child;
mod clock;
mod collect;
mod control_client;
pub mod error;
mod explore;
mod faults;
mod ground;
mod http_client;
mod incidents;
pub mod languages;
mod load;
pub mod measure;
mod mesh;
pub mod options;
mod outbound_socket;
mod plan;
mod players;
mod processes;
mod programs;
pub mod replay;
mod run;
mod scrape;
mod session;
mod simulate;
mod simulated;
mod timeline;
mod traffic;
pub mod up;
mod wire;

pub use authorities::like_secrets_of;
pub use clock::Clock;
pub use control_client::ControlClient;
pub use error::WorldError;
pub use explore::explore;
pub use faults::LinkChange;
pub use languages::Languages;
pub use mesh::AdminAddress;
pub use options::{Options, Progress, StandIns};
pub use replay::ReplayEvent;
pub use run::run;
pub use simulate::{Simulated, simulate};
pub use wire::{Edge, Wire};
