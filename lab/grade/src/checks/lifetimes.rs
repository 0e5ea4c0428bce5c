//! `lifetimes`: no connection from one service's sidecars to another's outlived either certificate.
//!
//! The wire says how long each connection really lasted, and the called sidecar's record until when both certificates were
//! good. That record may claim no later expiry than the SVIDs that both sidecars had put to use by then. The caller's own
//! records must say the same of all its connections. A handshake that failed leaves no record; it is over within seconds.

use hallway_evidence::{Observations, WireConnection};
use hallway_model::telemetry::Connection;
use hallway_scenario::check::Lifetimes;

use super::Judge;
use crate::evidence::{Evidence, is_replica};
use crate::tally::Tally;
use crate::text;
use crate::verdict::{Finding, NoEvidence};

/// A connection that is open for longer has succeeded in its handshake, or its sidecar has not noticed that it failed.
const FAILED_WITHIN_US: u64 = 10_000_000;

/// A certificate is good to the end of the second that it names (RFC 5280 §4.1.2.5: the end is inclusive).
const LAST_SECOND_US: u64 = 999_999;

impl Judge for Lifetimes {
    fn expected(&self) -> String {
        format!(
            "no connection from {} to {} outlives either certificate",
            self.from, self.to
        )
    }

    fn witness(&self) -> String {
        format!("the wire, and the sidecars of {} and {}", self.from, self.to)
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Result<Finding, NoEvidence> {
        let observations = evidence.observations;
        let is_edge =
            |wire: &&WireConnection| is_replica(&wire.from, &self.from) && is_replica(&wire.to, &self.to);
        let mut tally = Tally::default();
        let mut least_us = u64::MAX;
        for wire in observations.wire.iter().filter(is_edge) {
            let Some(happened) = fate(wire, observations) else {
                continue;
            };
            tally.add(
                None,
                happened.map(|to_spare_us| {
                    least_us = least_us.min(to_spare_us);
                    "closed in time".to_owned()
                }),
            );
        }
        if tally.total() == 0 {
            return NoEvidence::because(format!("no connection from {} to {}", self.from, self.to));
        }
        for record in records(observations, true, |proxy| is_replica(proxy, &self.from)) {
            if let Err(words) = to_spare(record, record.closed_us) {
                tally.add(None, Err(format!("{words}, as {} says", record.proxy)));
            }
        }
        let mut finding = tally.into_finding();
        finding.saw = format!("connections: {}", finding.saw);
        if least_us < u64::MAX {
            let spare = text::duration(least_us);
            finding
                .detail
                .push(format!("the latest was closed {spare} before the expiry"));
        }
        Ok(finding)
    }
}

/// How long before the expiry a connection had ended, in microseconds, or what is wrong with it. None if it came to nothing.
fn fate(wire: &WireConnection, observations: &Observations) -> Option<Result<u64, String>> {
    let closed_us = wire.closed_us.unwrap_or(observations.run.finished_us);
    let is_meant = |record: &&Connection| {
        Some(record.peer_address) == wire.upstream_address && record.opened_us >= wire.opened_us
    };
    // An address may be used again: the first record since then is the one.
    let record = records(observations, false, |proxy| proxy == wire.to)
        .filter(is_meant)
        .min_by_key(|record| record.opened_us);
    let Some(record) = record.filter(|record| record.opened_us <= closed_us) else {
        let lasted = closed_us.saturating_sub(wire.opened_us);
        return (lasted > FAILED_WITHIN_US).then(|| Err(format!("without a record of {}", wire.to)));
    };
    let latest = [&wire.from, &wire.to].map(|proxy| latest_expiry(proxy, record.opened_us, observations));
    let [Some(caller), Some(callee)] = latest else {
        return Some(Err("between sidecars without a record of their SVIDs".to_owned()));
    };
    if record.certificates_expire_us > Some(caller.min(callee)) {
        return Some(Err(
            "with a claim to longer certificates than were issued".to_owned()
        ));
    }
    Some(to_spare(record, closed_us.max(record.closed_us)))
}

/// How long before the expiry a connection with this record had ended, in microseconds.
fn to_spare(record: &Connection, closed_us: u64) -> Result<u64, String> {
    let Some(expires_us) = record.certificates_expire_us else {
        return Err("without certificates".to_owned());
    };
    if closed_us > expires_us + LAST_SECOND_US {
        return Err("outlived a certificate".to_owned());
    }
    Ok(expires_us.saturating_sub(closed_us))
}

fn records<'a>(
    observations: &'a Observations,
    calls: bool,
    is_meant: impl Fn(&str) -> bool + 'a,
) -> impl Iterator<Item = &'a Connection> {
    let records = observations.telemetry.connections.iter();
    records.filter(move |record| record.direction.calls() == calls && is_meant(&record.proxy))
}

/// When the last SVID expires that a sidecar had put to use at a moment.
fn latest_expiry(proxy: &str, at_us: u64, observations: &Observations) -> Option<u64> {
    let svids = observations.telemetry.identities.iter();
    svids
        .filter(|svid| svid.proxy == proxy && svid.at_us <= at_us)
        .map(|svid| svid.expires_us)
        .max()
}
