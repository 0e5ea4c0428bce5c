//! Sorts what programs left behind into the evidence of the witnesses.

use std::collections::BTreeMap;

use hallway_evidence::{LedgerEntry, Telemetry};
use hallway_model::telemetry::ProxyRecord;
use hallway_service::contract::{Finished, Record};

/// The records of all programs of a run, by workload.
#[derive(Debug, Default)]
pub(crate) struct Records {
    pub(crate) sidecars: BTreeMap<String, Vec<ProxyRecord>>,
    pub(crate) applications: BTreeMap<String, Vec<Record>>,
}

/// The ledger, in the order of arrival.
pub(crate) fn ledger(applications: BTreeMap<String, Vec<Record>>) -> Vec<LedgerEntry> {
    let mut ledger: Vec<LedgerEntry> = applications.into_values().flat_map(join).collect();
    ledger.sort_by_key(|entry| entry.received.at_us);
    ledger
}

/// The entries of one application, in all its lives: each begins with a record of its own, and counts anew.
fn join(records: Vec<Record>) -> Vec<LedgerEntry> {
    let lives = records.split(|record| matches!(record, Record::Listening { .. }));
    lives.flat_map(|life| join_life(life.to_vec())).collect()
}

/// The entries of one process: what it received, each with how it ended.
fn join_life(records: Vec<Record>) -> Vec<LedgerEntry> {
    let mut received = Vec::new();
    let mut finished: BTreeMap<u64, Finished> = BTreeMap::new();
    for record in records {
        match record {
            Record::Listening { .. } => {}
            Record::Received(entry) => received.push(entry),
            Record::Finished(entry) => drop(finished.insert(entry.handling, entry)),
        }
    }
    let entry = |received: hallway_service::contract::Received| LedgerEntry {
        finished: finished.remove(&received.handling),
        received,
    };
    received.into_iter().map(entry).collect()
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

    use super::ledger;

    fn received(instance: &str, handling: u64, at_us: u64) -> Value {
        json!({ "record": "received", "handling": handling, "service": "payments", "version": "v1",
                "instance": instance, "at_us": at_us, "method": "GET", "path": "/" })
    }

    fn finished(handling: u64, at_us: u64) -> Value {
        json!({ "record": "finished", "handling": handling, "at_us": at_us, "outcome": "answered", "status": 200 })
    }

    #[test]
    fn the_ledger_joins_within_one_process_and_sorts_across_all() {
        let records = |lines: Vec<Value>| -> Vec<Record> {
            lines
                .into_iter()
                .map(|line| serde_json::from_value(line).unwrap())
                .collect()
        };
        let first = vec![
            received("payments-1", 1, 10),
            received("payments-1", 2, 30),
            finished(2, 31),
            finished(1, 40),
        ];
        let second = vec![received("payments-2", 1, 20)];
        let applications = [
            ("payments-1".to_owned(), records(first)),
            ("payments-2".to_owned(), records(second)),
        ];
        let ledger = ledger(applications.into());
        let seen: Vec<_> = ledger
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
        let lines = [
            listening.clone(),
            received("payments-1", 1, 10),
            listening,
            received("payments-1", 1, 20),
            finished(1, 21),
        ];
        let records: Vec<Record> = lines
            .into_iter()
            .map(|line| serde_json::from_value(line).unwrap())
            .collect();
        let ledger = ledger([("payments-1".to_owned(), records)].into());
        let ends: Vec<_> = ledger
            .iter()
            .map(|entry| entry.finished.as_ref().map(|finished| finished.at_us))
            .collect();
        assert_eq!(
            ends,
            [None, Some(21)],
            "the first life ended before its request did"
        );
    }
}
