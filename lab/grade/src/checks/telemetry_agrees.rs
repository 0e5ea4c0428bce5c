//! `telemetry_agrees`: four counts of the requests that a service handled are the same:
//!
//! - the ledger: its entries, cancelled and unfinished ones included;
//! - the access log: the inbound records of its sidecars, but for requests that these answered themselves, without the
//!   application. A request that the caller cancelled has a record there and an entry in the ledger;
//! - the metrics: the inbound requests that its sidecars count, but for those answered by themselves, which the access
//!   log tells;
//! - the spans: the attempts of callers' sidecars that reached it (they were answered, or are the parent of one of its
//!   inbound spans), but for those that its sidecars answered themselves; and the inbound spans that begin a trace, which
//!   came past all callers' sidecars.

use std::collections::{BTreeMap, BTreeSet};

use hallway_evidence::LedgerEntry;
use hallway_evidence::ledger::CORRELATION_HEADER;
use hallway_model::telemetry::{Access, Direction, ResponseFlag, Span};
use hallway_scenario::check::TelemetryAgrees;

use super::Judge;
use crate::evidence::{Evidence, is_replica};
use crate::tally::SAMPLES;
use crate::text;
use crate::verdict::{Finding, NoEvidence};

/// The counter of a proxy's requests, with the label `direction`.
const REQUESTS_METRIC: &str = "hallway_requests_total";

/// The flags of an inbound request that never reached the application.
const ANSWERED_BY_SIDECAR: [ResponseFlag; 6] = [
    ResponseFlag::NR,
    ResponseFlag::NC,
    ResponseFlag::UH,
    ResponseFlag::UF,
    ResponseFlag::UO,
    ResponseFlag::DPE,
];

impl Judge for TelemetryAgrees {
    fn expected(&self) -> String {
        format!("four equal counts of the requests that {} handled", self.service)
    }

    fn witness(&self) -> String {
        format!(
            "the ledgers of {}, its sidecars' logs and metrics, the callers' spans",
            self.service
        )
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Result<Finding, NoEvidence> {
        let witnesses = Witnesses::of(&self.service, evidence);
        let counts = witnesses.counts();
        if counts.iter().all(|(_, count)| *count == 0) {
            return NoEvidence::because(format!("{} handled no request", self.service));
        }
        let mut by_count: BTreeMap<i64, Vec<&str>> = BTreeMap::new();
        for (witness, count) in counts {
            by_count.entry(count).or_default().push(witness);
        }
        Ok(Finding {
            held: by_count.len() == 1,
            saw: words(&by_count),
            samples: witnesses.suspects(),
            ..Finding::default()
        })
    }
}

/// What the four witnesses have of one service.
struct Witnesses<'a> {
    ledger: Vec<&'a LedgerEntry>,
    access: Vec<&'a Access>,
    metrics: i64,
    /// The callers' attempts that reached it.
    attempts: Vec<&'a Span>,
    /// The inbound spans that begin a trace.
    beginnings: i64,
}

impl<'a> Witnesses<'a> {
    fn of(service: &str, evidence: &Evidence<'a>) -> Self {
        let observations = evidence.observations;
        let telemetry = &observations.telemetry;
        let is_inbound =
            |proxy: &str, direction| direction == Direction::Inbound && is_replica(proxy, service);
        let inbound_spans: Vec<&Span> = telemetry
            .spans
            .iter()
            .filter(|span| is_inbound(&span.proxy, span.direction))
            .collect();
        let parents: BTreeSet<&str> = inbound_spans
            .iter()
            .filter_map(|span| span.parent_span_id.as_deref())
            .collect();
        let reached = |span: &&Span| {
            span.direction.calls()
                && span
                    .endpoint
                    .as_deref()
                    .is_some_and(|endpoint| is_replica(endpoint, service))
                && (span.status.is_some() || parents.contains(span.span_id.as_str()))
        };
        let own = telemetry
            .metrics
            .iter()
            .filter(|(proxy, _)| is_replica(proxy, service));
        let samples = own.flat_map(|(_, samples)| samples).filter(|sample| {
            sample.name == REQUESTS_METRIC
                && sample
                    .labels
                    .get("direction")
                    .is_some_and(|value| value == "inbound")
        });
        Self {
            ledger: observations
                .ledger
                .iter()
                .filter(|entry| entry.received.service == service)
                .collect(),
            access: telemetry
                .access
                .iter()
                .filter(|record| is_inbound(&record.proxy, record.direction))
                .collect(),
            metrics: samples.map(|sample| sample.value).sum::<f64>().round() as i64,
            attempts: telemetry.spans.iter().filter(reached).collect(),
            beginnings: length(inbound_spans.iter().filter(|span| span.parent_span_id.is_none())),
        }
    }

    fn counts(&self) -> [(&'static str, i64); 4] {
        let traces: BTreeSet<&str> = self.attempts.iter().map(|span| span.trace_id.as_str()).collect();
        let own_answers = || self.access.iter().filter(|record| is_own_answer(record));
        let own_answers_to_attempts =
            own_answers().filter(|record| traces.contains(record.trace_id.as_str()));
        let attempts = length(self.attempts.iter()) - length(own_answers_to_attempts);
        [
            ("ledger", length(self.ledger.iter())),
            ("access log", length(self.access.iter()) - length(own_answers())),
            ("metrics", self.metrics - length(own_answers())),
            ("spans", attempts + self.beginnings),
        ]
    }

    /// Requests of which the ledger and the access log differ.
    fn suspects(&self) -> Vec<String> {
        let mut balance: BTreeMap<&str, i64> = BTreeMap::new();
        for entry in &self.ledger {
            if let Some(correlation) = &entry.received.correlation {
                *balance.entry(correlation).or_default() += 1;
            }
        }
        for record in self.access.iter().filter(|record| !is_own_answer(record)) {
            if let Some(correlation) = record.headers.get(CORRELATION_HEADER) {
                *balance.entry(correlation).or_default() -= 1;
            }
        }
        let unequal = balance.into_iter().filter(|(_, difference)| *difference != 0);
        unequal
            .map(|(correlation, _)| correlation.to_owned())
            .take(SAMPLES)
            .collect()
    }
}

fn is_own_answer(record: &Access) -> bool {
    record.attempts == 0 || record.flags.iter().any(|flag| ANSWERED_BY_SIDECAR.contains(flag))
}

fn length(items: impl Iterator) -> i64 {
    i64::try_from(items.count()).expect("a run has fewer than 2^63 records")
}

/// Names whoever differs from most of the others, or everybody when there is no majority.
fn words(by_count: &BTreeMap<i64, Vec<&str>>) -> String {
    let most = by_count.values().map(Vec::len).max().unwrap_or_default();
    let mut majorities = by_count.iter().filter(|(_, witnesses)| witnesses.len() == most);
    let (Some((count, _)), None) = (majorities.next(), majorities.next()) else {
        let groups = by_count
            .iter()
            .map(|(count, witnesses)| format!("{} {count}", text::list(witnesses)));
        return format!("no agreement: {}", groups.collect::<Vec<_>>().join("; "));
    };
    if by_count.len() == 1 {
        return format!("{count} each");
    }
    let others = by_count.iter().filter(|(other, _)| *other != count);
    let words = others
        .map(|(other, witnesses)| format!("{other} instead of {count} in the {}", text::list(witnesses)));
    words.collect::<Vec<_>>().join("; ")
}
