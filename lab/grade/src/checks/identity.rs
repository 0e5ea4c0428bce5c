//! `identity`: whom the sidecar of a service named as the caller (`x-forwarded-client-cert`), in every request of its
//! ledger.

use hallway_evidence::LedgerEntry;
use hallway_model::SpiffeId;
use hallway_scenario::check::Identity;

use super::Judge;
use crate::evidence::Evidence;
use crate::tally::Tally;
use crate::verdict::{Finding, NoEvidence};

impl Judge for Identity {
    fn expected(&self) -> String {
        format!(
            "every request at {} from the service account {}",
            self.service, self.caller
        )
    }

    fn witness(&self) -> String {
        format!("the ledgers of {}", self.service)
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Result<Finding, NoEvidence> {
        let mut tally = Tally::default();
        let ledger = evidence.observations.ledger.iter();
        for entry in ledger.filter(|entry| entry.received.service == self.service) {
            tally.add(entry.received.correlation.as_deref(), caller(entry, &self.caller));
        }
        if tally.total() == 0 {
            return NoEvidence::because(format!("{} handled no request", self.service));
        }
        Ok(tally.into_finding())
    }
}

fn caller(entry: &LedgerEntry, expected: &str) -> Result<String, String> {
    let Some(certificate) = &entry.received.client_cert else {
        return Err("no certificate".to_owned());
    };
    let Some(uri) = peer_uri(certificate) else {
        return Err(format!("a certificate without a name (`{certificate}`)"));
    };
    let is_expected = uri
        .parse::<SpiffeId>()
        .is_ok_and(|id| id.service_account() == expected);
    if is_expected {
        Ok(uri.to_owned())
    } else {
        Err(uri.to_owned())
    }
}

/// The URI of the nearest peer: the last element, since each proxy appends its own. Source: Envoy, "HTTP header
/// manipulation", `x-forwarded-client-cert`.
fn peer_uri(header: &str) -> Option<&str> {
    let nearest = header.rsplit(',').next()?;
    let mut pairs = nearest.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(key, _)| key.eq_ignore_ascii_case("URI"))
        .map(|(_, uri)| uri.trim_matches('"'))
}
