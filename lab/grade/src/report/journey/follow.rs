//! From the records of a request to the steps of its journey. The tree is that of its trace: an outbound request has
//! attempts, an attempt reaches an inbound sidecar, that one's service answers or makes outbound requests of its own.

use std::collections::BTreeSet;

use hallway_evidence::{ClientRecord, LedgerEntry};
use hallway_model::telemetry::{Access, Direction, Span};
use hallway_scenario::Scenario;

use super::JourneyStep;
use super::words::{
    arrival, decision_words, departure, endpoint_words, inbound_words, judgement_words, route_words,
    service_words,
};
use crate::checks::reason_word;
use crate::evidence::Evidence;

/// The steps of a request's journey.
pub(super) fn steps(
    request: &ClientRecord,
    scenario: &Scenario,
    evidence: &Evidence<'_>,
) -> Vec<JourneyStep> {
    let mut follower = Follower::new(request, scenario, evidence);
    follower.add(request.started_us, "client", departure(request, scenario));
    follower.roots();
    follower.refusal(evidence);
    follower.unexplained();
    follower.add(request.finished_us, "client", arrival(request));
    follower.steps.sort_by_key(|(order_us, _)| *order_us);
    follower.steps.into_iter().map(|(_, step)| step).collect()
}

struct Follower<'a> {
    request: &'a ClientRecord,
    scenario: &'a Scenario,
    accesses: Vec<&'a Access>,
    spans: Vec<&'a Span>,
    ledger: Vec<&'a LedgerEntry>,
    /// The entries of the ledger that are part of the story already.
    told: BTreeSet<(&'a str, u64)>,
    /// When to tell each step, and the step.
    steps: Vec<(u64, JourneyStep)>,
}

impl<'a> Follower<'a> {
    fn new(request: &'a ClientRecord, scenario: &'a Scenario, evidence: &Evidence<'a>) -> Self {
        let mut accesses = evidence.accesses(&request.correlation).to_vec();
        accesses.sort_by_key(|record| record.start_us);
        let traces: BTreeSet<&str> = accesses.iter().map(|record| record.trace_id.as_str()).collect();
        let all = evidence.observations.telemetry.spans.iter();
        let mut spans: Vec<&Span> = all
            .filter(|span| traces.contains(span.trace_id.as_str()))
            .collect();
        spans.sort_by_key(|span| span.start_us);
        let ledger = evidence.handled(&request.correlation).to_vec();
        Self {
            request,
            scenario,
            accesses,
            spans,
            ledger,
            told: BTreeSet::new(),
            steps: Vec::new(),
        }
    }

    fn add(&mut self, at_us: u64, place: impl Into<String>, what: impl Into<String>) {
        let after_us = at_us.saturating_sub(self.request.intended_us);
        let step = JourneyStep {
            after_us,
            place: place.into(),
            what: what.into(),
        };
        self.steps.push((at_us, step));
    }

    /// What no other span of the trace has caused: the request where it enters the mesh.
    fn roots(&mut self) {
        let known: BTreeSet<&str> = self.spans.iter().map(|span| span.span_id.as_str()).collect();
        for record in self.accesses.clone() {
            let parent = self
                .attempts_of(record)
                .first()
                .and_then(|span| span.parent_span_id.as_deref());
            let is_root = !parent.is_some_and(|parent| known.contains(parent));
            match record.direction {
                _ if !is_root => {}
                Direction::Inbound => self.inbound_root(record),
                Direction::Outbound | Direction::Gateway => self.outbound(record, ""),
            }
        }
    }

    /// A request as the proxy saw it that sent it into the mesh, with its attempts.
    fn outbound(&mut self, record: &'a Access, margin: &str) {
        let kind = match record.direction {
            Direction::Gateway => "gateway",
            Direction::Outbound | Direction::Inbound => "sidecar",
        };
        let proxy = format!("{margin}{} {kind}", record.proxy);
        self.add(record.start_us, proxy.clone(), route_words(record));
        for span in self.attempts_of(record) {
            self.attempt(span, margin);
        }
        if !record.flags.is_empty() {
            self.add(
                record.start_us + record.duration_us,
                proxy,
                decision_words(record),
            );
        }
    }

    fn attempt(&mut self, span: &'a Span, margin: &str) {
        self.add(
            span.start_us,
            format!("{margin}├ attempt {}", span.attempt),
            endpoint_words(span),
        );
        let below = format!("{margin}│   ");
        let reached: Vec<&Span> = self
            .spans
            .iter()
            .copied()
            .filter(|other| is_child(other, span))
            .collect();
        for inbound in reached {
            self.service(&inbound.span_id, &below);
        }
        if let Some(words) = judgement_words(span) {
            self.add(span.start_us + span.duration_us, format!("{below}judged"), words);
        }
    }

    /// A request that came to an inbound sidecar past all outbound ones, or got no further than there, so that no span says from where
    /// it came.
    fn inbound_root(&mut self, record: &'a Access) {
        let is_caller =
            |other: &&Access| other.direction == Direction::Outbound && other.request_id == record.request_id;
        let margin = match self.accesses.iter().any(is_caller) {
            true => "│   ",
            false => "",
        };
        let sidecar = format!("{margin}{} sidecar", record.proxy);
        self.add(record.start_us, sidecar, inbound_words(record));
        for span in self.attempts_of(record) {
            self.service(&span.span_id, "│   ");
        }
    }

    /// What the service behind an inbound span did.
    fn service(&mut self, inbound: &str, margin: &str) {
        let entry = self.ledger.iter().copied().find(|entry| {
            entry
                .received
                .traceparent
                .as_deref()
                .is_some_and(|parent| parent.contains(inbound))
        });
        for record in self.accesses.clone() {
            let caller = self
                .attempts_of(record)
                .first()
                .and_then(|span| span.parent_span_id.as_deref());
            if record.direction == Direction::Outbound && caller == Some(inbound) {
                self.outbound(record, margin);
            }
        }
        if let Some(entry) = entry {
            self.tell(entry, margin);
        }
    }

    fn tell(&mut self, entry: &'a LedgerEntry, margin: &str) {
        let received = &entry.received;
        self.told.insert((&received.instance, received.handling));
        let at_us = entry
            .finished
            .as_ref()
            .map_or(received.at_us, |finished| finished.at_us);
        let words = service_words(entry, self.scenario);
        self.add(at_us, format!("{margin}{}", received.instance), words);
    }

    /// A connection that an inbound sidecar refused. The client may hear of it before the sidecar has its record, but the
    /// cause is told first.
    fn refusal(&mut self, evidence: &Evidence<'_>) {
        if let Some(refusal) = evidence.refusal_of(self.request) {
            let words = format!(
                "refuses the connection: {} ({})",
                reason_word(refusal.reason),
                refusal.detail
            );
            self.add(refusal.at_us, format!("{} sidecar", refusal.proxy), words);
            if let Some((order_us, _)) = self.steps.last_mut() {
                *order_us = refusal.at_us.min(self.request.finished_us);
            }
        }
    }

    /// What services handled without a span that leads there.
    fn unexplained(&mut self) {
        for entry in self.ledger.clone() {
            if !self
                .told
                .contains(&(entry.received.instance.as_str(), entry.received.handling))
            {
                self.tell(entry, "");
            }
        }
    }

    /// The spans of an access record: of the same proxy and request; if the proxy had that request several times, those
    /// that began while the record lasted, and to its cluster.
    fn attempts_of(&self, record: &Access) -> Vec<&'a Span> {
        let is_same = |proxy: &str, direction, request_id: &str| {
            proxy == record.proxy && direction == record.direction && request_id == record.request_id
        };
        let times = self
            .accesses
            .iter()
            .filter(|other| is_same(&other.proxy, other.direction, &other.request_id))
            .count();
        let time = record.start_us..=record.start_us + record.duration_us;
        let is_meant = |span: &&&Span| {
            let same_cluster = record.cluster.is_none() || span.cluster == record.cluster;
            times == 1 || (same_cluster && time.contains(&span.start_us))
        };
        let own = self
            .spans
            .iter()
            .filter(|span| is_same(&span.proxy, span.direction, &span.request_id));
        own.filter(is_meant).copied().collect()
    }
}

fn is_child(inbound: &Span, outbound: &Span) -> bool {
    inbound.direction == Direction::Inbound
        && inbound.trace_id == outbound.trace_id
        && inbound.parent_span_id.as_deref() == Some(&outbound.span_id)
}
