//! The fenced code blocks of a chapter.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag};

/// A block between two fences.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Block<'a> {
    /// The word behind the opening fence: `console`, `yaml`, `quiz` …
    pub language: &'a str,
    /// What follows it, between commas: `varies`, `exit=1` …
    pub attributes: Vec<&'a str>,
    /// What is between the fences.
    pub content: &'a str,
    /// Where that is, in bytes of the chapter.
    pub at: Range<usize>,
    /// The whole block with its fences, in bytes of the chapter.
    pub whole: Range<usize>,
    /// The line of the opening fence, from 1.
    pub line: usize,
}

/// The fenced blocks of a chapter in Markdown, in their order.
pub fn fenced(markdown: &str) -> Vec<Block<'_>> {
    let events = Parser::new_ext(markdown, Options::ENABLE_TABLES).into_offset_iter();
    events
        .filter_map(|(event, whole)| match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) => Some(block(markdown, whole)),
            _ => None,
        })
        .collect()
}

fn block(markdown: &str, whole: Range<usize>) -> Block<'_> {
    let text = &markdown[whole.clone()];
    let first = text.find('\n').map_or(text.len(), |end| end + 1);
    // A block that the file ends in has no closing fence.
    let last = text.trim_end().rfind('\n').map_or(first, |end| end + 1);
    let at = whole.start + first..whole.start + last.max(first);
    let info = text[..first].trim_start_matches('`').trim();
    let mut words = info.split(',').map(str::trim);
    Block {
        language: words.next().unwrap_or_default(),
        attributes: words.collect(),
        content: &markdown[at.clone()],
        line: markdown[..whole.start].lines().count() + 1,
        at,
        whole,
    }
}

impl Block<'_> {
    /// Whether an attribute stands behind its language.
    pub fn is(&self, attribute: &str) -> bool {
        self.attributes.contains(&attribute)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_with_what_is_said_of_them() {
        let markdown = "# Title\n\n```console,exit=1,varies\n$ false\n```\n\ntext\n\n```text\n```\n\n    indented\n\n```quiz\nquestion: a";
        let found = fenced(markdown);
        let [console, empty, open] = &found[..] else {
            panic!("three blocks: {found:?}");
        };
        assert_eq!((console.language, console.line), ("console", 3));
        assert!(console.is("exit=1") && console.is("varies") && !console.is("exit"));
        assert_eq!(console.content, "$ false\n");
        assert_eq!(&markdown[console.at.clone()], console.content);
        assert_eq!((empty.language, empty.content), ("text", ""));
        assert_eq!((open.language, open.line), ("quiz", 14));
    }
}
