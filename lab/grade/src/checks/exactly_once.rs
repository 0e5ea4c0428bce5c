//! `exactly_once`: every request that its caller believes done has one effect in a service's ledger, under the key that the client sent.

use std::collections::BTreeMap;

use hallway_scenario::check::{Believed, ExactlyOnce};

use super::Judge;
use crate::evidence::Evidence;
use crate::tally::Tally;
use crate::text;
use crate::verdict::{Finding, NoEvidence};

impl Judge for ExactlyOnce {
    fn expected(&self) -> String {
        let Believed::CallerSaw2xx = self.believed;
        format!(
            "1 effect at {} for each idempotency-key of which the caller saw 2xx",
            self.service
        )
    }

    fn witness(&self) -> String {
        format!("the client and the ledgers of {}", self.service)
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Result<Finding, NoEvidence> {
        let mut by_key: BTreeMap<&str, u64> = BTreeMap::new();
        let effects = evidence.effects(&self.service);
        for key in effects.filter_map(|(_, effect)| effect.key.as_deref()) {
            *by_key.entry(key).or_default() += 1;
        }
        let Believed::CallerSaw2xx = self.believed;
        let mut tally = Tally::default();
        for request in &evidence.observations.client {
            let believed = request
                .status()
                .is_some_and(|status| (200..300).contains(&status));
            let Some(key) = request.idempotency_key.as_deref().filter(|_| believed) else {
                continue;
            };
            let count = by_key.get(key).copied().unwrap_or_default();
            let words = text::plural(count, "effect");
            tally.add(
                Some(&request.correlation),
                if count == 1 { Ok(words) } else { Err(words) },
            );
        }
        if tally.total() == 0 {
            return NoEvidence::because("no caller with an idempotency-key saw 2xx");
        }
        Ok(tally.into_finding())
    }
}
