//! The retry budget of a cluster, which all workers of the proxy draw on.
//!
//! Its lock is held for a few additions, and only a cluster that has a budget has one: when a request begins, when it ends, and
//! before each retry.

use std::sync::{Arc, Mutex, MutexGuard};

use hallway_model::RetryConstraint;
use hallway_traffic::retry_budget::{self as traffic, Spent};
use tokio::time::Instant;

/// A retry budget.
pub(crate) struct RetryBudget {
    /// What it keeps to.
    pub(crate) constraint: RetryConstraint,
    /// The moment from which its times are counted.
    since: Instant,
    counts: Mutex<traffic::RetryBudget>,
}

/// Counts a request as active until it is dropped, and for an interval after that.
pub(crate) struct Ongoing(Arc<RetryBudget>);

impl RetryBudget {
    pub(crate) fn new(constraint: RetryConstraint) -> Self {
        Self {
            constraint,
            since: Instant::now(),
            counts: Mutex::new(traffic::RetryBudget::new(constraint)),
        }
    }

    /// Counts a request.
    pub(crate) fn begin(self: &Arc<Self>) -> Ongoing {
        self.lock().begin();
        Ongoing(Arc::clone(self))
    }

    /// Permits one retry, if the budget allows it.
    ///
    /// # Errors
    /// With what it was spent on.
    pub(crate) fn retry(&self) -> Result<(), Spent> {
        let now = self.since.elapsed();
        self.lock().retry(now)
    }

    fn lock(&self) -> MutexGuard<'_, traffic::RetryBudget> {
        self.counts.lock().expect("counting does not panic")
    }
}

impl Drop for Ongoing {
    fn drop(&mut self) {
        let now = self.0.since.elapsed();
        self.0.lock().end(now);
    }
}
