//! Sorts what programs left behind into the evidence of the witnesses.

use std::collections::BTreeMap;

use hallway_evidence::ledger::{Effect, Finished, FirstCall, Received};
use hallway_evidence::{LedgerEntry, Telemetry};
use hallway_model::telemetry::ProxyRecord;
use hallway_service::contract::Record;

use crate::incidents::Incidents;

/// The records of all programs of a run, by workload.
#[derive(Debug, Default)]
pub(crate) struct Records {
    pub(crate) sidecars: BTreeMap<String, Vec<ProxyRecord>>,
    pub(crate) applications: BTreeMap<String, Vec<Record>>,
}

/// What applications left behind.
#[derive(Debug, Default)]
pub(crate) struct Applications {
    /// The ledger, in the order of arrival.
    pub(crate) ledger: Vec<LedgerEntry>,
    /// What came of the calls that were made at first, by workload and for each of its lives.
    pub(crate) first_calls: BTreeMap<String, Vec<Vec<FirstCall>>>,
}

/// Sorts the records of all applications. One that belongs to no request is an incident.
pub(crate) fn applications(records: BTreeMap<String, Vec<Record>>, incidents: &Incidents) -> Applications {
    let mut all = Applications::default();
    for (workload, records) in records {
        // Each life begins with a record of its own, and counts anew.
        let lives = records.split(|record| matches!(record, Record::Listening { .. }));
        let is_life = |(place, records): &(usize, &[Record])| *place > 0 || !records.is_empty();
        for (_, life) in lives.enumerate().filter(is_life) {
            let mut life = Life::of(life);
            all.ledger.extend(life.join());
            let first_calls = all.first_calls.entry(workload.clone()).or_default();
            first_calls.push(std::mem::take(&mut life.first_calls));
            for handling in life.stray() {
                incidents.report(
                    &workload,
                    format!("its ledger says how request {handling} went on, but not that it was received"),
                );
            }
        }
    }
    all.ledger.sort_by_key(|entry| entry.received.at_us);
    all
}

/// The records of one process, by kind.
#[derive(Default)]
struct Life {
    received: Vec<Received>,
    effects: BTreeMap<u64, Vec<Effect>>,
    finished: BTreeMap<u64, Finished>,
    first_calls: Vec<FirstCall>,
}

impl Life {
    fn of(records: &[Record]) -> Self {
        let mut life = Self::default();
        for record in records.iter().cloned() {
            match record {
                Record::Listening { .. } => {}
                Record::Received(entry) => life.received.push(entry),
                Record::Effect(entry) => life.effects.entry(entry.handling).or_default().push(entry),
                Record::Finished(entry) => drop(life.finished.insert(entry.handling, entry)),
                Record::FirstCall(entry) => life.first_calls.push(entry),
            }
        }
        life
    }

    /// What the process received, each with what came of it.
    fn join(&mut self) -> Vec<LedgerEntry> {
        let received = std::mem::take(&mut self.received).into_iter();
        received
            .map(|received| LedgerEntry {
                effects: self.effects.remove(&received.handling).unwrap_or_default(),
                finished: self.finished.remove(&received.handling),
                received,
            })
            .collect()
    }

    /// The requests of which there are records left.
    fn stray(&self) -> impl Iterator<Item = u64> {
        self.effects.keys().chain(self.finished.keys()).copied()
    }
}

/// The telemetry, each kind in the order of time.
pub(crate) fn telemetry(sidecars: BTreeMap<String, Vec<ProxyRecord>>) -> Telemetry {
    let mut telemetry = Telemetry::default();
    for record in sidecars.into_values().flatten() {
        match record {
            ProxyRecord::Listening { .. } => {}
            ProxyRecord::Access(record) => telemetry.access.push(*record),
            ProxyRecord::Span(record) => telemetry.spans.push(*record),
            ProxyRecord::Refusal(record) => telemetry.refusals.push(record),
            ProxyRecord::Connection(record) => telemetry.connections.push(record),
            ProxyRecord::Configuration(record) => telemetry.configurations.push(record),
            ProxyRecord::Identity(record) => telemetry.identities.push(record),
        }
    }
    telemetry.access.sort_by_key(|record| record.start_us);
    telemetry.spans.sort_by_key(|record| record.start_us);
    telemetry.refusals.sort_by_key(|record| record.at_us);
    telemetry.connections.sort_by_key(|record| record.opened_us);
    telemetry.configurations.sort_by_key(|record| record.at_us);
    telemetry.identities.sort_by_key(|record| record.at_us);
    telemetry
}

#[cfg(test)]
mod tests {
    use hallway_service::contract::Record;
    use serde_json::{Value, json};

    use super::{Applications, applications};
    use crate::incidents::Incidents;

    fn received(instance: &str, handling: u64, at_us: u64) -> Value {
        json!({ "record": "received", "handling": handling, "service": "payments", "version": "v1",
                "instance": instance, "at_us": at_us, "method": "GET", "path": "/" })
    }

    fn finished(handling: u64, at_us: u64) -> Value {
        json!({ "record": "finished", "handling": handling, "at_us": at_us, "outcome": "answered", "status": 200 })
    }

    fn sorted(workloads: Vec<(&str, Vec<Value>)>) -> (Applications, Incidents) {
        let records = |lines: Vec<Value>| -> Vec<Record> {
            lines
                .into_iter()
                .map(|line| serde_json::from_value(line).unwrap())
                .collect()
        };
        let workloads = workloads.into_iter();
        let by_workload = workloads.map(|(name, lines)| (name.to_owned(), records(lines)));
        let incidents = Incidents::default();
        (applications(by_workload.collect(), &incidents), incidents)
    }

    #[test]
    fn the_ledger_joins_within_one_process_and_sorts_across_all() {
        let first = vec![
            received("payments-1", 1, 10),
            received("payments-1", 2, 30),
            finished(2, 31),
            finished(1, 40),
        ];
        let second = vec![received("payments-2", 1, 20)];
        let (applications, _) = sorted(vec![("payments-1", first), ("payments-2", second)]);
        let seen: Vec<_> = applications
            .ledger
            .iter()
            .map(|entry| {
                (
                    entry.received.at_us,
                    entry.finished.as_ref().map(|finished| finished.at_us),
                )
            })
            .collect();
        assert_eq!(seen, [(10, Some(40)), (20, None), (30, Some(31))]);
    }

    #[test]
    fn a_process_that_starts_again_counts_anew() {
        let listening =
            json!({ "record": "listening", "application": "10.0.0.1:1", "control": "127.0.0.1:2" });
        let lines = vec![
            listening.clone(),
            received("payments-1", 1, 10),
            listening,
            received("payments-1", 1, 20),
            finished(1, 21),
        ];
        let (applications, _) = sorted(vec![("payments-1", lines)]);
        let ends: Vec<_> = applications
            .ledger
            .iter()
            .map(|entry| entry.finished.as_ref().map(|finished| finished.at_us))
            .collect();
        assert_eq!(
            ends,
            [None, Some(21)],
            "the first life ended before its request did"
        );
    }

    #[test]
    fn every_life_has_its_own_first_calls() {
        let listening =
            json!({ "record": "listening", "application": "10.0.0.1:1", "control": "127.0.0.1:2" });
        let first_call = |number: u64| json!({ "record": "first_call", "number": number, "at_us": 16, "url": "http://a/", "status": 200, "error": null });
        let lines = vec![
            listening.clone(),
            first_call(1),
            first_call(2),
            listening.clone(),
            listening,
            first_call(1),
        ];
        let (applications, _) = sorted(vec![("payments-1", lines)]);
        let lives: Vec<usize> = applications.first_calls["payments-1"]
            .iter()
            .map(Vec::len)
            .collect();
        assert_eq!(lives, [2, 0, 1]);
    }

    #[test]
    fn effects_stand_with_the_requests_that_had_them() {
        let effect = |handling: u64, number: u64| json!({ "record": "effect", "handling": handling, "at_us": 15, "number": number, "key": "k" });
        let lines = vec![
            received("payments-1", 1, 10),
            received("payments-1", 2, 11),
            effect(2, 1),
            effect(1, 2),
            json!({ "record": "first_call", "number": 1, "at_us": 16, "url": "http://a/", "status": 200, "error": null }),
            effect(7, 3),
        ];
        let (applications, incidents) = sorted(vec![("payments-1", lines)]);
        let numbers: Vec<Vec<u64>> = applications
            .ledger
            .iter()
            .map(|entry| entry.effects.iter().map(|effect| effect.number).collect())
            .collect();
        assert_eq!(numbers, [[2], [1]]);
        assert_eq!(applications.first_calls["payments-1"][0][0].url, "http://a/");
        let incidents = incidents.list();
        assert_eq!(incidents.len(), 1, "nothing is dropped in silence");
        assert!(incidents[0].what.contains("request 7"));
    }
}
