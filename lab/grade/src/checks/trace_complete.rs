//! `trace_complete`: every attempt that reached a service hangs in one trace. The `traceparent` in its ledger names the
//! span of its inbound sidecar, whose parent is the span of the attempt at the caller's outbound sidecar. What called
//! that one is part of the trace too, unless it is the client. Every attempt in the access log has a span, and all of a
//! request is one trace.

use std::collections::{BTreeMap, BTreeSet};

use hallway_evidence::{ClientRecord, LedgerEntry, Observations};
use hallway_model::telemetry::{Access, Direction, Span};
use hallway_scenario::check::TraceComplete;

use super::Judge;
use crate::evidence::Evidence;
use crate::tally::Tally;
use crate::text;
use crate::verdict::{Finding, NoEvidence};

impl Judge for TraceComplete {
    fn expected(&self) -> String {
        format!(
            "one connected trace for each request of {}, down to the service",
            self.traffic
        )
    }

    fn witness(&self) -> String {
        "the spans and the ledgers".to_owned()
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Result<Finding, NoEvidence> {
        let requests = evidence.requests(&self.traffic)?;
        let spans = Spans::new(evidence.observations);
        if spans.by_id.is_empty() {
            return NoEvidence::because("no span was recorded");
        }
        let mut tally = Tally::default();
        for request in requests {
            let happened = gap(request, evidence, &spans).map_or(Ok("one trace".to_owned()), Err);
            tally.add(Some(&request.correlation), happened);
        }
        Ok(tally.into_finding())
    }
}

struct Spans<'a> {
    by_id: BTreeMap<(&'a str, &'a str), &'a Span>,
    /// Which proxies are in which traces with their inbound side.
    inbound: BTreeSet<(&'a str, &'a str)>,
    /// How many attempts an outbound side has under a request id.
    attempts: BTreeMap<(&'a str, &'a str), u64>,
}

impl<'a> Spans<'a> {
    fn new(observations: &'a Observations) -> Self {
        let mut spans = Self {
            by_id: BTreeMap::new(),
            inbound: BTreeSet::new(),
            attempts: BTreeMap::new(),
        };
        for span in &observations.telemetry.spans {
            spans.by_id.insert((&span.trace_id, &span.span_id), span);
            match span.direction {
                Direction::Inbound => {
                    spans.inbound.insert((&span.trace_id, &span.proxy));
                }
                Direction::Outbound | Direction::Gateway => {
                    *spans.attempts.entry((&span.proxy, &span.request_id)).or_default() += 1;
                }
            }
        }
        spans
    }

    /// The span on the side that calls, or on the inbound side.
    fn find(&self, trace: &str, id: &str, calls: bool) -> Option<&'a Span> {
        self.by_id
            .get(&(trace, id))
            .copied()
            .filter(|span| span.direction.calls() == calls)
    }
}

/// What is missing in a request's trace.
fn gap(request: &ClientRecord, evidence: &Evidence<'_>, spans: &Spans<'_>) -> Option<String> {
    let handled = evidence.handled(&request.correlation);
    if handled.is_empty() {
        return Some("reached no service".to_owned());
    }
    let accesses = evidence.accesses(&request.correlation);
    let above = handled.iter().find_map(|entry| gap_above(entry, spans));
    above.or_else(|| gap_in_attempts(accesses, spans)).or_else(|| {
        let ledgers = handled
            .iter()
            .filter_map(|entry| parent_of(entry))
            .map(|(trace, _)| trace);
        let traces: BTreeSet<&str> = ledgers
            .chain(accesses.iter().map(|record| record.trace_id.as_str()))
            .collect();
        (traces.len() > 1).then(|| {
            let traces = text::plural(traces.len() as u64, "trace");
            match forgetful(accesses) {
                Some(instance) => format!("{traces} for one request: {instance} did not pass traceparent on"),
                None => format!("{traces} for one request"),
            }
        })
    })
}

/// Whose sidecar saw the request come in with one trace, and the calls made for it go out with another: the service between
/// them has dropped `traceparent`.
fn forgetful<'a>(accesses: &[&'a Access]) -> Option<&'a str> {
    let on = |calls| {
        accesses
            .iter()
            .filter(move |record| record.direction.calls() == calls)
    };
    on(false).find_map(|came| {
        let mut left = on(true).filter(|left| left.proxy == came.proxy);
        left.any(|left| left.trace_id != came.trace_id)
            .then_some(came.proxy.as_str())
    })
}

/// What is missing between a ledger's entry and the caller's attempt.
fn gap_above(entry: &LedgerEntry, spans: &Spans<'_>) -> Option<String> {
    let instance = &entry.received.instance;
    let Some((trace, parent)) = parent_of(entry) else {
        return Some(format!("no traceparent at {instance}"));
    };
    let Some(inbound) = spans.find(trace, parent, false) else {
        return Some(format!("no inbound span for {instance}"));
    };
    let caller = inbound.parent_span_id.as_deref();
    let Some(outbound) = caller.and_then(|parent| spans.find(trace, parent, true)) else {
        return Some(format!("no outbound span above {instance}"));
    };
    let root = outbound.parent_span_id.as_deref();
    let continues = root.is_some_and(|parent| spans.find(trace, parent, false).is_some());
    let is_entry = !spans.inbound.contains(&(trace, &outbound.proxy));
    (!continues && !is_entry).then(|| format!("no inbound span above {} outbound", outbound.proxy))
}

/// Whether every attempt that the access log counts has a span.
fn gap_in_attempts(accesses: &[&Access], spans: &Spans<'_>) -> Option<String> {
    let mut logged: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for record in accesses.iter().filter(|record| record.direction.calls()) {
        *logged.entry((&record.proxy, &record.request_id)).or_default() += u64::from(record.attempts);
    }
    logged.into_iter().find_map(|(key, attempts)| {
        let traced = spans.attempts.get(&key).copied().unwrap_or_default();
        (traced != attempts).then(|| {
            format!(
                "{} for {}",
                text::plural(traced, "span"),
                text::plural(attempts, "attempt")
            )
        })
    })
}

/// The trace and the parent span in a `traceparent`. Source: W3C Trace Context, `version-trace_id-parent_id-flags`.
fn parent_of(entry: &LedgerEntry) -> Option<(&str, &str)> {
    let mut parts = entry.received.traceparent.as_deref()?.split('-');
    let (_version, trace, parent) = (parts.next()?, parts.next()?, parts.next()?);
    Some((trace, parent))
}
