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

/// The entries of one process: what it received, each with how it ended.
fn join(records: Vec<Record>) -> Vec<LedgerEntry> {
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
