//! Grades as JSON: a stable format. Fields are added to it, never renamed or removed; [`FORMAT`] changes if that must
//! happen after all. Durations are milliseconds, times microseconds since the Unix epoch.

use std::time::Duration;

use hallway_evidence::Incident;
use hallway_model::Origin;
use serde::{Deserialize, Serialize};

use crate::control::{ControlGrade, Shortcoming};
use crate::grade::{Grade, Outcome};
use crate::verdict::Verdict;

/// The version of the format.
pub const FORMAT: u32 = 1;

/// All grades.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Report {
    /// [`FORMAT`].
    pub format: u32,
    /// The version of `hallway`.
    pub hallway: String,
    /// How long everything took.
    pub took_ms: u64,
    /// One entry per scenario.
    pub scenarios: Vec<ScenarioReport>,
}

/// One scenario.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ScenarioReport {
    /// Its name.
    pub name: String,
    /// What happens in it.
    pub title: String,
    /// All in all.
    pub outcome: OutcomeWord,
    /// Why it was skipped.
    pub skipped_because: Option<String>,
    /// What went wrong with the lab.
    pub incidents: Vec<Incident>,
    /// Where it ran; absent when it did not.
    pub ground: Option<String>,
    /// Programs that were played by others, such as `orders-1: Rust stands in for Python`.
    pub stand_ins: Vec<String>,
    /// With which seed.
    pub seed: Option<u64>,
    /// When its traffic began.
    pub started_us: Option<u64>,
    /// How long it took, controls included.
    pub took_ms: u64,
    /// Its checks.
    pub checks: Vec<CheckReport>,
    /// Pushes that were not answered as the timeline expects.
    pub failures: Vec<String>,
    /// Its controls that ran.
    pub controls: Vec<ControlReport>,
    /// Its controls that did not run.
    pub controls_left_out: Vec<String>,
}

/// What came of a scenario.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeWord {
    /// Every check held, and every control that ran turned red what it should.
    Green,
    /// A check failed, or a control proves nothing.
    Red,
    /// It could not run here.
    Skipped,
    /// Something went wrong with the lab itself.
    LabFailed,
}

/// One check.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct CheckReport {
    /// Its name.
    pub name: String,
    /// Whether it held.
    pub held: bool,
    /// What it asks for.
    pub expected: String,
    /// What was seen.
    pub saw: String,
    /// Further lines.
    pub detail: Vec<String>,
    /// The probability of what was seen if the expectation were true, to three significant digits.
    pub p_value: Option<f64>,
    /// By whose testimony.
    pub witness: String,
    /// The rule that routed the requests in question.
    pub rule: Option<Origin>,
    /// `x-hallway-request` of some requests that show it.
    pub samples: Vec<String>,
}

/// One control.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ControlReport {
    /// Its name.
    pub name: String,
    /// Whether it turned red what it should, and nothing else.
    pub held: bool,
    /// How long its run took.
    pub took_ms: u64,
    /// Why it proves nothing.
    pub shortcomings: Vec<ShortcomingReport>,
    /// The verdicts of its run.
    pub checks: Vec<CheckReport>,
}

/// Why a control proves nothing.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ShortcomingReport {
    /// Its kind.
    pub kind: ShortcomingKind,
    /// The check that it is about; absent when the lab failed.
    pub check: Option<String>,
    /// All of it, in words.
    pub message: String,
}

/// The kinds of [`Shortcoming`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ShortcomingKind {
    /// Something went wrong with the lab itself.
    LabFailed,
    /// A check held that must fail.
    DidNotFail,
    /// A check failed for another cause.
    WrongCause,
    /// A check failed that may not.
    FailedToo,
}

/// The grades as JSON, indented.
pub fn text(grades: &[Grade], version: &str, took: Duration) -> String {
    let report = report(grades, version, took);
    serde_json::to_string_pretty(&report).expect("the report has no maps and no failing serializers") + "\n"
}

/// The grades as values.
pub fn report(grades: &[Grade], version: &str, took: Duration) -> Report {
    Report {
        format: FORMAT,
        hallway: version.to_owned(),
        took_ms: milliseconds(took),
        scenarios: grades.iter().map(scenario).collect(),
    }
}

fn scenario(grade: &Grade) -> ScenarioReport {
    let (outcome, skipped_because, incidents) = match &grade.outcome {
        Outcome::Green => (OutcomeWord::Green, None, Vec::new()),
        Outcome::Red => (OutcomeWord::Red, None, Vec::new()),
        Outcome::Skipped { reason } => (OutcomeWord::Skipped, Some(reason.clone()), Vec::new()),
        Outcome::LabFailed { incidents } => (OutcomeWord::LabFailed, None, incidents.clone()),
    };
    let run = grade.run.as_ref();
    ScenarioReport {
        name: grade.scenario.clone(),
        title: grade.title.clone(),
        outcome,
        skipped_because,
        incidents,
        ground: run.map(|run| run.ground.clone()),
        stand_ins: run.map(|run| run.stand_ins.clone()).unwrap_or_default(),
        seed: run.map(|run| run.seed),
        started_us: run.map(|run| run.started_us),
        took_ms: milliseconds(grade.took),
        checks: grade.verdicts.iter().map(check).collect(),
        failures: grade.failures.clone(),
        controls: grade.controls.iter().map(control).collect(),
        controls_left_out: grade.controls_left_out.clone(),
    }
}

fn check(verdict: &Verdict) -> CheckReport {
    let Verdict {
        check,
        held,
        expected,
        saw,
        detail,
        p_value,
        witness,
        rule,
        samples,
    } = verdict.clone();
    let p_value = p_value.map(rounded);
    CheckReport {
        name: check,
        held,
        expected,
        saw,
        detail,
        p_value,
        witness,
        rule,
        samples,
    }
}

/// Three significant digits: more say nothing, and the last ones differ from machine to machine.
fn rounded(probability: f64) -> f64 {
    format!("{probability:.2e}")
        .parse()
        .expect("a number as text is a number")
}

fn control(grade: &ControlGrade) -> ControlReport {
    ControlReport {
        name: grade.control.clone(),
        held: grade.holds(),
        took_ms: milliseconds(grade.took),
        shortcomings: grade.shortcomings.iter().map(shortcoming).collect(),
        checks: grade.verdicts.iter().map(check).collect(),
    }
}

fn shortcoming(shortcoming: &Shortcoming) -> ShortcomingReport {
    let (kind, check) = match shortcoming {
        Shortcoming::LabFailed(_) => (ShortcomingKind::LabFailed, None),
        Shortcoming::DidNotFail { check, .. } => (ShortcomingKind::DidNotFail, Some(check)),
        Shortcoming::WrongCause { check, .. } => (ShortcomingKind::WrongCause, Some(check)),
        Shortcoming::FailedToo { check, .. } => (ShortcomingKind::FailedToo, Some(check)),
    };
    ShortcomingReport {
        kind,
        check: check.cloned(),
        message: shortcoming.to_string(),
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
