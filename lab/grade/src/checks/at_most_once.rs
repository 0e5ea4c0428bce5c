//! `at_most_once`: no key has more than one effect in a service's ledger. Of an effect without a key nobody can say whether it is a
//! repetition.

use std::collections::BTreeMap;

use hallway_scenario::check::AtMostOnce;

use super::Judge;
use crate::evidence::Evidence;
use crate::tally::Tally;
use crate::text;
use crate::verdict::{Finding, NoEvidence};

impl Judge for AtMostOnce {
    fn expected(&self) -> String {
        format!("at most 1 effect at {} for each idempotency-key", self.service)
    }

    fn witness(&self) -> String {
        format!("the ledgers of {}", self.service)
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Result<Finding, NoEvidence> {
        let mut tally = Tally::default();
        let mut by_key: BTreeMap<&str, (u64, Option<&str>)> = BTreeMap::new();
        for (entry, effect) in evidence.effects(&self.service) {
            let correlation = entry.received.correlation.as_deref();
            match &effect.key {
                Some(key) => by_key.entry(key).or_insert((0, correlation)).0 += 1,
                None => tally.add(correlation, Err("an effect without a key".to_owned())),
            }
        }
        for (count, correlation) in by_key.into_values() {
            let words = text::plural(count, "effect");
            tally.add(correlation, if count == 1 { Ok(words) } else { Err(words) });
        }
        if tally.total() == 0 {
            return NoEvidence::because(format!("nothing had an effect at {}", self.service));
        }
        Ok(tally.into_finding())
    }
}
