//! `recovers`: how long after the end of a fault the answers of a traffic were good again: from then to the intended start of
//! the first request after which all were good, itself included. A fault that nobody noticed proves no recovery.

use hallway_evidence::ClientRecord;
use hallway_scenario::check::Recovers;

use super::Judge;
use crate::evidence::{Evidence, outcome_words};
use crate::tally::{SAMPLES, Tally};
use crate::text;
use crate::verdict::{Finding, NoEvidence};
use crate::window::moment;

impl Judge for Recovers {
    fn expected(&self) -> String {
        let Self {
            traffic,
            within,
            after,
            ..
        } = self;
        format!(
            "{} for all of {traffic} within {within} after {after}",
            self.good()
        )
    }

    fn witness(&self) -> String {
        "the client".to_owned()
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Result<Finding, NoEvidence> {
        let ended_us = moment(evidence.observations.run.started_us, self.after.to_std());
        let is_good = |request: &&ClientRecord| request.status() == Some(self.good());
        let mut requests = evidence.requests(&self.traffic)?;
        requests.sort_by_key(|request| request.intended_us);
        let (before, since) =
            requests.split_at(requests.partition_point(|request| request.intended_us < ended_us));
        if before.iter().all(is_good) {
            return NoEvidence::because(format!("nothing was wrong with {} before", self.traffic));
        }
        let last_bad = since.iter().rposition(|request| !is_good(request));
        let Some(first_good) = since.get(last_bad.map_or(0, |position| position + 1)) else {
            return Ok(never_good(since, &self.traffic));
        };
        let took_us = first_good.intended_us - ended_us;
        Ok(Finding {
            held: u128::from(took_us) <= self.within.to_std().as_micros(),
            saw: format!("good again after {}", text::duration(took_us)),
            samples: since
                .iter()
                .filter(|request| !is_good(request))
                .take(SAMPLES)
                .map(|request| request.correlation.clone())
                .collect(),
            ..Finding::default()
        })
    }
}

/// The last request has a bad answer, or there is none.
fn never_good(since: &[&ClientRecord], traffic: &str) -> Finding {
    let mut tally = Tally::default();
    for request in since {
        tally.add(Some(&request.correlation), Ok(outcome_words(request)));
    }
    let saw = match since {
        [] => format!("no request of {traffic} came after it"),
        _ => format!("never good again: {}", tally.words()),
    };
    Finding {
        saw,
        samples: tally.samples(),
        ..Finding::default()
    }
}
