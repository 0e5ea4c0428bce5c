//! One run → one verdict per check.

use std::collections::BTreeMap;

use hallway_evidence::Observations;
use hallway_model::Origin;
use hallway_scenario::{Check, Scenario};

use crate::checks::Judge;
use crate::evidence::Evidence;
use crate::verdict::{Finding, NoEvidence, Verdict};

/// Judges every check of `scenario` by what was observed, in the order in which they are written.
pub fn judge(scenario: &Scenario, observations: &Observations) -> Vec<Verdict> {
    let evidence = Evidence::new(scenario, observations);
    scenario
        .checks
        .iter()
        .map(|(name, check)| verdict(name, judge_of(check), &evidence))
        .collect()
}

/// The judge of a check: the module of the same name.
fn judge_of(check: &Check) -> &dyn Judge {
    match check {
        Check::Responses(check) => check,
        Check::Connections(check) => check,
        Check::Latency(check) => check,
        Check::Recovers(check) => check,
        Check::Load(check) => check,
        Check::Spread(check) => check,
        Check::Split(check) => check,
        Check::Attempts(check) => check,
        Check::Amplification(check) => check,
        Check::NeverHandled(check) => check,
        Check::AtMostOnce(check) => check,
        Check::ExactlyOnce(check) => check,
        Check::FirstCalls(check) => check,
        Check::Footprint(check) => check,
        Check::Encrypted(check) => check,
        Check::Rejected(check) => check,
        Check::Identity(check) => check,
        Check::Rotations(check) => check,
        Check::Lifetimes(check) => check,
        Check::Hops(check) => check,
        Check::TraceComplete(check) => check,
        Check::Cancelled(check) => check,
        Check::ResponseFlag(check) => check,
        Check::Propagation(check) => check,
        Check::Refusals(check) => check,
        Check::Nacked(check) => check,
        Check::TelemetryAgrees(check) => check,
    }
}

fn verdict(name: &str, check: &dyn Judge, evidence: &Evidence<'_>) -> Verdict {
    let finding = check
        .judge(evidence)
        .unwrap_or_else(|NoEvidence(reason)| Finding {
            saw: format!("no evidence: {reason}"),
            ..Finding::default()
        });
    Verdict {
        check: name.to_owned(),
        held: finding.held,
        expected: check.expected(),
        saw: finding.saw,
        detail: finding.detail,
        p_value: finding.p_value,
        witness: check.witness(),
        rule: if finding.held {
            None
        } else {
            rule_of(&finding.samples, evidence)
        },
        samples: finding.samples,
    }
}

/// The rule that routed most of these requests, where they entered the mesh.
fn rule_of(correlations: &[String], evidence: &Evidence<'_>) -> Option<Origin> {
    let mut votes: BTreeMap<&Origin, usize> = BTreeMap::new();
    for correlation in correlations {
        let outbound = evidence
            .accesses(correlation)
            .iter()
            .filter(|record| record.direction.calls());
        let entry = outbound.min_by_key(|record| record.start_us);
        if let Some(origin) = entry.and_then(|record| record.origin.as_ref()) {
            *votes.entry(origin).or_default() += 1;
        }
    }
    votes
        .into_iter()
        .max_by_key(|(_, count)| *count)
        .map(|(origin, _)| origin.clone())
}
