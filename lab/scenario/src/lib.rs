//! Scenario files: what to run, what to check, and which controls must turn the checks red.
//!
//! A scenario is one directory with a `scenario.yaml` (these types, strict), its rule files, and a `README.md` (the
//! lesson). The types' own JSON Schema is what the loader validates against and what is published.
//!
//! - [`scenario`]: the file as a whole
//! - [`topology`]: services, their languages, replicas and behaviours; [`network`]: the links between them
//! - [`gateway`]: the front door
//! - [`deployment`]: the same with and without its gateway and its mesh
//! - [`system`]: services described once, of which topologies take parts
//! - [`traffic`]: who sends what, how often
//! - [`timeline`]: what happens while traffic flows; [`fault`]: what goes wrong on purpose
//! - [`check`]: what must hold, as a closed set of typed checks
//! - [`control`]: the same run with one thing removed or spoilt
//! - [`quantity`]: shares, rates and comparisons as people write them
//! - [`load`]: directories to scenarios, with every control applied; `validate` says all that is wrong with one, as
//!   [`findings`]; [`files`]: where their files are
//! - [`schema`]: the JSON Schema of scenario files
//! - [`statistics`]: exact binomial tests, and the samples that they need

pub mod check;
pub mod control;
pub mod deployment;
mod effective;
pub mod fault;
pub mod files;
pub mod findings;
pub mod gateway;
pub mod load;
pub mod network;
pub mod quantity;
pub mod scenario;
pub mod schema;
pub mod statistics;
pub mod system;
pub mod timeline;
pub mod topology;
pub mod traffic;
mod validate;

pub use check::Check;
pub use control::{Control, Tamper};
pub use deployment::Deployment;
pub use fault::Fault;
pub use files::Files;
pub use gateway::Gateway;
pub use load::{LoadError, Loaded, discover, load_directory};
pub use network::Network;
pub use scenario::{Ground, Scenario};
pub use schema::{json_schema, system_schema};
pub use timeline::{FaultStep, PushStep, Step};
pub use topology::{Service, Topology};
pub use traffic::Traffic;
