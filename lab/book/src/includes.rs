//! Excerpts: `{{#include FILE}}`, `{{#include FILE:3:9}}`, `{{#include FILE:anchor}}`.
//!
//! mdBook leaves out what it does not find, and goes on. Here that is an error.

use std::path::Path;

use regex::Regex;

use crate::Chapter;

/// What is wrong with the excerpts of a chapter, each with its line.
pub(crate) fn findings(chapter: &Chapter) -> Vec<String> {
    let directive = Regex::new(r"\{\{#(\w+) ([^}:]+)(?::([^}]*))?\}\}").expect("it is well-formed");
    let lines = chapter.text.lines().enumerate();
    let found = lines.flat_map(|(index, line)| {
        directive.captures_iter(line).filter_map(move |directive| {
            let part = directive.get(3).map(|part| part.as_str());
            let wrong = wrong(&chapter.file, &directive[1], directive[2].trim(), part)?;
            Some(format!("{}:{}: {wrong}", chapter.file.display(), index + 1))
        })
    });
    found.collect()
}

fn wrong(chapter: &Path, kind: &str, file: &str, part: Option<&str>) -> Option<String> {
    if kind != "include" {
        return Some(format!("unknown directive `{kind}`: expected `include`"));
    }
    let path = chapter.parent().unwrap_or(Path::new("")).join(file);
    let Ok(text) = std::fs::read_to_string(&path) else {
        return Some(format!(
            "cannot include `{file}`: there is no file {}",
            path.display()
        ));
    };
    match part {
        Some(lines) if lines.starts_with(|first: char| first.is_ascii_digit() || first == ':') => {
            wrong_lines(file, &text, lines)
        }
        Some(anchor) => {
            let has = |word: &str| {
                let mark = format!("{word}: {anchor}");
                text.lines().any(|line| line.trim_end().ends_with(&mark))
            };
            let complete = has("ANCHOR") && has("ANCHOR_END");
            (!complete).then(|| format!("`{file}` has no `ANCHOR: {anchor}` … `ANCHOR_END: {anchor}`"))
        }
        None => None,
    }
}

/// What is wrong with the lines `2:9` of a file. Lines shift when something is written above them, so they are good only where that is
/// noticed.
fn wrong_lines(file: &str, text: &str, lines: &str) -> Option<String> {
    let numbers: Vec<Option<usize>> = lines.split(':').map(|line| line.parse().ok()).collect();
    let there = text.lines().count();
    if numbers.iter().flatten().any(|wanted| *wanted > there) {
        return Some(format!("`{file}` has {there} lines, and not those of `{lines}`"));
    }
    let first = numbers[0].unwrap_or(1);
    let before = first.checked_sub(2).and_then(|index| text.lines().nth(index));
    match Path::new(file)
        .extension()
        .and_then(|extension| extension.to_str())
    {
        Some("md") => None,
        Some("yaml") if before.is_none_or(|line| line == "---") => None,
        Some("yaml") => Some(format!(
            "line {first} of `{file}` begins no document: lines of YAML are whole documents"
        )),
        _ => Some(format!(
            "excerpts of code are marked by an anchor, and not by the lines `{lines}` of `{file}`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_that_is_not_there_is_found() {
        let directory = tempfile::tempdir().expect("there is room");
        std::fs::write(
            directory.path().join("code.rs"),
            "// ANCHOR: one\nfn one() {}\n// ANCHOR_END: one\n// ANCHOR: open\n",
        )
        .expect("there is room");
        std::fs::write(directory.path().join("rules.yaml"), "one: 1\n---\ntwo: 2\n").expect("there is room");
        let chapter = |text: &str| Chapter {
            file: directory.path().join("chapter.md"),
            path: "chapter.md".into(),
            text: text.to_owned(),
        };
        for good in [
            "code.rs",
            "code.rs:one",
            "rules.yaml:1:1",
            "rules.yaml::2",
            "rules.yaml:3:3",
        ] {
            let found = findings(&chapter(&format!("{{{{#include {good}}}}}")));
            assert!(found.is_empty(), "{good}: {found:?}");
        }
        for (bad, words) in [
            ("gone.rs", "there is no file"),
            ("code.rs:two", "no `ANCHOR: two`"),
            ("code.rs:on", "no `ANCHOR: on`"),
            ("code.rs:open", "no `ANCHOR: open`"),
            ("rules.yaml:3:9", "has 3 lines"),
            ("rules.yaml:2:3", "begins no document"),
            ("code.rs:2:3", "marked by an anchor"),
        ] {
            let found = findings(&chapter(&format!("one\n{{{{#include {bad}}}}}")));
            let [found] = &found[..] else {
                panic!("{bad}: {found:?}")
            };
            assert!(
                found.contains("chapter.md:2: ") && found.contains(words),
                "{found}"
            );
        }
        assert_eq!(findings(&chapter("{{#playground code.rs}}")).len(), 1);
    }
}
