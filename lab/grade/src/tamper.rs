//! Spoils recorded evidence, as a control asks, so that checks which compare witnesses are proven able to fail.
//!
//! It spoils the records of every witness of a kind alike: the first so many entries of each replica's ledger, first calls of each of its lives, lines of
//! each side of each sidecar's log, spans of each side of each sidecar, counters of each proxy. So it does not depend on
//! chance whether the spoilt record is one that a check looks at.

use std::collections::BTreeMap;

use hallway_evidence::ledger::Outcome;
use hallway_evidence::{LedgerEntry, Observations};
use hallway_scenario::Tamper;

/// `observations`, spoilt.
pub fn tamper(observations: &Observations, tamper: Tamper) -> Observations {
    let mut spoilt = observations.clone();
    let telemetry = &mut spoilt.telemetry;
    match tamper {
        Tamper::DropLedger(count) => {
            let mut first = First::new(count);
            spoilt
                .ledger
                .retain(|entry| !first.includes(entry.received.instance.clone()));
            // Of the entries that were dropped, it is chance whether they had effects, and whether their callers know of them.
            let mut first = First::new(count);
            for entry in spoilt.ledger.iter_mut().filter(|entry| is_known_effect(entry)) {
                if first.includes(entry.received.instance.clone()) {
                    entry.effects.clear();
                }
            }
        }
        Tamper::DropFirstCalls(count) => {
            for life in spoilt.first_calls.values_mut().flatten() {
                life.drain(..life.len().min(count as usize));
            }
        }
        Tamper::DropAccess(count) => {
            let mut first = First::new(count);
            telemetry
                .access
                .retain(|record| !first.includes((record.proxy.clone(), record.direction)));
        }
        Tamper::DropSpans(count) => {
            let mut first = First::new(count);
            telemetry
                .spans
                .retain(|span| !first.includes((span.proxy.clone(), span.direction)));
        }
        Tamper::InflateMetrics(amount) => {
            let samples = telemetry.metrics.values_mut().flatten();
            for counter in samples.filter(|sample| sample.name.ends_with("_total")) {
                counter.value += f64::from(amount);
            }
        }
        Tamper::DelayCloses(delay) => {
            let delay_us = u64::try_from(delay.to_std().as_micros()).unwrap_or(u64::MAX);
            for closed_us in spoilt.wire.iter_mut().filter_map(|wire| wire.closed_us.as_mut()) {
                *closed_us = closed_us.saturating_add(delay_us);
            }
        }
        Tamper::ChangeRequestIds(count) => {
            let mut first = First::new(count);
            for (number, record) in telemetry.access.iter_mut().enumerate() {
                if first.includes((record.proxy.clone(), record.direction)) {
                    // Unlike every other id, those of the other records that are changed included.
                    record.request_id = format!("changed-{number}");
                }
            }
        }
    }
    spoilt
}

/// Whether a request had an effect, and an answer that says so.
fn is_known_effect(entry: &LedgerEntry) -> bool {
    let ended = entry.finished.as_ref().map(|finished| finished.outcome);
    !entry.effects.is_empty() && ended == Some(Outcome::Answered)
}

/// The first so many records of each source.
struct First<Source: Ord> {
    count: u32,
    seen: BTreeMap<Source, u32>,
}

impl<Source: Ord> First<Source> {
    fn new(count: u32) -> Self {
        Self {
            count,
            seen: BTreeMap::new(),
        }
    }

    /// Whether the next record of `source` is among its first.
    fn includes(&mut self, source: Source) -> bool {
        let seen = self.seen.entry(source).or_default();
        *seen += 1;
        *seen <= self.count
    }
}
