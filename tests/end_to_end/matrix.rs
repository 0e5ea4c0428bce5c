//! The matrix of `who-does-what` in the README and in the book: written by a run, never typed.

use std::fs;
use std::path::Path;

use crate::program::{repository, run};
use crate::scratch::Scratch;

const BEGIN: &str = "<!-- who-does-what, simulated -->\n";
const END: &str = "<!-- its end -->";

#[tokio::test]
async fn the_readme_and_the_book_show_what_a_run_shows() {
    let scratch = Scratch::copy("25-who-does-what");
    let reports = scratch.root().join("report");
    let order = format!(
        "grade who-does-what --on simulated --report {}",
        reports.display()
    );
    run(&order).await.quietly(0);
    let matrix = fs::read_to_string(reports.join("who-does-what.simulated.md")).expect("it is written");
    let signs: String = matrix.lines().map(|line| without_words(line) + "\n").collect();
    for (file, shown) in [("book/src/gateway-and-mesh.md", &matrix), ("README.md", &signs)] {
        has(&repository().join(file), shown);
    }
}

/// Simulated, every deployment is run with all scenarios. Here its programs are started.
#[tokio::test]
async fn every_deployment_comes_up_on_processes() {
    let graded = run("grade side-door --on processes").await.quietly(0);
    let row = "side-door-closed       ✗          ✗            ✓       ✓     the mesh";
    assert!(graded.contains(row), "{graded}");
}

/// Whether `file` has this table. With `HALLWAY_UPDATE=1` it is written there.
fn has(file: &Path, table: &str) {
    let text = fs::read_to_string(file).expect("it is a file of the project");
    let (before, rest) = text.split_once(BEGIN).expect("it has a place for the table");
    let (_, after) = rest.split_once(END).expect("the place has an end");
    let current = format!("{before}{BEGIN}\n{table}\n{END}{after}");
    if std::env::var_os("HALLWAY_UPDATE").is_some() {
        fs::write(file, &current).expect("it can be written");
        return;
    }
    assert!(
        text == current,
        "{} has another table: run this test with HALLWAY_UPDATE=1",
        file.display()
    );
}

/// A row of which each cell says no more than its sign, and nothing of the witnesses.
fn without_words(row: &str) -> String {
    let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
    let kept = cells[..cells.len() - 1].iter().enumerate();
    let short = kept.map(|(column, cell)| match (column, cell.trim().chars().next()) {
        (0, _) => (*cell).to_owned(),
        (_, Some(sign @ ('✓' | '✗'))) => format!(" {sign} "),
        _ => (*cell).to_owned(),
    });
    format!("|{}|", short.collect::<Vec<_>>().join("|"))
}
