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
            let wanted = lines
                .split(':')
                .filter_map(|line| line.parse::<usize>().ok())
                .max();
            let there = text.lines().count();
            (wanted > Some(there)).then(|| format!("`{file}` has {there} lines, and not those of `{lines}`"))
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
        let chapter = |text: &str| Chapter {
            file: directory.path().join("chapter.md"),
            path: "chapter.md".into(),
            text: text.to_owned(),
        };
        for good in ["code.rs", "code.rs:one", "code.rs:2:3", "code.rs::2", "code.rs:2"] {
            let found = findings(&chapter(&format!("{{{{#include {good}}}}}")));
            assert!(found.is_empty(), "{good}: {found:?}");
        }
        for (bad, words) in [
            ("gone.rs", "there is no file"),
            ("code.rs:two", "no `ANCHOR: two`"),
            ("code.rs:on", "no `ANCHOR: on`"),
            ("code.rs:open", "no `ANCHOR: open`"),
            ("code.rs:2:9", "has 4 lines"),
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
