//! `refusals`: how many pushes the control plane refused, and whether the answer to each, and the control plane's status
//! after it, name what they should.

use std::path::Path;

use hallway_evidence::{Push, PushOutcome};
use hallway_model::telemetry::Problem;
use hallway_scenario::check::{RefusalPart, Refusals};

use super::Judge;
use crate::evidence::Evidence;
use crate::text;
use crate::verdict::{Finding, NoEvidence};

impl Judge for Refusals {
    fn expected(&self) -> String {
        let parts: Vec<&str> = self.each_names.iter().copied().map(name).collect();
        format!(
            "pushes refused: {}, each with its {}",
            self.count,
            text::list(&parts)
        )
    }

    fn witness(&self) -> String {
        "the control plane: its answers and its status".to_owned()
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Result<Finding, NoEvidence> {
        let pushes: Vec<&Push> = evidence
            .observations
            .pushes
            .iter()
            .filter(|push| !push.initial)
            .collect();
        if pushes.is_empty() {
            return NoEvidence::because("nothing was pushed");
        }
        let mut detail = Vec::new();
        let mut seen = Vec::new();
        let mut refused = 0;
        for push in pushes {
            let PushOutcome::Refused { problems } = &push.outcome else {
                seen.push(format!("{} accepted", push.rules));
                continue;
            };
            refused += 1;
            seen.push(format!("{} refused", push.rules));
            detail.extend(self.each_names.iter().flat_map(|part| {
                let answer = missing(*part, push, problems, "the answer");
                answer
                    .into_iter()
                    .chain(missing(*part, push, &push.status_problems, "the status"))
            }));
        }
        let held = refused == u64::from(self.count) && detail.is_empty();
        Ok(Finding {
            held,
            saw: seen.join(", "),
            detail,
            ..Finding::default()
        })
    }
}

/// A complaint when a part is not named for every problem.
fn missing(part: RefusalPart, push: &Push, problems: &[Problem], place: &str) -> Option<String> {
    let named = |problem: &Problem| match part {
        RefusalPart::File => Path::new(&problem.file).file_name() == Path::new(&push.rules).file_name(),
        RefusalPart::Line => problem.line > 0,
        RefusalPart::Reason => !problem.message.trim().is_empty(),
    };
    let complete = !problems.is_empty() && problems.iter().all(named);
    (!complete).then(|| format!("{place} on {} does not name the {}", push.rules, name(part)))
}

fn name(part: RefusalPart) -> &'static str {
    match part {
        RefusalPart::File => "file",
        RefusalPart::Line => "line",
        RefusalPart::Reason => "reason",
    }
}
