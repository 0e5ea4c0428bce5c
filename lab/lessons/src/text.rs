//! What is read: `README.md`, in the parts in which a learner is shown it.

use hallway_scenario::Loaded;
use hallway_scenario::load::LESSON_FILE;

use crate::{LessonError, file};

/// How the paragraph begins that asks, before anything is run.
pub const QUESTION: &str = "**Before you run it:**";

/// How the paragraph begins that gives the answer away, and everything after it.
pub const ANSWER: &str = "**What happens";

/// How the paragraph begins that leads to the exercise, at the end.
const EXERCISE: &str = "**Exercise.**";

/// What a block of commands begins with.
const COMMANDS: &str = "```sh\n";

/// A lesson to read, in Markdown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Text {
    /// What does not give the answer away: up to the question.
    pub before: String,
    /// The commands to type that are written between the two, one a line; the guided path runs the scenario itself.
    pub commands: String,
    /// The answer, and what follows from it, but for the last paragraph where that leads to the exercise.
    pub after: String,
}

impl Text {
    /// Reads the lesson of a scenario.
    ///
    /// # Errors
    /// When there is none, or it does not ask before it answers.
    pub fn load(loaded: &Loaded) -> Result<Self, LessonError> {
        let path = loaded.files.path(LESSON_FILE);
        let text = file::text(&path, "a scenario has a lesson to read")?;
        Self::parse(&text).map_err(|(marker, needed)| LessonError::Unmarked { path, marker, needed })
    }

    /// Takes a lesson apart; otherwise says which paragraph it lacks, and why that is needed.
    fn parse(text: &str) -> Result<Self, (&'static str, &'static str)> {
        let question = paragraph(text, QUESTION).ok_or((QUESTION, "a lesson asks before it shows"))?;
        let rest = &text[question..];
        let answer = paragraph(rest, ANSWER).ok_or((
            ANSWER,
            "`hallway learn` shows it, and what follows it, after the run only",
        ))?;
        let (before, after) = text.split_at(question + answer);
        let (before, commands) = without_commands(before.trim_end());
        Ok(Self {
            before: before.trim_end().to_owned(),
            commands: commands.trim().to_owned(),
            after: without_exercise(after).trim().to_owned(),
        })
    }
}

/// Where the first paragraph starts that begins with `marker`.
fn paragraph(text: &str, marker: &str) -> Option<usize> {
    if text.starts_with(marker) {
        return Some(0);
    }
    text.find(&format!("\n\n{marker}")).map(|at| at + 2)
}

/// `text` without the paragraph that leads to the exercise, which comes next anyway.
fn without_exercise(text: &str) -> &str {
    match paragraph(text, EXERCISE) {
        Some(at) if !text[at..].trim().contains("\n\n") => &text[..at],
        _ => text,
    }
}

/// `text`, and the commands that it ends with.
fn without_commands(text: &str) -> (&str, &str) {
    let Some((before, block)) = text.rsplit_once(COMMANDS) else {
        return (text, "");
    };
    match block.strip_suffix("```") {
        Some(commands) if !commands.contains("```") => (before, commands),
        _ => (text, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn a_lesson_is_split_where_it_begins_to_answer() {
        let text = "# Title\n\nAn idea.\n\n**Before you run it:** what?\n\n```sh\nhallway run x\n```\n\n**What happens.** This.\n\nMore.\n\n**Exercise.** Repair it.\n";
        let parts = Text::parse(text).unwrap();
        assert_eq!(
            parts.before,
            "# Title\n\nAn idea.\n\n**Before you run it:** what?"
        );
        assert_eq!(parts.commands, "hallway run x");
        assert_eq!(parts.after, "**What happens.** This.\n\nMore.");
    }

    #[test]
    fn other_blocks_stay_where_they_are() {
        let text = "**Before you run it:** what?\n\n```sh\nhallway run x\n```\n\nLook:\n\n```text\na\n```\n\n**What happens without it.** This.\n";
        let parts = Text::parse(text).unwrap();
        assert!(parts.before.ends_with("Look:\n\n```text\na\n```"), "{parts:?}");
        assert_eq!(parts.commands, "");
    }

    #[test]
    fn a_lesson_that_does_not_ask_first_is_refused() {
        let (marker, _) = Text::parse("# Title\n\n**What happens.** This.").unwrap_err();
        assert_eq!(marker, super::QUESTION);
        let answered_first = "**What happens.** This.\n\n**Before you run it:** what?";
        let (marker, _) = Text::parse(answered_first).unwrap_err();
        assert_eq!(marker, super::ANSWER);
    }
}
