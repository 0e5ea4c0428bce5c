//! The text of a file, and spans in it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A file's name and text, shared by everything that points into it.
#[derive(Clone)]
pub struct SourceFile(Arc<Inner>);

struct Inner {
    name: String,
    text: String,
    /// The byte offset at which each line starts.
    line_starts: Vec<usize>,
}

impl SourceFile {
    /// A file named `name` (as messages should show it) that holds `text`.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> SourceFile {
        let text = text.into();
        let after_breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        let line_starts = std::iter::once(0).chain(after_breaks).collect();
        SourceFile(Arc::new(Inner {
            name: name.into(),
            text,
            line_starts,
        }))
    }

    /// The name that messages show.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The span of the bytes `range`, moved back to character boundaries inside the text where needed.
    pub fn span(&self, range: Range<usize>) -> Span {
        let end = self.text().floor_char_boundary(range.end);
        let start = self.text().floor_char_boundary(range.start.min(end));
        Span {
            source: self.clone(),
            start,
            end,
        }
    }

    /// The zero-based index of the line that holds the byte `offset`.
    fn line_index(&self, offset: usize) -> usize {
        self.0.line_starts.partition_point(|start| *start <= offset) - 1
    }
}

impl fmt::Debug for SourceFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("SourceFile").field(&self.name()).finish()
    }
}

/// A piece of a [`SourceFile`].
#[derive(Clone)]
pub struct Span {
    source: SourceFile,
    start: usize,
    end: usize,
}

impl Span {
    /// The file that the span is in.
    pub fn source(&self) -> &SourceFile {
        &self.source
    }

    /// The bytes that the span covers.
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// The text that the span covers.
    pub fn text(&self) -> &str {
        &self.source.text()[self.range()]
    }

    /// The line on which the span starts, counted from 1.
    pub fn line(&self) -> u32 {
        u32::try_from(self.source.line_index(self.start) + 1).unwrap_or(u32::MAX)
    }

    /// The column at which the span starts, in characters, counted from 1.
    pub fn column(&self) -> u32 {
        let line_start = self.source.0.line_starts[self.source.line_index(self.start)];
        let before = self.source.text()[line_start..self.start].chars().count();
        u32::try_from(before + 1).unwrap_or(u32::MAX)
    }

    /// The part of the span that lies on its first line: what an underline should cover.
    pub fn first_line(&self) -> Span {
        let length = self.text().find(['\n', '\r']).unwrap_or(self.end - self.start);
        let trimmed = self.text()[..length].trim_end().len();
        Span {
            source: self.source.clone(),
            start: self.start,
            end: self.start + trimmed,
        }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

/// `file:line:column`
impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}:{}:{}",
            self.source.name(),
            self.line(),
            self.column()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_in_characters() {
        let source = SourceFile::new("a.yaml", "één: 1\ntwo: 2\n");
        assert_eq!(source.span(0..3).to_string(), "a.yaml:1:1");
        let at_number = "één: ".len();
        assert_eq!(source.span(at_number..at_number + 1).to_string(), "a.yaml:1:6");
        let second = "één: 1\n".len();
        assert_eq!(source.span(second..second + 3).to_string(), "a.yaml:2:1");
        assert_eq!(source.span(second..second + 3).text(), "two");
    }

    #[test]
    fn spans_outside_the_text_are_moved_into_it() {
        let source = SourceFile::new("a.yaml", "é");
        assert_eq!(source.span(1..900).range(), 0..2);
        assert_eq!(source.span(7..9).range(), 2..2);
    }

    #[test]
    fn first_line_drops_the_rest_and_trailing_blanks() {
        let source = SourceFile::new("a.yaml", "one  \r\ntwo");
        assert_eq!(source.span(0..10).first_line().text(), "one");
    }
}
