//! The same checks under several deployments: concern by deployment, each cell measured.
//!
//! ```text
//!                      neither  gateway-only  mesh-only  both
//!  side-door
//!    customers-served     ✓          ✓            ✗       ✓
//!        ✗ mesh-only: 0 of 100: connection closed × 100 (the client)
//! ```

use std::fmt::Write as _;

use hallway_scenario::{Deployment, Scenario};
use serde::{Deserialize, Serialize};

use super::Styles;
use super::styles::paint;
use crate::grade::Grade;
use crate::verdict::Verdict;

/// What came of a scenario's checks under each of its deployments.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Matrix {
    /// The scenario.
    pub scenario: String,
    /// The deployments, in the order of the cells of each row.
    pub deployments: Vec<Deployment>,
    /// One row per check.
    pub rows: Vec<Row>,
    /// What gateway and mesh took of the machine, in the order of the deployments; absent where that was not measured.
    pub overhead: Vec<Option<String>>,
}

/// One check under all deployments.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Row {
    /// The check.
    pub check: String,
    /// What it asks for.
    pub expected: String,
    /// By whose testimony.
    pub witness: String,
    /// What came of it; absent where there was no run.
    pub cells: Vec<Option<Cell>>,
    /// Whose work it is, by the deployments under which it holds; absent where not all of them were run.
    pub work_of: Option<WorkOf>,
}

/// Whose work a concern is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkOf {
    /// It holds without either.
    Services,
    /// It holds where the gateway is, and only there.
    Gateway,
    /// It holds where the mesh is, and only there.
    Mesh,
    /// It holds with one of the two, whichever.
    Either,
    /// It takes both.
    Together,
    /// It holds nowhere.
    Nobody,
}

/// One check under one deployment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Cell {
    /// Whether it held.
    pub held: bool,
    /// What was seen.
    pub saw: String,
}

impl Matrix {
    /// The matrix of a scenario that declares deployments; none of others.
    pub fn of(scenario: &Scenario, grade: &Grade) -> Option<Self> {
        if scenario.deployments.is_empty() {
            return None;
        }
        let declared = scenario.deployments.declared().map(|(deployment, _)| deployment);
        let deployments: Vec<Deployment> = declared.chain([Deployment::Both]).collect();
        let row = |verdict: &Verdict| {
            let cell = |deployment| cell(grade, deployment, &verdict.check);
            let holds = |deployment| cell(deployment).map(|cell| cell.held);
            Row {
                check: verdict.check.clone(),
                expected: verdict.expected.clone(),
                witness: verdict.witness.clone(),
                cells: deployments.iter().map(|deployment| cell(*deployment)).collect(),
                work_of: WorkOf::told_by(Deployment::ALL.map(holds)),
            }
        };
        Some(Self {
            scenario: grade.scenario.clone(),
            overhead: deployments
                .iter()
                .map(|deployment| overhead(grade, *deployment))
                .collect(),
            rows: grade.verdicts.iter().map(row).collect(),
            deployments,
        })
    }

    /// For a terminal: the signs, and below each row what was seen where the check did not hold.
    pub fn table(&self, styles: &Styles) -> String {
        let names = self.rows.iter().map(|row| row.check.chars().count());
        let names = names.max().unwrap_or(0) + 3;
        let mut text = format!("\n{:names$}", "");
        for deployment in &self.deployments {
            let _ = write!(text, "  {deployment}");
        }
        let _ = writeln!(text, "\n {}", paint(styles.strong, &self.scenario));
        for row in &self.rows {
            let _ = write!(text, "   {:<names$}", row.check, names = names - 3);
            for (deployment, cell) in self.deployments.iter().zip(&row.cells) {
                let width = deployment.as_str().len();
                let left = (width - 1) / 2;
                let sign = sign(cell.as_ref(), styles);
                let _ = write!(
                    text,
                    "  {:left$}{sign}{:right$}",
                    "",
                    "",
                    right = width - 1 - left
                );
            }
            let work_of = row.work_of.map_or("", WorkOf::words);
            let _ = write!(text, "   {work_of}");
            text.truncate(text.trim_end().len());
            text.push('\n');
            for (deployment, cell) in self.deployments.iter().zip(&row.cells) {
                if let Some(Cell { held: false, saw }) = cell {
                    let words = format!("{deployment}: {saw} ({})", row.witness);
                    let _ = writeln!(text, "       {}", paint(styles.quiet, words));
                }
            }
        }
        for (deployment, overhead) in self.deployments.iter().zip(&self.overhead) {
            if let Some(overhead) = overhead {
                let _ = writeln!(
                    text,
                    "   {:<names$}  {deployment}: {overhead}",
                    "overhead",
                    names = names - 3
                );
            }
        }
        text
    }

    /// For a book: a table in Markdown, each cell with what was seen.
    pub fn markdown(&self) -> String {
        let mut text = "| concern |".to_owned();
        for deployment in &self.deployments {
            let _ = write!(text, " {deployment} |");
        }
        let _ = write!(text, " whose work | by whose testimony |\n|---|");
        text += &"---|".repeat(self.deployments.len() + 2);
        text.push('\n');
        for row in &self.rows {
            let _ = write!(text, "| {} |", row.check.replace('-', " "));
            for cell in &row.cells {
                let words = cell.as_ref().map_or_else(
                    || "–".to_owned(),
                    |cell| {
                        let sign = if cell.held { "✓" } else { "✗" };
                        format!("{sign} {}", cell.saw.replace('|', "\\|"))
                    },
                );
                let _ = write!(text, " {words} |");
            }
            let work_of = row.work_of.map_or("–", WorkOf::words);
            let _ = writeln!(text, " {work_of} | {} |", row.witness.replace('|', "\\|"));
        }
        if self.overhead.iter().any(Option::is_some) {
            let cells = self.overhead.iter().map(|cell| cell.as_deref().unwrap_or("–"));
            let cells: Vec<&str> = cells.collect();
            let _ = writeln!(
                text,
                "| overhead | {} | | the operating system |",
                cells.join(" | ")
            );
        }
        text
    }
}

impl WorkOf {
    /// By where it holds: with neither, with the gateway only, with the mesh only, and with both.
    fn told_by(holds: [Option<bool>; 4]) -> Option<Self> {
        let [neither, gateway, mesh, both] = holds;
        Some(match (neither?, gateway?, mesh?, both?) {
            (_, _, _, false) => Self::Nobody,
            (true, _, _, true) => Self::Services,
            (false, true, true, true) => Self::Either,
            (false, true, false, true) => Self::Gateway,
            (false, false, true, true) => Self::Mesh,
            (false, false, false, true) => Self::Together,
        })
    }

    fn words(self) -> &'static str {
        match self {
            Self::Services => "the services",
            Self::Gateway => "the gateway",
            Self::Mesh => "the mesh",
            Self::Either => "either",
            Self::Together => "both together",
            Self::Nobody => "nobody",
        }
    }
}

fn overhead(grade: &Grade, deployment: Deployment) -> Option<String> {
    if deployment == Deployment::Both {
        return grade.overhead.clone();
    }
    let mut controls = grade.controls.iter();
    let control = controls.find(|control| control.control == deployment.as_str())?;
    control.overhead.clone()
}

fn cell(grade: &Grade, deployment: Deployment, check: &str) -> Option<Cell> {
    let verdicts = match deployment {
        Deployment::Both => &grade.verdicts,
        _ => {
            let mut controls = grade.controls.iter();
            let control = controls.find(|control| control.control == deployment.as_str())?;
            &control.verdicts
        }
    };
    let verdict = verdicts.iter().find(|verdict| verdict.check == check)?;
    Some(Cell {
        held: verdict.held,
        saw: verdict.saw.clone(),
    })
}

fn sign(cell: Option<&Cell>, styles: &Styles) -> String {
    match cell {
        Some(Cell { held: true, .. }) => paint(styles.good, "✓"),
        Some(Cell { held: false, .. }) => paint(styles.bad, "✗"),
        None => paint(styles.doubtful, "–"),
    }
}
