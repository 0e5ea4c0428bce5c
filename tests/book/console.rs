//! `console` blocks: commands behind `$ `, each followed by what it prints.
//!
//! A command goes on in the next line where it ends with a backslash. A line that is only `…` stands for any lines. Durations that a clock measures are not compared; with `varies` behind the fence no
//! number is. `exit=1` says how the last command of the block ends.

use std::ops::Range;
use std::sync::LazyLock;

use hallway_book::blocks::Block;
use regex::Regex;

/// Stands for any lines.
const ANY: &str = "…";

/// A command, and what the book says that it prints.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Step<'a> {
    pub(crate) command: &'a str,
    pub(crate) output: Vec<&'a str>,
    /// Where the output is, in bytes of the chapter.
    pub(crate) at: Range<usize>,
    /// The line of the command in the chapter, from 1.
    pub(crate) line: usize,
    /// How it ends.
    pub(crate) exit: i32,
    /// Whether numbers differ from run to run.
    pub(crate) varies: bool,
}

/// The steps of a block.
///
/// # Errors
/// When it does not begin with a command, or says something unknown behind its fence.
pub(crate) fn steps<'a>(block: &Block<'a>) -> Result<Vec<Step<'a>>, String> {
    let mut exit = 0;
    for attribute in &block.attributes {
        match attribute.strip_prefix("exit=").map(str::parse) {
            Some(Ok(code)) => exit = code,
            _ if *attribute == "varies" => {}
            _ => {
                return Err(format!(
                    "unknown attribute `{attribute}`: expected `varies` or `exit=CODE`"
                ));
            }
        }
    }
    let mut steps: Vec<Step<'a>> = Vec::new();
    let mut end = block.at.start;
    for (index, line) in block.content.split_inclusive('\n').enumerate() {
        end += line.len();
        let text = line.trim_end_matches('\n');
        let is_continued = |step: &&mut Step<'_>| step.output.is_empty() && step.command.ends_with('\\');
        if let Some(step) = steps.last_mut().filter(is_continued) {
            let start = end - line.len() - step.command.len() - 1 - block.at.start;
            step.command = block.content[start..end - block.at.start].trim_end();
            step.at = end..end;
        } else if let Some(command) = text.strip_prefix("$ ") {
            steps.push(Step {
                command,
                output: Vec::new(),
                at: end..end,
                line: block.line + 1 + index,
                exit: 0,
                varies: block.is("varies"),
            });
        } else if let Some(step) = steps.last_mut() {
            step.output.push(text);
            step.at.end = end;
        } else {
            return Err("a console block begins with a command: `$ hallway …`".to_owned());
        }
    }
    let last = steps.last_mut().ok_or("a console block has a command")?;
    last.exit = exit;
    Ok(steps)
}

impl Step<'_> {
    /// Whether `seen` is what the book shows.
    pub(crate) fn shows(&self, seen: &str) -> bool {
        let expected: Vec<String> = self.output.iter().map(|line| self.masked(line)).collect();
        let seen: Vec<String> = seen.lines().map(|line| self.masked(line)).collect();
        let parts: Vec<&[String]> = expected.split(|line| line == ANY).collect();
        let ([first, rest @ ..], [.., last]) = (&parts[..], &parts[..]) else {
            unreachable!("a split has at least one part");
        };
        if rest.is_empty() {
            return *first == seen;
        }
        let Some(mut seen) = seen.strip_prefix(*first) else {
            return false;
        };
        for part in &rest[..rest.len() - 1] {
            let found = (0..=seen.len()).find(|start| seen[*start..].starts_with(part));
            let Some(start) = found else { return false };
            seen = &seen[start + part.len()..];
        }
        seen.ends_with(last)
    }

    /// Whether lines were left out.
    pub(crate) fn is_shortened(&self) -> bool {
        self.output.contains(&ANY)
    }

    /// A line without what differs from run to run.
    fn masked(&self, line: &str) -> String {
        let always = &MASKS[..1];
        let masks = if self.varies { &MASKS[..] } else { always };
        masks
            .iter()
            .fold(line.trim_end().to_owned(), |line, (pattern, by)| {
                pattern.replace_all(&line, *by).into_owned()
            })
    }
}

/// What is not compared, and what stands for it: durations that a clock measures; with `varies` also ids, numbers, and the room that they take.
static MASKS: LazyLock<[(Regex, &str); 4]> = LazyLock::new(|| {
    [
        (r" *\b[0-9]+\.[0-9]+ (s|ms|µs)\b", " TIME"),
        (r"\b[0-9a-f]{8,}", "ID"),
        (r"[0-9][0-9.,]*", "N"),
        (r" +", " "),
    ]
    .map(|(pattern, by)| (Regex::new(pattern).expect("it is well-formed"), by))
});

#[cfg(test)]
mod tests {
    use hallway_book::blocks::fenced;

    use super::*;

    fn step(markdown: &str) -> Step<'_> {
        let blocks = fenced(markdown);
        let [step] = &steps(&blocks[0]).expect("a good block")[..] else {
            panic!("one step");
        };
        step.clone()
    }

    #[test]
    fn commands_are_told_from_their_outputs() {
        let markdown = "text\n```console,exit=1\n$ one\na\n\nb\n$ two\n```\n";
        let blocks = fenced(markdown);
        let [one, two] = &steps(&blocks[0]).expect("a good block")[..] else {
            panic!("two steps");
        };
        assert_eq!((one.command, one.line, one.exit), ("one", 3, 0));
        assert_eq!(one.output, ["a", "", "b"]);
        assert_eq!(&markdown[one.at.clone()], "a\n\nb\n");
        assert_eq!((two.command, two.line, two.exit), ("two", 7, 1));
        assert!(two.output.is_empty() && two.at.is_empty());
    }

    #[test]
    fn a_command_goes_on_after_a_backslash() {
        let markdown = "```console\n$ echo one \\\n    two \\\n    three\none two three\n```";
        let step = step(markdown);
        assert_eq!(step.command, "echo one \\\n    two \\\n    three");
        assert_eq!((step.line, &step.output[..]), (2, &["one two three"][..]));
        assert_eq!(&markdown[step.at.clone()], "one two three\n");
    }

    #[test]
    fn a_block_that_says_something_unknown_is_refused() {
        for (markdown, words) in [
            ("```console,vary\n$ one\n```", "unknown attribute `vary`"),
            ("```console\nhallway\n```", "begins with a command"),
            ("```console\n```", "has a command"),
        ] {
            let refused = steps(&fenced(markdown)[0]).expect_err(markdown);
            assert!(refused.contains(words), "{refused}");
        }
    }

    #[test]
    fn outputs_are_compared_line_by_line() {
        let whole = step("```console\n$ x\na\nb\n```");
        assert!(whole.shows("a\nb\n") && whole.shows("a  \nb"));
        for other in ["", "a", "a\nb\nc", "b\na", "a\nB"] {
            assert!(!whole.shows(other), "{other:?}");
        }
        let silent = step("```console\n$ x\n```");
        assert!(silent.shows("") && !silent.shows("a"));
    }

    #[test]
    fn lines_that_were_left_out_can_be_any() {
        let shortened = step("```console\n$ x\n…\nb\n…\nd\n```");
        assert!(shortened.is_shortened());
        for good in ["b\nd", "a\nb\nc\nd", "b\nb\nd\nd"] {
            assert!(shortened.shows(good), "{good:?}");
        }
        for bad in ["b", "d\nb", "a\nd", "b\nd\ne"] {
            assert!(!shortened.shows(bad), "{bad:?}");
        }
        let middle = step("```console\n$ x\na\n…\nb\n```");
        assert!(middle.shows("a\nb") && middle.shows("a\nx\nb"));
        assert!(!middle.shows("x\na\nb") && !middle.shows("a"));
    }

    #[test]
    fn what_a_clock_measures_is_not_compared_and_with_varies_no_number_is() {
        let clock = step("```console\n$ x\n ✓ a   1 check   0.1 s\n```");
        assert!(clock.shows(" ✓ a   1 check  12.3 s"));
        assert!(!clock.shows(" ✓ a   2 check   0.1 s"));
        let varies = step("```console,varies\n$ x\n 38.2 µs, 1,204 of 7f3a01bc…\n```");
        assert!(varies.shows("   9.25 µs, 7 of 00ff11ee…"));
        assert!(!varies.shows(" 38.2 µs, 1,204 by 7f3a01bc…"));
    }
}
