//! Lessons for a terminal: the Markdown that they are written in, as styled lines.
//!
//! Headings, paragraphs, lists, quotations, blocks of code and tables; in them emphasis, code and links. Colours stress only what the words say anyway.

mod inline;
mod table;

use std::borrow::Cow;

use anstyle::Style;
use hallway_grade::report::Styles;
use hallway_grade::report::styles::paint;

/// How far code is indented.
const CODE: &str = "    ";

/// What the further lines of an item of a list begin with.
const ITEM: &str = "   ";

/// What the lines of a quotation begin with.
const QUOTATION: &str = "│ ";

/// The lines of a Markdown text, at most `width` characters wide but for code, with an empty line between its parts.
pub(crate) fn lines(text: &str, width: usize) -> Vec<String> {
    let blocks = blocks(text);
    let mut lines = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        let is_next_item = block.is_item() && index > 0 && blocks[index - 1].is_item();
        if index > 0 && !is_next_item {
            lines.push(String::new());
        }
        lines.extend(block.lines(width));
    }
    lines
}

/// A part of a text.
enum Block<'a> {
    Heading(&'a str),
    Code(Vec<&'a str>),
    Table(Vec<&'a str>),
    /// What comes before its first line and before the others, and its text.
    Paragraph(Cow<'a, str>, &'static str, Vec<&'a str>),
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut lines = text.lines().peekable();
    let mut is_new = true;
    while let Some(line) = lines.next() {
        let trimmed = line.trim();
        if trimmed.is_empty() {
            is_new = true;
            continue;
        }
        if trimmed.starts_with("```") {
            let code = lines.by_ref().take_while(|line| !line.trim().starts_with("```"));
            blocks.push(Block::Code(code.collect()));
            is_new = true;
            continue;
        }
        let (mark, content) = marked(trimmed);
        match (mark, blocks.last_mut()) {
            (Mark::Heading, _) => blocks.push(Block::Heading(content)),
            (Mark::Table, Some(Block::Table(rows))) if !is_new => rows.push(content),
            (Mark::Table, _) => blocks.push(Block::Table(vec![content])),
            (Mark::None, Some(Block::Paragraph(_, _, lines))) if !is_new => lines.push(content),
            (Mark::Quotation, Some(Block::Paragraph(_, QUOTATION, lines))) if !is_new => lines.push(content),
            (Mark::Item, _) => blocks.push(Block::Paragraph(" • ".into(), ITEM, vec![content])),
            (Mark::Number(number), _) => {
                let first = format!("{number:>2} ");
                blocks.push(Block::Paragraph(first.into(), ITEM, vec![content]));
            }
            (Mark::Quotation, _) => blocks.push(Block::Paragraph(QUOTATION.into(), QUOTATION, vec![content])),
            (Mark::None, _) => blocks.push(Block::Paragraph("".into(), "", vec![content])),
        }
        is_new = matches!(mark, Mark::Heading);
    }
    blocks
}

/// How a line begins.
#[derive(Clone, Copy)]
enum Mark<'a> {
    Heading,
    Table,
    Item,
    /// An item with this number.
    Number(&'a str),
    Quotation,
    None,
}

fn marked(line: &str) -> (Mark<'_>, &str) {
    let heading = line.trim_start_matches('#');
    if heading.len() < line.len() && heading.starts_with(' ') {
        return (Mark::Heading, heading.trim());
    }
    if line.starts_with('|') {
        return (Mark::Table, line);
    }
    if let Some(item) = line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")) {
        return (Mark::Item, item);
    }
    if let Some((number, item)) = line.split_once(". ")
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
    {
        return (Mark::Number(number), item);
    }
    match line.strip_prefix('>') {
        Some(quotation) => (Mark::Quotation, quotation.trim_start()),
        None => (Mark::None, line),
    }
}

impl Block<'_> {
    fn is_item(&self) -> bool {
        matches!(self, Self::Paragraph(_, ITEM, _))
    }

    fn lines(&self, width: usize) -> Vec<String> {
        let styles = Styles::coloured();
        match self {
            Self::Heading(text) => {
                let mut lines = inline::wrapped(text, width, styles.strong);
                let underline = "─".repeat(inline::width(text).min(width));
                lines.push(paint(styles.quiet, underline));
                lines
            }
            Self::Code(lines) => lines.iter().map(|line| format!("{CODE}{line}")).collect(),
            Self::Table(rows) => table::lines(rows, width),
            Self::Paragraph(first, others, lines) => {
                let room = width.saturating_sub(first.chars().count()).max(1);
                let wrapped = inline::wrapped(&lines.join(" "), room, Style::new());
                let prefixed = wrapped.iter().enumerate().map(|(index, line)| {
                    let prefix = if index == 0 { &**first } else { others };
                    format!("{prefix}{line}")
                });
                prefixed.collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::lines;

    fn plain(text: &str, width: usize) -> String {
        anstream::adapter::strip_str(&lines(text, width).join("\n")).to_string()
    }

    #[test]
    fn a_lesson_reads_well_without_colours() {
        let text = "# A *call*\n\n`orders` calls **payments**, and nobody\nelse: see [the book](book.md).\n\n```yaml\nretry:\n  attempts: 3\n```\n\n\
                    - one thing\n  that goes on\n- another\n\n1. first\n2. second\n\n> said by\n> somebody\n";
        insta::assert_snapshot!(plain(text, 24), @"
        A call
        ──────

        `orders` calls payments,
        and nobody else: see the
        book.

            retry:
              attempts: 3

         • one thing that goes
           on
         • another
         1 first
         2 second

        │ said by somebody
        ");
    }

    #[test]
    fn tables_are_aligned_and_fit() {
        let text = "| | attempts of a GET | what is tried again |\n| --- | --- | --- |\n| Python | 3 | any status from 500, or an `error` |\n| Go | 3 | 502 |";
        insta::assert_snapshot!(plain(text, 50), @"
                attempts of a GET  what is tried again
        ──────  ─────────────────  ───────────────────────
        Python  3                  any status from 500, or
                                   an `error`
        Go      3                  502
        ");
    }
}
