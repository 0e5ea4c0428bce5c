//! The witnesses' records of one run, joined by request.

use std::collections::BTreeMap;

use hallway_evidence::ledger::{CORRELATION_HEADER, Effect};
use hallway_evidence::{ClientRecord, FailureKind, LedgerEntry, Observations};
use hallway_model::telemetry::{Access, Direction, Refusal};
use hallway_scenario::check::Window;
use hallway_scenario::traffic::INTRUDER;
use hallway_scenario::{Scenario, Topology};

use crate::verdict::NoEvidence;
use crate::window::Interval;

/// The witnesses' records of one run, joined by `x-hallway-request`.
pub(crate) struct Evidence<'a> {
    pub(crate) observations: &'a Observations,
    /// What the services were told.
    pub(crate) topology: &'a Topology,
    ledger: BTreeMap<&'a str, Vec<&'a LedgerEntry>>,
    access: BTreeMap<&'a str, Vec<&'a Access>>,
}

impl<'a> Evidence<'a> {
    /// Those of a run of `scenario`.
    pub(crate) fn new(scenario: &'a Scenario, observations: &'a Observations) -> Self {
        let mut evidence = Self {
            observations,
            topology: &scenario.topology,
            ledger: BTreeMap::new(),
            access: BTreeMap::new(),
        };
        for entry in &observations.ledger {
            if let Some(correlation) = &entry.received.correlation {
                evidence.ledger.entry(correlation).or_default().push(entry);
            }
        }
        for record in &observations.telemetry.access {
            if let Some(correlation) = record.headers.get(CORRELATION_HEADER) {
                evidence.access.entry(correlation).or_default().push(record);
            }
        }
        evidence
    }

    /// The requests of a traffic; never none.
    pub(crate) fn requests(&self, traffic: &str) -> Result<Vec<&'a ClientRecord>, NoEvidence> {
        self.requests_during(traffic, None)
    }

    /// The requests of a traffic that belong to a part of the run; never none.
    pub(crate) fn requests_during(
        &self,
        traffic: &str,
        window: Option<&Window>,
    ) -> Result<Vec<&'a ClientRecord>, NoEvidence> {
        let interval = Interval::of(window, self.observations)?;
        let belongs = |request: &&ClientRecord| request.traffic == traffic && interval.holds(request);
        let requests: Vec<_> = self.observations.client.iter().filter(belongs).collect();
        if requests.is_empty() {
            let part = crate::window::words(window);
            return NoEvidence::because(format!("there was no request of {traffic}{part}"));
        }
        Ok(requests)
    }

    /// What the services wrote of a request, in the order of arrival.
    pub(crate) fn handled(&self, correlation: &str) -> &[&'a LedgerEntry] {
        self.ledger.get(correlation).map_or(&[], Vec::as_slice)
    }

    /// The effects at a service, in the order of arrival of the requests that had them.
    pub(crate) fn effects(&self, service: &str) -> impl Iterator<Item = (&'a LedgerEntry, &'a Effect)> {
        let entries = self.observations.ledger.iter();
        entries
            .filter(move |entry| entry.received.service == service)
            .flat_map(|entry| entry.effects.iter().map(move |effect| (entry, effect)))
    }

    /// What the access log of a workload's sidecar has of the calls that its program made by itself, for no request.
    pub(crate) fn own_calls(&self, workload: &str) -> impl Iterator<Item = &'a Access> {
        let records = self.observations.telemetry.access.iter();
        records.filter(move |record| {
            record.proxy == workload
                && record.direction == Direction::Outbound
                && !record.headers.contains_key(CORRELATION_HEADER)
        })
    }

    /// What the access logs have of a request.
    pub(crate) fn accesses(&self, correlation: &str) -> &[&'a Access] {
        self.access.get(correlation).map_or(&[], Vec::as_slice)
    }

    /// The first attempts of requests that arrived at a service for which `is_meant` holds: the unit of shares, since
    /// later attempts follow from the fate of the first.
    pub(crate) fn first_attempts(
        &self,
        requests: &[&'a ClientRecord],
        is_meant: impl Fn(&LedgerEntry) -> bool,
    ) -> Vec<&'a LedgerEntry> {
        let is_first = |entry: &&LedgerEntry| entry.received.attempt.unwrap_or(1) == 1;
        let handled = requests
            .iter()
            .flat_map(|request| self.handled(&request.correlation));
        handled
            .copied()
            .filter(is_first)
            .filter(|entry| is_meant(entry))
            .collect()
    }

    /// The refusal of an intruder's connection by an inbound sidecar: the client's address is the wire's downstream end, and
    /// the wire's upstream end is whom the sidecar refused.
    pub(crate) fn refusal_of(&self, request: &ClientRecord) -> Option<&'a Refusal> {
        let local = request.local_address?;
        let connections = self.observations.wire.iter();
        // An address may be used again: it is the last connection that the client can have had.
        let connection = connections
            .filter(|wire| {
                wire.from == INTRUDER
                    && wire.downstream_address == local
                    && wire.opened_us <= request.finished_us
            })
            .max_by_key(|wire| wire.opened_us)?;
        let upstream = connection.upstream_address?;
        let refusals = self.observations.telemetry.refusals.iter();
        refusals
            .filter(|refusal| refusal.direction == Direction::Inbound)
            .filter(|refusal| refusal.peer_address == upstream && refusal.at_us >= connection.opened_us)
            .min_by_key(|refusal| refusal.at_us)
    }

    /// The sidecars of a service that took part; of all services for `all`.
    pub(crate) fn sidecars(&self, service: &str) -> Result<Vec<&'a str>, NoEvidence> {
        let belongs = |workload: &&String| service == "all" || is_replica(workload, service);
        let sidecars: Vec<&str> = self
            .observations
            .run
            .sidecars
            .iter()
            .filter(belongs)
            .map(String::as_str)
            .collect();
        if sidecars.is_empty() {
            return NoEvidence::because(format!("no sidecar of {service} took part"));
        }
        Ok(sidecars)
    }
}

/// Whether a workload (`payments-1`) is a replica of a service (`payments`).
pub(crate) fn is_replica(workload: &str, service: &str) -> bool {
    let number = workload
        .strip_prefix(service)
        .and_then(|rest| rest.strip_prefix('-'));
    number.is_some_and(|number| number.parse::<u32>().is_ok())
}

/// The service of a workload: `payments` of `payments-1`. What is no replica stands for itself.
pub(crate) fn service_of(workload: &str) -> &str {
    match workload.rsplit_once('-') {
        Some((service, number)) if number.parse::<u32>().is_ok() => service,
        _ => workload,
    }
}

/// What the client saw, in a few words: the status, with that of gRPC, or the kind of failure.
pub(crate) fn outcome_words(request: &ClientRecord) -> String {
    match &request.outcome {
        Ok(response) => match &response.grpc {
            None => response.status.to_string(),
            Some(grpc) => format!("{} grpc-status {}", response.status, grpc.status),
        },
        Err(failure) => failure_words(failure.kind).to_owned(),
    }
}

/// A kind of failure, in words.
pub(crate) fn failure_words(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::ConnectionRefused => "connection refused",
        FailureKind::ConnectionClosed => "connection closed",
        FailureKind::Handshake => "handshake failed",
        FailureKind::CutShort => "cut short",
        FailureKind::TimedOut => "timed out",
        FailureKind::Other => "failed",
    }
}

/// `orders outbound`.
pub(crate) fn hop_words(record: &Access) -> String {
    format!("{} {}", service_of(&record.proxy), record.direction.as_str())
}
