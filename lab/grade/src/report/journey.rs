//! One request's journey (`--explain`): what every witness has of it, as one story.
//!
//! ```text
//! request 7f3a… GET http://payments/charge    answer 200 after 61.0 ms, 3 attempts
//!
//!    0.0 ms  client            sends to the sidecar of orders
//!    0.2 ms  orders-1 sidecar  route shop/checkout#1 (rules.yaml:9) → cluster shop/payments:80
//!    0.3 ms  ├ attempt 1       payments-1 · mTLS spiffe://hallway.test/ns/shop/sa/payments · new connection
//!    1.1 ms  │   payments-1    503 (told to fail the first 2)
//!    1.2 ms  │   judged        503 is in retry.codes; next attempt after 23.0 ms
//! ```
//!
//! - `follow`: from the records to the steps
//! - `words`: what happened at each, in words

mod follow;
mod words;

use hallway_evidence::{ClientRecord, Observations};
use hallway_scenario::Scenario;
use thiserror::Error;

use super::Styles;
use super::styles::paint;
use crate::evidence::{Evidence, outcome_words};
use crate::text;
use crate::verdict::Verdict;

/// Which request to follow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Pick {
    /// The first one.
    First,
    /// The first one that shows why this check is red, or that it holds.
    Check(String),
    /// The one whose `x-hallway-request` or `x-request-id` begins so.
    Request(String),
}

/// Why no request can be followed.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum ExplainError {
    /// There was no request at all.
    #[error("there was no request in this run, so there is no journey to tell")]
    NoRequest,
    /// The check names no request.
    #[error("no single request shows what {check} is about; try `--explain` alone, or with another check")]
    NoSample {
        /// The check.
        check: String,
    },
    /// Neither a check nor a request.
    #[error("`{words}` is neither a check of this scenario nor the beginning of a request's id")]
    Unknown {
        /// What was asked for.
        words: String,
    },
}

/// One request's way through the mesh.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Journey {
    /// The request's `x-hallway-request`.
    pub correlation: String,
    /// What was asked for.
    pub request: String,
    /// What came of it.
    pub outcome: String,
    /// What happened on the way.
    pub steps: Vec<JourneyStep>,
}

/// One thing that happened on the way.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JourneyStep {
    /// When, in microseconds from the intended start.
    pub after_us: u64,
    /// Where it happened, below what.
    pub place: String,
    /// What happened.
    pub what: String,
}

impl Pick {
    /// What a user means by the words after `--explain`: a check of `scenario`, or a request.
    pub fn parse(words: Option<&str>, scenario: &Scenario) -> Self {
        match words {
            None => Self::First,
            Some(check) if scenario.checks.contains_key(check) => Self::Check(check.to_owned()),
            Some(id) => Self::Request(id.trim_end_matches('…').to_owned()),
        }
    }
}

/// Follows one request.
///
/// # Errors
/// [`ExplainError`] when there is no such request.
pub fn explain(
    scenario: &Scenario,
    observations: &Observations,
    verdicts: &[Verdict],
    pick: &Pick,
) -> Result<Journey, ExplainError> {
    let evidence = Evidence::new(scenario, observations);
    let request = picked(observations, verdicts, pick, &evidence)?;
    let attempts = attempts(request, &evidence);
    Ok(Journey {
        correlation: request.correlation.clone(),
        request: format!("{} {}", request.method, request.url),
        outcome: format!(
            "{} after {}{attempts}",
            outcome(request),
            text::duration(request.latency_us())
        ),
        steps: follow::steps(request, scenario, &evidence),
    })
}

impl Journey {
    /// The journey as text.
    pub fn text(&self, styles: &Styles) -> String {
        let id = paint(styles.strong, shortened(&self.correlation));
        let mut text = format!("request {id} {}    {}\n\n", self.request, self.outcome);
        let width = self
            .steps
            .iter()
            .map(|step| step.place.chars().count())
            .max()
            .unwrap_or(0);
        for step in &self.steps {
            let time = paint(styles.quiet, format!("{:>7.1} ms", step.after_us as f64 / 1e3));
            text += &format!("{time}  {:<width$}  {}\n", step.place, step.what);
        }
        text
    }
}

fn picked<'a>(
    observations: &'a Observations,
    verdicts: &[Verdict],
    pick: &Pick,
    evidence: &Evidence<'a>,
) -> Result<&'a ClientRecord, ExplainError> {
    let requests = &observations.client;
    let found = match pick {
        Pick::First => requests.first(),
        Pick::Check(check) => {
            let verdict = verdicts.iter().find(|verdict| verdict.check == *check);
            let sample = verdict.and_then(|verdict| verdict.samples.first());
            let sample = sample.ok_or_else(|| ExplainError::NoSample { check: check.clone() })?;
            requests.iter().find(|request| request.correlation == *sample)
        }
        Pick::Request(id) => {
            let known = |request: &&ClientRecord| {
                let logged = evidence.accesses(&request.correlation);
                request.correlation.starts_with(id)
                    || logged.iter().any(|record| record.request_id.starts_with(id))
            };
            let found = requests.iter().find(known);
            return found.ok_or_else(|| ExplainError::Unknown { words: id.clone() });
        }
    };
    found.ok_or(ExplainError::NoRequest)
}

fn outcome(request: &ClientRecord) -> String {
    match &request.outcome {
        Ok(response) => format!("answer {}", response.status),
        Err(_) => outcome_words(request),
    }
}

/// `, 3 attempts`, by the log of the first proxy; nothing when no proxy made any.
fn attempts(request: &ClientRecord, evidence: &Evidence<'_>) -> String {
    let first = evidence
        .accesses(&request.correlation)
        .iter()
        .min_by_key(|record| record.start_us);
    match first {
        Some(record) if record.attempts > 0 => {
            format!(", {}", text::plural(record.attempts.into(), "attempt"))
        }
        _ => String::new(),
    }
}

/// The first eight characters of an id.
fn shortened(id: &str) -> String {
    match id.char_indices().nth(8) {
        Some((end, _)) => format!("{}…", &id[..end]),
        None => id.to_owned(),
    }
}
