//! What came of the suite: clauses by implementations.

use std::collections::BTreeSet;

use crate::subject::OfProcesses;
use crate::{Clause, Verdict};

/// One implementation on one ground.
pub(crate) struct Column {
    pub(crate) name: String,
    /// What came of each clause; nothing when it cannot run here.
    pub(crate) cells: Option<Vec<Cell>>,
}

/// What came of one clause.
pub(crate) struct Cell {
    pub(crate) verdict: Verdict,
    /// Whether it binds this implementation.
    pub(crate) binds: bool,
    /// What it is about too, and could not be asked.
    pub(crate) unasked: BTreeSet<OfProcesses>,
}

/// The table, and one line for every clause that is broken.
pub(crate) fn of(clauses: &[Clause], columns: &[Column]) -> (String, Vec<String>) {
    let names: String = columns
        .iter()
        .map(|column| format!("{:10}", column.name))
        .collect();
    let mut table = format!("\n  {:30}{}\n", "services/CONTRACT.md", names.trim_end());
    let mut broken = Vec::new();
    for (row, clause) in clauses.iter().enumerate() {
        let cell = |column: &Column| {
            let cells = column.cells.as_ref();
            let words = cells.map_or_else(|| "skipped".to_owned(), |cells| words(&cells[row]));
            format!("{words:10}")
        };
        let line = format!(
            "  {:30}{}",
            clause.title,
            columns.iter().map(cell).collect::<String>()
        );
        table += &format!("{}\n", line.trim_end());
        for Column { name, cells } in columns {
            if let Some(Err(failure)) = cells.as_ref().map(|cells| &cells[row].verdict) {
                broken.push(format!("{} is broken by {name}: {failure}", clause.title));
            }
        }
    }
    for column in columns.iter().filter(|column| column.cells.is_none()) {
        table += &format!("  {} was skipped: its runtime is not installed\n", column.name);
    }
    (table, broken)
}

fn words(cell: &Cell) -> String {
    let verdict = match cell.verdict {
        Ok(()) if cell.binds => "holds",
        Ok(()) => "absent",
        Err(_) => "BROKEN",
    };
    if cell.unasked.is_empty() {
        return verdict.to_owned();
    }
    let unasked: Vec<String> = cell.unasked.iter().map(ToString::to_string).collect();
    format!("{verdict} (n/a: {})", unasked.join(", "))
}

#[test]
fn what_is_broken_or_unasked_is_shown() {
    let cell = |verdict: Verdict, unasked: &[OfProcesses]| Cell {
        verdict,
        binds: true,
        unasked: unasked.iter().copied().collect(),
    };
    let column = |name: &str, cells: Option<Vec<Cell>>| Column {
        name: name.to_owned(),
        cells,
    };
    let clauses = &crate::clauses()[..2];
    let columns = [
        column(
            "one",
            Some(vec![cell(Ok(()), &[]), cell(Err("it is deaf".into()), &[])]),
        ),
        column("two", None),
        column(
            "three",
            Some(vec![
                cell(Ok(()), &[OfProcesses::ExitCode, OfProcesses::StandardInput]),
                cell(Err("it is mute".into()), &[OfProcesses::Sigterm]),
            ]),
        ),
    ];
    let (table, broken) = of(clauses, &columns);
    insta::assert_snapshot!(table.trim_matches('\n'), @"
    services/CONTRACT.md          one       two       three
    C1  bootstrap                 holds     skipped   holds (n/a: standard input, exit codes)
    C2  listening                 BROKEN    skipped   BROKEN (n/a: SIGTERM)
    two was skipped: its runtime is not installed
    ");
    assert_eq!(
        broken,
        [
            "C2  listening is broken by one: it is deaf",
            "C2  listening is broken by three: it is mute"
        ]
    );
}
