//! `encrypted`: what went over the wire from one service's sidecars to another's was TLS from the first byte to the last,
//! and the run's marker was not readable in it. Connections without a byte say nothing.

use hallway_evidence::WireConnection;
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
        if tally.right() == tally.total() && carried == 0 {
            return NoEvidence::because(format!(
                "no connection from {} to {} carried data",
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

fn seen(wire: &WireConnection) -> Result<String, String> {
    match (wire.tls, wire.marker_seen) {
        (true, false) => Ok("TLS".to_owned()),
        (true, true) => Err("TLS with a readable marker".to_owned()),
        (false, true) => Err("plaintext, the requests readable".to_owned()),
        (false, false) => Err("plaintext".to_owned()),
    }
}
