//! A scenario's run and those of its controls → a grade.

use std::collections::BTreeMap;
use std::time::Duration;

use hallway_evidence::{Incident, Observations, Push, PushOutcome, Run};
use hallway_model::telemetry::Problem;
use hallway_scenario::Scenario;
use hallway_scenario::check::Part;
use hallway_scenario::timeline::Expectation;

use crate::checks::footprint::Size;
use crate::control::{ControlGrade, Shortcoming, grade_control};
use crate::judge::judge;
use crate::verdict::Verdict;

/// What was observed of one run, and how long the run took.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// What was observed.
    pub observations: &'a Observations,
    /// How long the run took, on the clock of whoever waited for it.
    pub took: Duration,
}

/// What came of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Grade {
    /// The scenario.
    pub scenario: String,
    /// What happens in it, in one line.
    pub title: String,
    /// The run; absent when it was skipped.
    pub run: Option<Run>,
    /// How long everything took, controls included.
    pub took: Duration,
    /// One verdict per check.
    pub verdicts: Vec<Verdict>,
    /// Failures of the run beside its checks: pushes that were answered otherwise than the timeline expects.
    pub failures: Vec<String>,
    /// One grade per control that ran.
    pub controls: Vec<ControlGrade>,
    /// The controls that did not run.
    pub controls_left_out: Vec<String>,
    /// What the mesh took of the machine, such as `4 processes, 31 MiB`; absent where nobody has measured it.
    pub overhead: Option<String>,
    /// All in all.
    pub outcome: Outcome,
}

/// What came of a scenario, all in all.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Every check held, and every control that ran turned red what it should.
    Green,
    /// A check failed, or a control proves nothing.
    Red,
    /// It could not run here.
    Skipped {
        /// Why.
        reason: String,
    },
    /// Something went wrong with the lab itself, so that nothing is proven.
    LabFailed {
        /// What, in which run.
        incidents: Vec<Incident>,
    },
}

/// Whether skipped scenarios are acceptable.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Skips {
    /// They are no failure.
    Allowed,
    /// They are: under `CI=true`, or when the scenario was asked for by name.
    Forbidden,
}

impl Grade {
    /// The grade of a scenario that could not run here.
    pub fn skipped(scenario: &Scenario, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::without_a_run(scenario, Outcome::Skipped { reason })
    }

    /// The grade of a scenario that the lab could not run.
    pub fn lab_failed(scenario: &Scenario, incident: Incident) -> Self {
        let incidents = vec![incident];
        Self::without_a_run(scenario, Outcome::LabFailed { incidents })
    }

    fn without_a_run(scenario: &Scenario, outcome: Outcome) -> Self {
        Self {
            scenario: scenario.scenario.clone(),
            title: scenario.title.clone(),
            run: None,
            took: Duration::ZERO,
            verdicts: Vec::new(),
            failures: Vec::new(),
            controls: Vec::new(),
            controls_left_out: scenario.controls.keys().cloned().collect(),
            overhead: None,
            outcome,
        }
    }

    /// The checks that held.
    pub fn checks_held(&self) -> usize {
        self.verdicts.iter().filter(|verdict| verdict.held).count()
    }

    /// The controls that turned red what they should.
    pub fn controls_held(&self) -> usize {
        self.controls.iter().filter(|control| control.holds()).count()
    }
}

/// Grades `scenario` by its own run and by those of its controls, by name. The run of a control that only spoils evidence
/// may be the scenario's own: it is spoilt here. `took` is how long everything took.
pub fn grade(
    scenario: &Scenario,
    run: Observed<'_>,
    controls: &BTreeMap<String, Observed<'_>>,
    took: Duration,
) -> Grade {
    let verdicts = judge(scenario, run.observations);
    let failures = broken_expectations(scenario, run.observations);
    let ran = scenario.controls.iter().filter_map(|(name, control)| {
        let Observed { observations, took } = controls.get(name)?;
        Some(grade_control(scenario, name, control, observations, *took))
    });
    let controls_graded: Vec<ControlGrade> = ran.collect();
    let left_out = scenario
        .controls
        .keys()
        .filter(|name| !controls.contains_key(*name));
    Grade {
        scenario: scenario.scenario.clone(),
        title: scenario.title.clone(),
        run: Some(run.observations.run.clone()),
        took,
        outcome: outcome(run.observations, &verdicts, &failures, &controls_graded),
        verdicts,
        failures,
        controls: controls_graded,
        controls_left_out: left_out.cloned().collect(),
        overhead: overhead(run.observations),
    }
}

/// What the mesh of a run took of the machine, if that was measured.
pub(crate) fn overhead(observations: &Observations) -> Option<String> {
    Size::of(Part::Mesh, observations).map(|size| size.to_string())
}

/// The exit code of `hallway` for these grades: 0 all green, 1 a check failed or a control proves nothing, 3 the lab
/// itself failed. (2 is for scenarios and rules that are wrong: those have no grade.)
pub fn exit_code(grades: &[Grade], skips: Skips) -> u8 {
    let code = |grade: &Grade| match &grade.outcome {
        Outcome::Green => 0,
        Outcome::Red => 1,
        Outcome::Skipped { .. } if skips == Skips::Allowed => 0,
        Outcome::Skipped { .. } | Outcome::LabFailed { .. } => 3,
    };
    grades.iter().map(code).max().unwrap_or(0)
}

fn outcome(
    observations: &Observations,
    verdicts: &[Verdict],
    failures: &[String],
    controls: &[ControlGrade],
) -> Outcome {
    let in_control = |control: &ControlGrade, incident: &Incident| Incident {
        who: format!("{} (control {})", incident.who, control.control),
        what: incident.what.clone(),
    };
    let in_controls = controls.iter().flat_map(|control| {
        control
            .shortcomings
            .iter()
            .filter_map(move |shortcoming| match shortcoming {
                Shortcoming::LabFailed(incident) => Some(in_control(control, incident)),
                _ => None,
            })
    });
    let incidents: Vec<Incident> = observations
        .incidents
        .iter()
        .cloned()
        .chain(in_controls)
        .collect();
    let checks_hold = verdicts.iter().all(|verdict| verdict.held);
    if !incidents.is_empty() {
        Outcome::LabFailed { incidents }
    } else if checks_hold && failures.is_empty() && controls.iter().all(ControlGrade::holds) {
        Outcome::Green
    } else {
        Outcome::Red
    }
}

/// What the control plane answered to the pushes of the timeline, where that is not what the timeline expects.
fn broken_expectations(scenario: &Scenario, observations: &Observations) -> Vec<String> {
    let mut pushes = observations.pushes.iter().filter(|push| !push.initial);
    let broken = scenario.pushes().filter_map(|step| {
        // Pushes are recorded in the order of the timeline; one that is missing must not use up those after it.
        let mut ahead = pushes.clone();
        let Some(push) = ahead.find(|push| push.rules == step.push) else {
            return Some(format!(
                "{} was to be pushed at {}, but never was",
                step.push, step.at
            ));
        };
        pushes = ahead;
        broken_expectation(step.expect, push)
    });
    broken.collect()
}

fn broken_expectation(expected: Expectation, push: &Push) -> Option<String> {
    match (expected, &push.outcome) {
        (Expectation::Accepted, PushOutcome::Accepted { .. })
        | (Expectation::Refused, PushOutcome::Refused { .. }) => None,
        (Expectation::Refused, PushOutcome::Accepted { generation }) => Some(format!(
            "{} was to be refused, but was accepted as generation {generation}",
            push.rules
        )),
        (Expectation::Accepted, PushOutcome::Refused { problems }) => {
            let reasons: Vec<String> = problems.iter().map(problem_words).collect();
            Some(format!(
                "{} was to be accepted, but was refused: {}",
                push.rules,
                reasons.join("; ")
            ))
        }
    }
}

fn problem_words(problem: &Problem) -> String {
    format!(
        "{}:{}:{}: {}",
        problem.file, problem.line, problem.column, problem.message
    )
}
