//! The same scenario on both grounds: which gave which verdict, check by check and control by control.
//!
//! ```text
//!                      processes  simulated
//!  ≠ canary-weights
//!    split-before          ✓          ✗      the grounds disagree
//!        processes: 1,500 first attempts: …
//!        simulated: 1,500 first attempts: …
//!    control v2-broken     ✓          ✓
//! ```
//!
//! A disagreement is an error of its own kind: one of the two grounds is wrong about what the mesh does, whichever verdict is green.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::Styles;
use super::styles::paint;
use crate::control::{ControlGrade, Shortcoming};
use crate::grade::{Grade, Outcome};
use crate::text;
use crate::verdict::Verdict;

/// One scenario on both grounds.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Comparison {
    /// The scenario.
    pub scenario: String,
    /// One row per check, then one per control.
    pub rows: Vec<Row>,
}

/// What both grounds said of a check or a control.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Row {
    /// The check, or `control NAME`.
    pub name: String,
    /// What came of it on processes; absent when that run proves nothing.
    pub processes: Option<Seen>,
    /// What came of it simulated; absent when that run proves nothing.
    pub simulated: Option<Seen>,
}

/// What came of a check or a control on one ground.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Seen {
    /// Whether the check held, or the control turned red what it should.
    pub held: bool,
    /// In words.
    pub saw: String,
}

impl Comparison {
    /// Compares the grades of one scenario.
    pub fn of(processes: &Grade, simulated: &Grade) -> Self {
        let (processes_rows, simulated_rows) = (seen(processes), seen(simulated));
        let mut names: Vec<&String> = processes_rows.iter().map(|(name, _)| name).collect();
        for (name, _) in &simulated_rows {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let find = |rows: &[(String, Option<Seen>)], wanted: &str| {
            let row = rows.iter().find(|(name, _)| name == wanted);
            row.and_then(|(_, seen)| seen.clone())
        };
        let rows = names.into_iter().map(|name| Row {
            name: name.clone(),
            processes: find(&processes_rows, name),
            simulated: find(&simulated_rows, name),
        });
        Self {
            scenario: processes.scenario.clone(),
            rows: rows.collect(),
        }
    }

    /// The rows on which the grounds disagree.
    pub fn disagreements(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.disagrees())
    }
}

impl Row {
    /// Whether both grounds have a verdict, and not the same one.
    pub fn disagrees(&self) -> bool {
        match (&self.processes, &self.simulated) {
            (Some(processes), Some(simulated)) => processes.held != simulated.held,
            _ => false,
        }
    }
}

/// The table of all comparisons, with a last line that counts them.
pub fn table(comparisons: &[Comparison], styles: &Styles) -> String {
    let rows = || comparisons.iter().flat_map(|comparison| &comparison.rows);
    let names = rows().map(|row| row.name.chars().count()).max().unwrap_or(0);
    let mut text = format!("   {:names$}  processes  simulated\n", "");
    for comparison in comparisons {
        text += &section(comparison, names, styles);
    }
    let compared = rows().filter(|row| row.processes.is_some() && row.simulated.is_some());
    let compared = compared.count() as u64;
    let disagreements = rows().filter(|row| row.disagrees()).count() as u64;
    let _ = writeln!(
        text,
        "\n {} on both grounds · they agree on {} of {}",
        text::plural(comparisons.len() as u64, "scenario"),
        text::count(compared - disagreements),
        text::plural(compared, "verdict"),
    );
    text
}

/// The comparisons as JSON, indented.
pub fn json(comparisons: &[Comparison]) -> String {
    serde_json::to_string_pretty(comparisons).expect("comparisons are plain data") + "\n"
}

fn section(comparison: &Comparison, names: usize, styles: &Styles) -> String {
    let (sign, style) = match comparison.disagreements().next() {
        None => ("=", styles.good),
        Some(_) => ("≠", styles.bad),
    };
    let mut text = format!(
        " {} {}\n",
        paint(style, sign),
        paint(styles.strong, &comparison.scenario)
    );
    for row in &comparison.rows {
        let _ = write!(
            text,
            "   {:<names$}      {}          {}",
            row.name,
            mark(row.processes.as_ref(), styles),
            mark(row.simulated.as_ref(), styles)
        );
        match (&row.processes, &row.simulated) {
            (Some(processes), Some(simulated)) if row.disagrees() => {
                let _ = writeln!(
                    text,
                    "      {}\n       processes: {}\n       simulated: {}",
                    paint(styles.bad, "the grounds disagree"),
                    processes.saw,
                    simulated.saw
                );
            }
            _ => text.push('\n'),
        }
    }
    text
}

fn mark(seen: Option<&Seen>, styles: &Styles) -> String {
    match seen {
        Some(Seen { held: true, .. }) => paint(styles.good, "✓"),
        Some(Seen { held: false, .. }) => paint(styles.bad, "✗"),
        None => paint(styles.doubtful, "–"),
    }
}

/// What a grade says of each check and control, in order.
fn seen(grade: &Grade) -> Vec<(String, Option<Seen>)> {
    let proven = matches!(grade.outcome, Outcome::Green | Outcome::Red);
    let checks = grade
        .verdicts
        .iter()
        .map(|verdict| (verdict.check.clone(), proven.then(|| of_check(verdict))));
    let controls = grade.controls.iter().map(|control| {
        let seen = (!control.lab_failed()).then(|| of_control(control));
        (format!("control {}", control.control), seen)
    });
    checks.chain(controls).collect()
}

fn of_check(verdict: &Verdict) -> Seen {
    Seen {
        held: verdict.held,
        saw: verdict.saw.clone(),
    }
}

fn of_control(control: &ControlGrade) -> Seen {
    let words: Vec<String> = control.shortcomings.iter().map(Shortcoming::to_string).collect();
    let saw = if words.is_empty() {
        "turned red what it should".to_owned()
    } else {
        words.join("; ")
    };
    Seen {
        held: control.holds(),
        saw,
    }
}
