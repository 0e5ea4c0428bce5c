//! The second witness: the services' own ledger.

pub use hallway_service::contract::{CORRELATION_HEADER, Finished, Outcome, Received};
use serde::{Deserialize, Serialize};

/// One request that a service handled.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct LedgerEntry {
    /// What the service wrote before it did any work.
    pub received: Received,
    /// What it wrote at the end; absent when it never got there.
    pub finished: Option<Finished>,
}
