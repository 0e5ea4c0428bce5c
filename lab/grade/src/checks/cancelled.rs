//! `cancelled`: the service recorded every attempt of every request of a traffic as cancelled, at most so long after the
//! client had its answer. Before that answer is in time too.

use hallway_evidence::ledger::Outcome;
use hallway_evidence::{ClientRecord, LedgerEntry};
use hallway_scenario::check::Cancelled;

use super::Judge;
use crate::evidence::Evidence;
use crate::tally::Tally;
use crate::text;
use crate::verdict::{Finding, NoEvidence};

impl Judge for Cancelled {
    fn expected(&self) -> String {
        format!(
            "{} saw each request of {} cancelled within {} of the answer",
            self.service, self.traffic, self.within
        )
    }

    fn witness(&self) -> String {
        format!("the ledgers of {}, with the client's clock", self.service)
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Result<Finding, NoEvidence> {
        let mut tally = Tally::default();
        let mut latest_us = 0;
        for request in evidence.requests(&self.traffic)? {
            let handled = evidence.handled(&request.correlation).iter();
            let attempts: Vec<_> = handled
                .filter(|entry| entry.received.service == self.service)
                .collect();
            let happened = match attempts.iter().find_map(|entry| fault(self, request, entry)) {
                _ if attempts.is_empty() => Err(format!("never reached {}", self.service)),
                Some(fault) => Err(fault),
                None => Ok("cancelled".to_owned()),
            };
            tally.add(Some(&request.correlation), happened);
            let ends = attempts.iter().filter_map(|entry| lateness(request, entry));
            latest_us = ends.fold(latest_us, u64::max);
        }
        let mut finding = tally.into_finding();
        finding.detail.push(format!(
            "the last end was {} after the answer",
            text::duration(latest_us)
        ));
        Ok(finding)
    }
}

/// What is wrong with the end of one attempt.
fn fault(check: &Cancelled, request: &ClientRecord, entry: &LedgerEntry) -> Option<String> {
    let Some(finished) = &entry.finished else {
        return Some("still at work at the end of the run".to_owned());
    };
    let late_us = lateness(request, entry).unwrap_or_default();
    match finished.outcome {
        Outcome::Cancelled if u128::from(late_us) <= check.within.to_std().as_micros() => None,
        Outcome::Cancelled => Some("cancelled too late".to_owned()),
        Outcome::Answered => Some("answered".to_owned()),
        Outcome::Truncated => Some("half answered".to_owned()),
        Outcome::ResetBefore | Outcome::ResetAfter => Some("reset by the service".to_owned()),
    }
}

/// How long after the client's answer the service was done.
fn lateness(request: &ClientRecord, entry: &LedgerEntry) -> Option<u64> {
    Some(entry.finished.as_ref()?.at_us.saturating_sub(request.finished_us))
}
