//! `load`: one replica's share of the first attempts that reached its service.
//!
//! It holds only if the evidence proves it: were the share the bound or more, so few would have a probability below
//! [`ERROR_RATE`].

use hallway_scenario::check::Load;
use hallway_scenario::statistics::{ERROR_RATE, lower_tail};

use super::Judge;
use crate::evidence::{Evidence, service_of};
use crate::tally::SAMPLES;
use crate::text;
use crate::verdict::{Finding, NoEvidence};

impl Judge for Load {
    fn expected(&self) -> String {
        format!("{} below {}, proven at p < 10⁻⁶", self.instance, self.below)
    }

    fn witness(&self) -> String {
        format!("the ledgers of {}", service_of(&self.instance))
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Result<Finding, NoEvidence> {
        let requests = evidence.requests(&self.traffic)?;
        let service = service_of(&self.instance);
        let attempts = evidence.first_attempts(&requests, |entry| entry.received.service == service);
        if attempts.is_empty() {
            return NoEvidence::because(format!("no first attempt reached {service}"));
        }
        let own: Vec<_> = attempts
            .iter()
            .filter(|entry| entry.received.instance == self.instance)
            .collect();
        let (part, whole) = (own.len() as u64, attempts.len() as u64);
        let p_value = lower_tail(part, whole, self.below.fraction());
        let is_below = (part as f64) < self.below.fraction() * whole as f64;
        let held = is_below && p_value < ERROR_RATE;
        let saw = format!(
            "{} ({} of {})",
            text::percent(part, whole),
            text::count(part),
            text::count(whole)
        );
        let unproven = (is_below && !held)
            .then(|| format!("that is below {}, but too few attempts to prove it", self.below));
        let correlations = own.iter().filter_map(|entry| entry.received.correlation.clone());
        Ok(Finding {
            held,
            saw,
            detail: unproven.into_iter().collect(),
            p_value: Some(p_value),
            samples: correlations.take(SAMPLES).collect(),
        })
    }
}
