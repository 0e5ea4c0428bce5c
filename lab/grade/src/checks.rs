//! How each check of a scenario file is judged. Each module says what exactly it compares.

mod amplification;
mod at_most_once;
mod attempts;
mod cancelled;
mod connections;
mod encrypted;
mod exactly_once;
mod first_calls;
pub(crate) mod footprint;
mod hops;
mod identity;
mod latency;
mod lifetimes;
mod load;
mod nacked;
mod never_handled;
mod propagation;
mod recovers;
mod refusals;
mod rejected;
mod response_flag;
mod responses;
mod rotations;
mod split;
mod spread;
mod telemetry_agrees;
mod trace_complete;

pub(crate) use rejected::reason_word;

use crate::evidence::Evidence;
use crate::verdict::{Finding, NoEvidence};

/// A check that can be judged from evidence.
pub(crate) trait Judge {
    /// What it asks for.
    fn expected(&self) -> String;
    /// By whose testimony it is judged.
    fn witness(&self) -> String;
    /// What the evidence says.
    ///
    /// # Errors
    /// [`NoEvidence`] when it says nothing, which is red.
    fn judge(&self, evidence: &Evidence<'_>) -> Result<Finding, NoEvidence>;
}
