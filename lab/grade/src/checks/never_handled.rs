//! `never_handled`: no request of these traffics is in any ledger. Each of them must have been tried.

use hallway_scenario::check::NeverHandled;

use super::Judge;
use crate::evidence::Evidence;
use crate::tally::Tally;
use crate::text;
use crate::verdict::{Finding, NoEvidence};

impl Judge for NeverHandled {
    fn expected(&self) -> String {
        format!("no request of {} at any service", text::list(&self.traffic))
    }

    fn witness(&self) -> String {
        "the ledgers of all services".to_owned()
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Result<Finding, NoEvidence> {
        let mut tally = Tally::default();
        for traffic in &self.traffic {
            for request in evidence.requests(traffic)? {
                let happened = match evidence.handled(&request.correlation).first() {
                    None => Ok("never handled".to_owned()),
                    Some(entry) => Err(format!("{traffic} handled by {}", entry.received.instance)),
                };
                tally.add(Some(&request.correlation), happened);
            }
        }
        Ok(tally.into_finding())
    }
}
