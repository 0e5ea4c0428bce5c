//! `spread`: every replica's share of the first attempts that reached its service.
//!
//! It holds only if the evidence proves it: were the share of a replica the bound or less, so many would have a probability
//! below [`ERROR_RATE`].

use hallway_scenario::check::Spread;
use hallway_scenario::statistics::{ERROR_RATE, upper_tail};

use super::Judge;
use crate::evidence::Evidence;
use crate::tally::SAMPLES;
use crate::text;
use crate::verdict::{Finding, NoEvidence};

/// One replica's part of the first attempts.
struct Part<'a> {
    instance: &'a str,
    count: u64,
    p_value: f64,
}

impl Judge for Spread {
    fn expected(&self) -> String {
        format!(
            "each replica of {} above {}, proven at p < 10⁻⁶",
            self.service, self.each_above
        )
    }

    fn witness(&self) -> String {
        format!("the ledgers of {}", self.service)
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Result<Finding, NoEvidence> {
        let requests = evidence.requests(&self.traffic)?;
        let attempts = evidence.first_attempts(&requests, |entry| entry.received.service == self.service);
        if attempts.is_empty() {
            return NoEvidence::because(format!("no first attempt reached {}", self.service));
        }
        let whole = attempts.len() as u64;
        let bound = self.each_above.fraction();
        let part = |instance| {
            let own = attempts
                .iter()
                .filter(|entry| entry.received.instance == instance);
            let count = own.count() as u64;
            let p_value = upper_tail(count, whole, bound);
            Part {
                instance,
                count,
                p_value,
            }
        };
        let mut parts: Vec<Part<'_>> = evidence.sidecars(&self.service)?.into_iter().map(part).collect();
        // Who has the least comes first, and so does whoever is to blame.
        parts.sort_by_key(|part| part.count);
        let (least, most) = (&parts[0], &parts[parts.len() - 1]);
        let is_above = |part: &Part<'_>| part.count as f64 > bound * whole as f64;
        let held = is_above(least) && least.p_value < ERROR_RATE;
        let unproven = (is_above(least) && !held).then(|| {
            format!(
                "that is above {}, but too few attempts to prove it",
                self.each_above
            )
        });
        let samples = attempts
            .iter()
            .filter(|entry| entry.received.instance == most.instance);
        Ok(Finding {
            held,
            saw: parts
                .iter()
                .map(|part| words(part, whole))
                .collect::<Vec<_>>()
                .join(", "),
            detail: unproven.into_iter().collect(),
            p_value: Some(least.p_value),
            samples: samples
                .filter_map(|entry| entry.received.correlation.clone())
                .take(SAMPLES)
                .collect(),
        })
    }
}

/// `payments-2 33.3% (200)`.
fn words(part: &Part<'_>, whole: u64) -> String {
    let percent = text::percent(part.count, whole);
    format!("{} {percent} ({})", part.instance, text::count(part.count))
}
