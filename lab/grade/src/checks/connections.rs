//! `connections`: over how many connections the client sent a traffic's requests. Each has an address of its own at the client's end.

use std::collections::BTreeSet;

use hallway_scenario::check::Connections;

use super::Judge;
use crate::evidence::Evidence;
use crate::tally::SAMPLES;
use crate::text;
use crate::verdict::{Finding, NoEvidence};

impl Judge for Connections {
    fn expected(&self) -> String {
        format!(
            "{} for all of {}",
            text::plural(self.count.into(), "connection"),
            self.traffic
        )
    }

    fn witness(&self) -> String {
        "the client".to_owned()
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Result<Finding, NoEvidence> {
        let requests = evidence.requests(&self.traffic)?;
        let addresses: BTreeSet<_> = requests
            .iter()
            .filter_map(|request| request.local_address)
            .collect();
        if addresses.is_empty() {
            return NoEvidence::because(format!("no request of {} had a connection", self.traffic));
        }
        let count = addresses.len() as u64;
        let saw = format!(
            "{} for {}",
            text::plural(count, "connection"),
            text::plural(requests.len() as u64, "request")
        );
        Ok(Finding {
            held: count == u64::from(self.count),
            saw,
            samples: requests
                .iter()
                .take(SAMPLES)
                .map(|request| request.correlation.clone())
                .collect(),
            ..Finding::default()
        })
    }
}
