//! `attempts`: how often each request of a traffic is in a service's ledger.

use hallway_scenario::check::Attempts;

use super::Judge;
use crate::evidence::Evidence;
use crate::tally::Tally;
use crate::text;
use crate::verdict::{Finding, NoEvidence};

impl Judge for Attempts {
    fn expected(&self) -> String {
        let attempts = text::plural(self.each.into(), "attempt");
        format!(
            "{attempts} at {} for each request of {}",
            self.service, self.traffic
        )
    }

    fn witness(&self) -> String {
        format!("the ledgers of {}", self.service)
    }

    // ANCHOR: judge
    fn judge(&self, evidence: &Evidence<'_>) -> Result<Finding, NoEvidence> {
        let mut tally = Tally::default();
        for request in evidence.requests(&self.traffic)? {
            let handled = evidence.handled(&request.correlation).iter();
            let attempts = handled
                .filter(|entry| entry.received.service == self.service)
                .count() as u64;
            let words = text::plural(attempts, "attempt");
            let right = attempts == u64::from(self.each);
            tally.add(
                Some(&request.correlation),
                if right { Ok(words) } else { Err(words) },
            );
        }
        Ok(tally.into_finding())
    }
    // ANCHOR_END: judge
}
