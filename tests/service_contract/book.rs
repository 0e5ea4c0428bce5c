//! The suite's table in the book.

use std::fs;

use crate::{Verdict, ensure};

const CHAPTER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../book/src/contract.md");
const BEGIN: &str = "<!-- the suite's table -->\n";
const END: &str = "<!-- its end -->";

/// Whether the book has this table. With `HALLWAY_UPDATE=1` it is written there.
pub(crate) fn has(table: &str) -> Verdict {
    let text = fs::read_to_string(CHAPTER)?;
    let around = text
        .split_once(BEGIN)
        .and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = around.ok_or("the chapter has no place for the table")?;
    let current = format!(
        "{before}{BEGIN}\n```text\n{}\n```\n\n{END}{after}",
        table.trim_matches('\n')
    );
    if std::env::var_os("HALLWAY_UPDATE").is_some() {
        fs::write(CHAPTER, &current)?;
    }
    ensure(fs::read_to_string(CHAPTER)? == current, || {
        format!("{CHAPTER} has another table: run this test with HALLWAY_UPDATE=1")
    })
}
