//! `encrypted`: what went over the wire from one service's sidecars to another's, from outside to the gateway, or from the gateway on, was TLS
//! from the first byte to the last, and the run's marker was not readable in it. Connections without a byte say nothing, and neither do
//! connections over which nothing was asked: some request must have arrived, by the word of whoever is there.

use hallway_evidence::WireConnection;
use hallway_model::telemetry::Direction;
use hallway_scenario::check::Encrypted;

use super::Judge;
use crate::evidence::{Evidence, is_replica};
use crate::tally::Tally;
use crate::verdict::{Finding, NoEvidence};

impl Judge for Encrypted {
    fn expected(&self) -> String {
        format!("nothing readable from {} to {}", self.from, self.to)
    }

    fn witness(&self) -> String {
        format!("the wire between {} and {}", self.from, self.to)
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Result<Finding, NoEvidence> {
        let is_edge = |wire: &&WireConnection| {
            is_end(&wire.from, &self.from) && (self.to == ALL || is_end(&wire.to, &self.to))
        };
        let edges = evidence.observations.wire.iter().filter(is_edge);
        let mut tally = Tally::default();
        let mut carried = 0;
        for wire in edges.filter(|wire| wire.bytes_up + wire.bytes_down > 0) {
            carried += wire.application_records;
            tally.add(None, seen(wire));
        }
        if tally.right() == tally.total() && (carried == 0 || !was_asked(&self.to, evidence)) {
            return NoEvidence::because(format!(
                "no connection from {} to {} carried a request",
                self.from, self.to
            ));
        }
        let mut finding = tally.into_finding();
        finding.saw = format!("connections: {}", finding.saw);
        Ok(finding)
    }
}

/// The word for whoever is called.
const ALL: &str = "all";

/// Whether one end of a connection is of that service or gateway, or the one who has no number.
fn is_end(end: &str, name: &str) -> bool {
    end == name || is_replica(end, name)
}

/// Whether whoever is called has had a request: by its proxy's access log, or by the ledger of a service without a proxy. In TLS 1.3 the end of a
/// handshake looks like data on the wire, whatever came of it.
fn was_asked(name: &str, evidence: &Evidence<'_>) -> bool {
    let is_meant = |end: &str| name == ALL || is_end(end, name);
    let observations = evidence.observations;
    let logged = observations.telemetry.access.iter();
    let handled = observations.ledger.iter();
    logged
        .filter(|record| record.direction != Direction::Outbound)
        .any(|record| is_meant(&record.proxy))
        || handled
            .into_iter()
            .any(|entry| is_meant(&entry.received.instance))
}

fn seen(wire: &WireConnection) -> Result<String, String> {
    match (wire.tls, wire.marker_seen) {
        (true, false) => Ok("TLS".to_owned()),
        (true, true) => Err("TLS with a readable marker".to_owned()),
        (false, true) => Err("plaintext, the requests readable".to_owned()),
        (false, false) => Err("plaintext".to_owned()),
    }
}
