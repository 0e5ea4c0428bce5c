//! A learner's file, graded once.

use std::path::Path;

use hallway_grade::report::styles::paint;
use hallway_grade::report::{Styles, Terminal};
use hallway_grade::{Grade, Outcome, Verdict};
use hallway_lessons::{Attempt, Exercise};
use tokio_util::sync::CancellationToken;

use super::chapter::ground;
use crate::arguments::DEFAULT_SEED;
use crate::catalogue::Catalogue;
use crate::conduct::Conductor;
use crate::conduct::attempt::{Entered, enter, ran};
use crate::conduct::run::Order;
use crate::failure::Failure;
use crate::{report, rules};

/// What came of a file, and whether it solves the exercise.
pub(super) struct Graded {
    pub(super) words: String,
    pub(super) is_solved: bool,
}

/// Grades the file at `path`.
///
/// # Errors
/// What does not depend on the file: [`Failure::Interrupted`].
pub(super) async fn grade(
    catalogue: &Catalogue,
    exercise: &Exercise,
    path: &Path,
    cancel: &CancellationToken,
) -> Result<Graded, Failure> {
    match attempt(catalogue, exercise, path, cancel).await {
        Ok((attempt, terminal)) => Ok(Graded {
            words: words(&attempt, &terminal),
            is_solved: is_solved(&attempt),
        }),
        Err(Failure::Interrupted) => Err(Failure::Interrupted),
        Err(failure) => Ok(Graded {
            words: failure.to_string(),
            is_solved: false,
        }),
    }
}

async fn attempt(
    catalogue: &Catalogue,
    exercise: &Exercise,
    path: &Path,
    cancel: &CancellationToken,
) -> Result<(Attempt, Terminal), Failure> {
    let loaded = match enter(exercise, path)? {
        Entered::Refused(diagnostics) => return Ok((Attempt::Refused(diagnostics), report::terminal([]))),
        Entered::Ready(loaded) => loaded,
    };
    let order = Order {
        loaded: &loaded,
        control: None,
        ground: ground(&loaded.scenario),
        seed: DEFAULT_SEED,
    };
    let conductor = Conductor::new(catalogue, order.ground, order.seed, cancel.clone())?;
    let finished = conductor.run_one(&loaded, None).await?;
    Ok((ran(&order, &finished), report::terminal([&*loaded])))
}

fn is_solved(attempt: &Attempt) -> bool {
    let lab_failed = match attempt {
        Attempt::Ran(grade) => matches!(grade.outcome, Outcome::LabFailed { .. }),
        Attempt::Refused(_) => false,
    };
    attempt.solves() && !lab_failed
}

fn words(attempt: &Attempt, terminal: &Terminal) -> String {
    match attempt {
        Attempt::Refused(diagnostics) => format!("{}\n", rules::told(diagnostics)),
        Attempt::Ran(grade) => match &grade.outcome {
            Outcome::LabFailed { .. } => format!(
                "{}The lab itself failed, so this says nothing of your file. Enter runs it again.\n",
                terminal.scenario(grade)
            ),
            _ if attempt.solves() => terminal.checks(&grade.verdicts),
            _ => checks(grade, terminal, |_| false),
        },
    }
}

/// The red checks in full, and those that are `meant`; the names of the others.
pub(super) fn checks(grade: &Grade, terminal: &Terminal, meant: impl Fn(&Verdict) -> bool) -> String {
    let styles = Styles::coloured();
    let is_brief = |verdict: &&Verdict| verdict.held && !meant(verdict);
    let (held, full): (Vec<&Verdict>, Vec<&Verdict>) = grade.verdicts.iter().partition(is_brief);
    let full: Vec<Verdict> = full.into_iter().cloned().collect();
    let mut text = terminal.checks(&full);
    for failure in &grade.failures {
        text += &format!(" {} {failure}\n", paint(styles.bad, "✗"));
    }
    if !held.is_empty() {
        let names: Vec<&str> = held.iter().map(|verdict| verdict.check.as_str()).collect();
        let holds = if names.len() == 1 { "holds" } else { "hold" };
        text += &format!(" {} {} {holds}\n", paint(styles.good, "✓"), names.join(", "));
    }
    text
}
