//! The second witness: the services' own ledger.

pub use hallway_service::contract::{CORRELATION_HEADER, Effect, Finished, FirstCall, Outcome, Received};
use serde::{Deserialize, Serialize};

/// One request that a service handled.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct LedgerEntry {
    /// What the service wrote before it did any work.
    pub received: Received,
    /// The effects that the request had, in their order: one, or none.
    #[serde(default)]
    pub effects: Vec<Effect>,
    /// What it wrote at the end; absent when it never got there.
    pub finished: Option<Finished>,
}
