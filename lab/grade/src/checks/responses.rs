//! `responses`: how many of a traffic's requests were answered with a status. A failure has no status, so it counts as
//! an answer with another one. Where a gRPC outcome is asked for, an answer counts only if it has that too.

use hallway_evidence::ClientRecord;
use hallway_scenario::check::{GrpcOutcome, Responses};

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
        let grpc = match self.grpc {
            None => String::new(),
            Some(GrpcOutcome { status, messages }) => {
                let messages =
                    messages.map(|count| format!(" and {}", text::plural(count.into(), "message")));
                format!(" with grpc-status {status}{}", messages.unwrap_or_default())
            }
        };
        format!("{}{grpc} for {how_many} {}{part}", self.status, self.traffic)
    }

    fn witness(&self) -> String {
        "the client".to_owned()
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Result<Finding, NoEvidence> {
        let requests = evidence.requests_during(&self.traffic, self.during.as_ref())?;
        let mut tally = Tally::default();
        for request in &requests {
            let words = words(self, request);
            tally.add(
                Some(&request.correlation),
                if is_met(self, request) {
                    Ok(words)
                } else {
                    Err(words)
                },
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
            let meeting = requests.iter().filter(|request| is_met(self, request));
            let correlations = meeting.map(|request| request.correlation.clone());
            correlations.take(SAMPLES).collect()
        };
        Ok(Finding {
            held,
            saw,
            samples,
            ..Finding::default()
        })
    }
}

/// Whether the client saw what is asked for.
fn is_met(asked: &Responses, request: &ClientRecord) -> bool {
    let Ok(response) = &request.outcome else {
        return false;
    };
    let has_outcome = |outcome: GrpcOutcome| {
        response.grpc.as_ref().is_some_and(|seen| {
            let enough = outcome.messages.is_none_or(|count| seen.messages == count);
            seen.status == outcome.status && enough
        })
    };
    response.status == asked.status && asked.grpc.is_none_or(has_outcome)
}

/// What the client saw, with the number of messages where that is asked for.
fn words(asked: &Responses, request: &ClientRecord) -> String {
    let words = outcome_words(request);
    let seen = request
        .outcome
        .as_ref()
        .ok()
        .and_then(|response| response.grpc.as_ref());
    match (seen, asked.grpc.and_then(|outcome| outcome.messages)) {
        (Some(seen), Some(_)) => {
            format!("{words} after {}", text::plural(seen.messages.into(), "message"))
        }
        _ => words,
    }
}
