//! `responses`: how many of a traffic's requests were answered with a status. A failure has no status, so it counts as
//! an answer with another one.

use hallway_evidence::ClientRecord;
use hallway_scenario::check::Responses;

use super::Judge;
use crate::evidence::{Evidence, outcome_words};
use crate::tally::{SAMPLES, Tally};
use crate::text;
use crate::verdict::{Finding, NoEvidence};
use crate::window;

impl Judge for Responses {
    fn expected(&self) -> String {
        let how_many = match (self.share, self.count) {
            (Some(share), _) => format!("{share} of"),
            (None, Some(count)) => format!("{count} of"),
            (None, None) => "a share or count of".to_owned(),
        };
        let part = window::words(self.during.as_ref());
        format!("{} for {how_many} {}{part}", self.status, self.traffic)
    }

    fn witness(&self) -> String {
        "the client".to_owned()
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Result<Finding, NoEvidence> {
        let requests = evidence.requests_during(&self.traffic, self.during.as_ref())?;
        let mut tally = Tally::default();
        for request in &requests {
            let has_status = request.status() == Some(self.status);
            let words = outcome_words(request);
            tally.add(
                Some(&request.correlation),
                if has_status { Ok(words) } else { Err(words) },
            );
        }
        let (part, whole) = (tally.right(), tally.total());
        let (held, enough) = match (self.share, self.count) {
            (Some(share), _) => (share.holds(part, whole), share.holds(whole, whole)),
            (None, Some(count)) => (count.holds(part), count.holds(whole)),
            (None, None) => return NoEvidence::because("the check asks for neither a share nor a count"),
        };
        let saw = format!(
            "{} of {}: {}",
            text::count(part),
            text::count(whole),
            tally.words()
        );
        // Too few have the status: those that lack it are to blame. Too many: those that have it.
        let samples = if held || enough {
            tally.samples()
        } else {
            with_status(&requests, self.status)
        };
        Ok(Finding {
            held,
            saw,
            samples,
            ..Finding::default()
        })
    }
}

fn with_status(requests: &[&ClientRecord], status: u16) -> Vec<String> {
    let matching = requests.iter().filter(|request| request.status() == Some(status));
    matching
        .take(SAMPLES)
        .map(|request| request.correlation.clone())
        .collect()
}
