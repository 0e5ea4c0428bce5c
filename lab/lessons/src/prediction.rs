//! `lesson.yaml`: a question that is asked before a run, and which of its answers the run shows to be right.

use hallway_grade::Verdict;
use hallway_scenario::Loaded;
use hallway_scenario::findings::Findings;
use hallway_yaml::{Diagnostics, Node, Path};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{LessonError, file};

/// The file that holds the prediction.
pub const PREDICTION_FILE: &str = "lesson.yaml";

/// The file as a whole.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LessonFile {
    /// What a learner is asked before the run.
    prediction: Prediction,
}

/// A question about a run, asked before it.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Prediction {
    /// The question.
    pub question: String,
    /// The control or the deployment that is run; the scenario as written when absent.
    pub run: Option<String>,
    /// The answers to choose from, of which exactly one is right.
    #[schemars(length(min = 2, max = 4))]
    pub choices: Vec<Choice>,
}

/// An answer to choose.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// The answer.
    pub says: String,
    /// When a run shows that it is right. It is true of the run exactly when the answer is right.
    #[serde(rename = "if")]
    pub condition: Condition,
    /// Whether it is the right one.
    #[serde(default)]
    pub right: bool,
    /// What is said afterwards to those who chose it: what is true in the idea, and what the run shows instead.
    pub because: String,
}

/// What must be true of a run.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Condition {
    /// A check holds.
    Holds(Holds),
    /// A check fails.
    Fails(Fails),
}

/// A check holds.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Holds {
    /// The check.
    pub holds: String,
    /// Words that what it saw must contain.
    pub saw: Option<String>,
}

/// A check fails.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fails {
    /// The check.
    pub fails: String,
    /// Words that what it saw must contain.
    pub saw: Option<String>,
}

/// A run bears out another answer than the one that is marked as right.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Misprediction {
    /// It bears out none.
    #[error("the run shows none of the choices: {saw}")]
    None {
        /// What the checks saw that the choices mean.
        saw: String,
    },
    /// It bears out several.
    #[error("the run shows {}, and only one may be true: {saw}", quoted(choices))]
    Several {
        /// Those.
        choices: Vec<String>,
        /// What the checks saw that the choices mean.
        saw: String,
    },
    /// It bears out another.
    #[error("the run shows “{shown}”, but “{right}” is marked as right: {saw}")]
    Other {
        /// The answer that it bears out.
        shown: String,
        /// The one that is marked.
        right: String,
        /// What the checks saw that the choices mean.
        saw: String,
    },
}

impl Prediction {
    /// Reads the prediction of a scenario.
    ///
    /// # Errors
    /// When there is none, or it is wrong: then everything that is.
    pub fn load(loaded: &Loaded) -> Result<Self, LessonError> {
        let path = loaded.files.path(PREDICTION_FILE);
        let document = file::document(&path, "it holds what a learner is asked before the run")?;
        let LessonFile { prediction } = document.decode().map_err(LessonError::Invalid)?;
        let found = prediction.validate(&document, loaded);
        match found.is_empty() {
            true => Ok(prediction),
            false => Err(LessonError::Invalid(found)),
        }
    }

    /// The right choice.
    pub fn right(&self) -> &Choice {
        let mut choices = self.choices.iter();
        choices
            .find(|choice| choice.right)
            .expect("exactly one choice is right, which was checked when it was read")
    }

    /// Whether one of the choices is about the check that a verdict is on.
    pub fn is_about(&self, verdict: &Verdict) -> bool {
        let mut choices = self.choices.iter();
        choices.any(|choice| choice.condition.check() == verdict.check)
    }

    /// The choices that a run bears out, by the verdicts on its checks.
    pub fn shown(&self, verdicts: &[Verdict]) -> Vec<&Choice> {
        let choices = self.choices.iter();
        choices
            .filter(|choice| choice.condition.is_met(verdicts))
            .collect()
    }

    /// Whether a run bears out the choice that is marked as right, and no other.
    ///
    /// # Errors
    /// [`Misprediction`].
    pub fn check(&self, verdicts: &[Verdict]) -> Result<(), Misprediction> {
        let saw = self.testimony(verdicts);
        match self.shown(verdicts).as_slice() {
            [choice] if choice.right => Ok(()),
            [] => Err(Misprediction::None { saw }),
            [other] => Err(Misprediction::Other {
                shown: other.says.clone(),
                right: self.right().says.clone(),
                saw,
            }),
            several => Err(Misprediction::Several {
                choices: several.iter().map(|choice| choice.says.clone()).collect(),
                saw,
            }),
        }
    }

    /// What the checks saw that its choices mean.
    fn testimony(&self, verdicts: &[Verdict]) -> String {
        let meant = verdicts.iter().filter(|verdict| self.is_about(verdict));
        let words = meant.map(|verdict| {
            let came = if verdict.held { "held" } else { "failed" };
            format!("{} {came}, saw {}", verdict.check, verdict.saw)
        });
        words.collect::<Vec<_>>().join("; ")
    }

    fn validate(&self, document: &Node, loaded: &Loaded) -> Diagnostics {
        let mut findings = Findings::new(document);
        let prediction = Path::keys(["prediction"]);
        if let Some(run) = &self.run {
            let known = loaded.controls.keys().map(String::as_str);
            findings.reference(&prediction.with("run"), "control", run, known);
        }
        let choices = prediction.with("choices");
        let checks: Vec<&str> = loaded.scenario.checks.keys().map(String::as_str).collect();
        for (index, choice) in self.choices.iter().enumerate() {
            let condition = choices.with(index).with("if");
            let path = condition.with(choice.condition.key());
            let known = checks.iter().copied();
            findings.reference(&path, "check", choice.condition.check(), known);
        }
        let right: Vec<usize> = (0..self.choices.len())
            .filter(|index| self.choices[*index].right)
            .collect();
        match right.as_slice() {
            [_] => {}
            [] => findings
                .key(
                    &choices,
                    "no choice is right",
                    "expected exactly one with `right: true`",
                )
                .help("mark the one that the run shows".to_owned()),
            [_, others @ ..] => {
                for index in others {
                    findings
                        .key(
                            &choices.with(*index).with("right"),
                            "another choice is right already",
                            "expected `right: true` once",
                        )
                        .help("ask such that the run shows one of them only".to_owned());
                }
            }
        }
        findings.into_diagnostics()
    }
}

impl Condition {
    /// The check that it is about.
    pub fn check(&self) -> &str {
        match self {
            Self::Holds(Holds { holds, .. }) => holds,
            Self::Fails(Fails { fails, .. }) => fails,
        }
    }

    /// Whether it is true of a run, by the verdicts on its checks. Words are looked for as those of `must_fail` are.
    pub fn is_met(&self, verdicts: &[Verdict]) -> bool {
        let (held, saw) = match self {
            Self::Holds(Holds { saw, .. }) => (true, saw),
            Self::Fails(Fails { saw, .. }) => (false, saw),
        };
        let verdict = verdicts.iter().find(|verdict| verdict.check == self.check());
        verdict.is_some_and(|verdict| {
            verdict.held == held && saw.as_ref().is_none_or(|words| verdict.says(words))
        })
    }

    fn key(&self) -> &'static str {
        match self {
            Self::Holds(_) => "holds",
            Self::Fails(_) => "fails",
        }
    }
}

fn quoted(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| format!("“{text}”")).collect();
    quoted.join(" and ")
}
