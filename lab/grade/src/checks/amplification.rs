//! `amplification`: how many attempts reached a service for each request that the client made, on average. The ledger has
//! every attempt of every hop under the one correlation of the request that caused it.

use hallway_scenario::check::Amplification;

use super::Judge;
use crate::evidence::Evidence;
use crate::tally::SAMPLES;
use crate::text;
use crate::verdict::{Finding, NoEvidence};

impl Judge for Amplification {
    fn expected(&self) -> String {
        format!(
            "at most {} attempts at {} for each request of {}, on average",
            self.at_most, self.service, self.traffic
        )
    }

    fn witness(&self) -> String {
        format!("the ledgers of {}", self.service)
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Result<Finding, NoEvidence> {
        let attempts = |correlation: &str| {
            let handled = evidence.handled(correlation).iter();
            let own = handled.filter(|entry| entry.received.service == self.service);
            own.count() as u64
        };
        let requests = evidence.requests(&self.traffic)?;
        let mut counts: Vec<(u64, &str)> = requests
            .iter()
            .map(|request| (attempts(&request.correlation), request.correlation.as_str()))
            .collect();
        let (whole, total) = (counts.len() as u64, counts.iter().map(|(count, _)| count).sum());
        if total == 0 {
            return NoEvidence::because(format!("no attempt reached {}", self.service));
        }
        // The requests that were amplified most come first.
        counts.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
        let factor = total as f64 / whole as f64;
        Ok(Finding {
            held: factor <= self.at_most,
            saw: format!(
                "{factor:.2} ({} for {})",
                text::plural(total, "attempt"),
                text::plural(whole, "request")
            ),
            detail: vec![format!(
                "the request with the most had {}",
                text::plural(counts[0].0, "attempt")
            )],
            samples: counts
                .iter()
                .take(SAMPLES)
                .map(|(_, correlation)| (*correlation).to_owned())
                .collect(),
            ..Finding::default()
        })
    }
}
