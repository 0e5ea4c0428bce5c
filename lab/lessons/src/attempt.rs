//! What came of a file in an exercise: whether it fails as the exercise declares, or solves it.

use std::fmt;

use hallway_grade::control::shortcoming;
use hallway_grade::{Grade, Shortcoming};
use hallway_yaml::{Diagnostic, Diagnostics};

use crate::{Exercise, Start};

/// What came of a file.
#[derive(Clone, Debug)]
pub enum Attempt {
    /// It was not accepted.
    Refused(Diagnostics),
    /// It was run.
    Ran(Box<Grade>),
}

/// Why an exercise is none.
#[derive(Clone, Debug, PartialEq)]
pub enum Flaw {
    /// A check did not come out as declared.
    Check(Shortcoming),
    /// The file was to be refused.
    Accepted,
    /// It was refused, but not for the declared reason.
    OtherRefusal {
        /// The words that were declared.
        declared: String,
        /// What was said instead.
        said: String,
    },
    /// The file was to be run.
    Refused(String),
    /// A check is red that was to hold.
    Red {
        /// The check.
        check: String,
        /// What was seen.
        saw: String,
    },
    /// A push was answered otherwise than the scenario expects.
    Timeline(String),
}

impl Attempt {
    /// Whether it solves the exercise: it was run, every check held, and every push was answered as expected.
    pub fn solves(&self) -> bool {
        self.shortfalls().is_empty()
    }

    /// Why it does not solve the exercise; empty when it does.
    pub fn shortfalls(&self) -> Vec<Flaw> {
        match self {
            Self::Refused(diagnostics) => vec![Flaw::Refused(messages(diagnostics))],
            Self::Ran(grade) => {
                let red = grade.verdicts.iter().filter(|verdict| !verdict.held);
                let checks = red.map(|verdict| Flaw::Red {
                    check: verdict.check.clone(),
                    saw: verdict.saw.clone(),
                });
                let pushes = grade.failures.iter().cloned().map(Flaw::Timeline);
                checks.chain(pushes).collect()
            }
        }
    }

    /// Why it is not broken as `exercise` declares of the file that it begins with; empty when it is. What a push was answered is not held against it,
    /// as with controls.
    pub fn departures(&self, exercise: &Exercise) -> Vec<Flaw> {
        match (&exercise.start, self) {
            (Start::Fails { must, may }, Self::Ran(grade)) => {
                let departures = grade.verdicts.iter().filter_map(|verdict| {
                    let cause = must.get(&verdict.check).map(String::as_str);
                    shortcoming(cause, may.contains(&verdict.check), verdict)
                });
                departures.map(Flaw::Check).collect()
            }
            (Start::Fails { .. }, Self::Refused(diagnostics)) => vec![Flaw::Refused(messages(diagnostics))],
            (Start::Refused(_), Self::Ran(_)) => vec![Flaw::Accepted],
            (Start::Refused(words), Self::Refused(diagnostics)) => {
                match diagnostics.iter().any(|diagnostic| says(diagnostic, words)) {
                    true => Vec::new(),
                    false => vec![Flaw::OtherRefusal {
                        declared: words.clone(),
                        said: messages(diagnostics),
                    }],
                }
            }
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Check(shortcoming) => write!(formatter, "{shortcoming}"),
            Self::Accepted => write!(
                formatter,
                "`refused` says that the file is not accepted, but it is"
            ),
            Self::OtherRefusal { declared, said } => {
                write!(formatter, "it is refused, but not for `{declared}`: {said}")
            }
            Self::Refused(said) => write!(formatter, "it is not accepted: {said}"),
            Self::Red { check, saw } => write!(formatter, "{check} fails: saw {saw}"),
            Self::Timeline(said) => write!(formatter, "{said}"),
        }
    }
}

/// Whether what is said of a mistake contains the words; the excerpt of the file does not count.
fn says(diagnostic: &Diagnostic, words: &str) -> bool {
    let help = diagnostic.help.as_deref().unwrap_or_default();
    [
        diagnostic.message.as_str(),
        diagnostic.primary.text.as_str(),
        help,
    ]
    .iter()
    .any(|text| text.contains(words))
}

fn messages(diagnostics: &Diagnostics) -> String {
    let messages: Vec<String> = diagnostics
        .iter()
        .map(|diagnostic| {
            let record = diagnostic.record();
            format!("{}:{}: {}", record.file, record.line, record.message)
        })
        .collect();
    messages.join("; ")
}
