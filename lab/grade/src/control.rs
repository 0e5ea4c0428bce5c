//! Whether a control turned the right checks red, for the stated cause.

use std::time::Duration;

use hallway_evidence::{Incident, Observations};
use hallway_scenario::{Control, Scenario};

use crate::grade::overhead;
use crate::judge::judge;
use crate::tamper::tamper;
use crate::verdict::Verdict;

/// What came of a control.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlGrade {
    /// Its name.
    pub control: String,
    /// How long its run took.
    pub took: Duration,
    /// The verdicts of its run: some are meant to be red.
    pub verdicts: Vec<Verdict>,
    /// What the mesh took of the machine; absent where nobody has measured it.
    pub overhead: Option<String>,
    /// Why it proves nothing; empty when it does what it should.
    pub shortcomings: Vec<Shortcoming>,
}

/// Why a control proves nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Shortcoming {
    /// Something went wrong with the lab itself.
    LabFailed(Incident),
    /// A check held that must fail.
    DidNotFail {
        /// The check.
        check: String,
        /// What was seen.
        saw: String,
    },
    /// A check failed as it must, but for another cause.
    WrongCause {
        /// The check.
        check: String,
        /// The words that its message must contain.
        cause: String,
        /// What was seen instead.
        saw: String,
    },
    /// A check failed that is neither in `must_fail` nor in `may_fail`.
    FailedToo {
        /// The check.
        check: String,
        /// What was seen.
        saw: String,
    },
}

impl ControlGrade {
    /// Whether the lab was healthy, every `must_fail` check failed for its cause, and every other check held unless it
    /// may fail.
    pub fn holds(&self) -> bool {
        self.shortcomings.is_empty()
    }

    /// Whether something went wrong with the lab itself.
    pub fn lab_failed(&self) -> bool {
        self.shortcomings
            .iter()
            .any(|shortcoming| matches!(shortcoming, Shortcoming::LabFailed(_)))
    }
}

impl std::fmt::Display for Shortcoming {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::LabFailed(incident) => {
                write!(formatter, "the lab failed: {}: {}", incident.who, incident.what)
            }
            Self::DidNotFail { check, saw } => write!(formatter, "{check} must fail, but held: {saw}"),
            Self::WrongCause { check, cause, saw } => {
                write!(formatter, "{check} failed, but not for `{cause}`: {saw}")
            }
            Self::FailedToo { check, saw } => {
                write!(
                    formatter,
                    "{check} failed too, which `may_fail` does not allow: {saw}"
                )
            }
        }
    }
}

/// Grades one control. What a push was answered is not held against it: the rules and the control plane that the control
/// changed may well decide otherwise, and the checks say whether that mattered.
pub fn grade_control(
    scenario: &Scenario,
    name: &str,
    control: &Control,
    observations: &Observations,
    took: Duration,
) -> ControlGrade {
    let spoilt = control.evidence.map(|evidence| tamper(observations, evidence));
    let verdicts = judge(scenario, spoilt.as_ref().unwrap_or(observations));
    let incidents = observations.incidents.iter().cloned().map(Shortcoming::LabFailed);
    let judged = verdicts.iter().filter_map(|verdict| {
        let cause = control.must_fail.get(&verdict.check).map(String::as_str);
        shortcoming(cause, control.may_fail.contains(&verdict.check), verdict)
    });
    let shortcomings = incidents.chain(judged).collect();
    ControlGrade {
        control: name.to_owned(),
        took,
        verdicts,
        overhead: overhead(observations),
        shortcomings,
    }
}

/// What is wrong with a verdict that must be red for this `cause`, where there is one, and otherwise green unless it `may_fail`.
pub fn shortcoming(cause: Option<&str>, may_fail: bool, verdict: &Verdict) -> Option<Shortcoming> {
    let (check, saw) = (verdict.check.clone(), verdict.saw.clone());
    match (cause, verdict.held) {
        (Some(_), true) => Some(Shortcoming::DidNotFail { check, saw }),
        (Some(cause), false) if verdict.says(cause) => None,
        (Some(cause), false) => Some(Shortcoming::WrongCause {
            check,
            cause: cause.to_owned(),
            saw,
        }),
        (None, true) => None,
        (None, false) if may_fail => None,
        (None, false) => Some(Shortcoming::FailedToo { check, saw }),
    }
}
