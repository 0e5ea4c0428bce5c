//! `hops`: which proxies wrote a request into their access logs, in the order in which they first had it, all under one
//! request id, which is also that of the service's ledger. A retry passes the same proxies again; that is no new hop.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use hallway_evidence::ClientRecord;
use hallway_scenario::check::Hops;

use super::Judge;
use crate::evidence::{Evidence, hop_words};
use crate::tally::Tally;
use crate::text;
use crate::verdict::{Finding, NoEvidence};

impl Judge for Hops {
    fn expected(&self) -> String {
        format!(
            "{} for each request of {}, under one request id",
            self.proxies.join(" → "),
            self.traffic
        )
    }

    fn witness(&self) -> String {
        "the access logs and the ledgers".to_owned()
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Result<Finding, NoEvidence> {
        let requests = evidence.requests(&self.traffic)?;
        if requests
            .iter()
            .all(|request| evidence.accesses(&request.correlation).is_empty())
        {
            return NoEvidence::because(format!("no access log has a request of {}", self.traffic));
        }
        let mut tally = Tally::default();
        for request in requests {
            tally.add(Some(&request.correlation), path(self, request, evidence));
        }
        Ok(tally.into_finding())
    }
}

fn path(check: &Hops, request: &ClientRecord, evidence: &Evidence<'_>) -> Result<String, String> {
    let mut records = evidence.accesses(&request.correlation).to_vec();
    // Of two proxies that had it in the same microsecond, the outer one kept it longer.
    records.sort_by_key(|record| (record.start_us, Reverse(record.duration_us)));
    let mut hops: Vec<String> = Vec::new();
    for hop in records.iter().map(|record| hop_words(record)) {
        if !hops.contains(&hop) {
            hops.push(hop);
        }
    }
    if hops != check.proxies {
        return Err(if hops.is_empty() {
            "no access record".to_owned()
        } else {
            hops.join(" → ")
        });
    }
    let handled = evidence.handled(&request.correlation);
    if handled.is_empty() {
        return Err("not in any ledger".to_owned());
    }
    let logged = records.iter().map(|record| Some(record.request_id.as_str()));
    let ids: BTreeSet<Option<&str>> = logged
        .chain(handled.iter().map(|entry| entry.received.request_id.as_deref()))
        .collect();
    match ids.len() {
        1 => Ok(hops.join(" → ")),
        several => Err(format!(
            "{} for one request",
            text::plural(several as u64, "request id")
        )),
    }
}
