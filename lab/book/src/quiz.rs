//! Quizzes: a `quiz` block in YAML becomes a question with answers to choose from.
//!
//! A page shows it without a script too: the answers are then in a fold-out. `book/theme/quiz.js` makes it answer at once.

use std::fmt::Write;

use hallway_yaml::{Diagnostic, Diagnostics, Path, SourceFile, parse_one};
use mdbook_preprocessor::book::Book;
use mdbook_preprocessor::errors::Result;
use mdbook_preprocessor::{Preprocessor, PreprocessorContext};
use pulldown_cmark::{Event, Parser, html};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::blocks::{self, Block};
use crate::build::Chapter;
use crate::error::BookError;

/// The language of a block that holds a quiz.
const LANGUAGE: &str = "quiz";

/// A question with answers to choose from.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Quiz {
    /// The question.
    question: String,
    /// The answers, of which exactly one is right.
    #[schemars(length(min = 2, max = 5))]
    choices: Vec<Choice>,
}

/// An answer to choose.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Choice {
    /// The answer.
    says: String,
    /// Whether it is the right one.
    #[serde(default)]
    right: bool,
    /// What is said to those who chose it.
    because: String,
}

/// Whether all quizzes are well-formed; everything that is not, in one error.
pub(crate) fn check(chapters: &[Chapter]) -> Result<(), BookError> {
    let mut wrong = Diagnostics::new();
    for chapter in chapters {
        let blocks = blocks::fenced(&chapter.text);
        for block in blocks.iter().filter(|block| block.language == LANGUAGE) {
            if let Err(found) = read(&chapter.file.display().to_string(), block) {
                wrong.extend(found);
            }
        }
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(BookError::Quiz(wrong)),
    }
}

/// Puts quizzes in the place of their blocks.
pub(crate) struct Quizzes;

impl Preprocessor for Quizzes {
    fn name(&self) -> &'static str {
        LANGUAGE
    }

    fn run(&self, _: &PreprocessorContext, mut book: Book) -> Result<Book> {
        let mut done = Ok(());
        book.for_each_chapter_mut(|chapter| match with_quizzes(&chapter.content) {
            Ok(content) => chapter.content = content,
            // Those in the chapters themselves were checked before: it is in something that a chapter includes.
            Err(wrong) => done = Err(BookError::Quiz(wrong)),
        });
        Ok(done.map(|()| book)?)
    }
}

/// A chapter with quizzes in the place of their blocks.
fn with_quizzes(markdown: &str) -> Result<String, Diagnostics> {
    let mut text = String::new();
    let mut done = 0;
    let blocks = blocks::fenced(markdown);
    let quizzes = blocks.iter().filter(|block| block.language == LANGUAGE);
    for (number, block) in quizzes.enumerate() {
        let quiz = read("a chapter with what it includes", block)?;
        text.push_str(&markdown[done..block.whole.start]);
        text.push_str(&quiz.page(number + 1));
        done = block.whole.end;
    }
    text.push_str(&markdown[done..]);
    Ok(text)
}

/// Reads a block; what is wrong is shown at its line in `file`.
fn read(file: &str, block: &Block<'_>) -> Result<Quiz, Diagnostics> {
    let text = "\n".repeat(block.line) + block.content;
    let document = parse_one(&SourceFile::new(file, text))?;
    let quiz: Quiz = document.decode()?;
    if quiz.choices.iter().filter(|choice| choice.right).count() == 1 {
        return Ok(quiz);
    }
    let mut diagnostics = Diagnostics::new();
    let wrong = Diagnostic::error(
        "a quiz has one right answer",
        document.span(&Path::keys(["choices"])),
        "of these",
    );
    diagnostics.push(wrong.with_help("write `right: true` to exactly one of its choices".to_owned()));
    Err(diagnostics)
}

impl Quiz {
    /// As it stands on a page. Markdown takes no blank line in it.
    fn page(&self, number: usize) -> String {
        let mut choices = String::new();
        let mut answers = String::new();
        for choice in &self.choices {
            let says = inline(&choice.says);
            let _ = writeln!(
                choices,
                "<label><input type=\"radio\" name=\"quiz-{number}\"><span>{says}</span></label>"
            );
            let (class, verdict) = match choice.right {
                true => ("right", "Right."),
                false => ("wrong", "Not so."),
            };
            let because = inline(&choice.because);
            let _ = writeln!(
                answers,
                "<li class=\"{class}\"><strong>{verdict}</strong> <em>{says}</em> {because}</li>"
            );
        }
        format!(
            "<fieldset class=\"quiz\">\n<legend>{}</legend>\n{choices}<div class=\"verdict\" aria-live=\"polite\"></div>\n\
             <details><summary>The answers</summary>\n<ul>\n{answers}</ul>\n</details>\n</fieldset>\n",
            inline(&self.question)
        )
    }
}

/// Markdown within a line, as HTML. Tags in it are text.
fn inline(markdown: &str) -> String {
    let markdown = markdown.split_whitespace().collect::<Vec<_>>().join(" ");
    let events = Parser::new(&markdown).filter_map(|event| match event {
        Event::Start(pulldown_cmark::Tag::Paragraph) | Event::End(pulldown_cmark::TagEnd::Paragraph) => None,
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        other => Some(other),
    });
    let mut page = String::new();
    html::push_html(&mut page, events);
    page.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "Before.\n\n```quiz\nquestion: How *many* `attempts`?\nchoices:\n\
                        - { says: one <b>, because: No. }\n- { says: two, right: true, because: \"Yes: `1 + 1`.\" }\n```\n\nAfter.\n";

    fn wrong(markdown: &str) -> String {
        let chapter = Chapter {
            file: "chapter.md".into(),
            path: "chapter.md".into(),
            text: markdown.to_owned(),
        };
        check(&[chapter]).expect_err("it is wrong").to_string()
    }

    #[test]
    fn a_quiz_becomes_a_question_with_its_answers() {
        insta::assert_snapshot!(with_quizzes(GOOD).expect("good quizzes"), @r#"
        Before.

        <fieldset class="quiz">
        <legend>How <em>many</em> <code>attempts</code>?</legend>
        <label><input type="radio" name="quiz-1"><span>one &lt;b&gt;</span></label>
        <label><input type="radio" name="quiz-1"><span>two</span></label>
        <div class="verdict" aria-live="polite"></div>
        <details><summary>The answers</summary>
        <ul>
        <li class="wrong"><strong>Not so.</strong> <em>one &lt;b&gt;</em> No.</li>
        <li class="right"><strong>Right.</strong> <em>two</em> Yes: <code>1 + 1</code>.</li>
        </ul>
        </details>
        </fieldset>


        After.
        "#);
    }

    #[test]
    fn mistakes_are_shown_at_their_line_of_the_chapter() {
        let unknown = wrong(&GOOD.replace("because: No.", "why: No."));
        assert!(
            unknown.contains("unknown field `why`") && unknown.contains("chapter.md:6:"),
            "{unknown}"
        );
        for count in ["because: No., right: true", "because: No."] {
            let text = GOOD.replace("right: true, ", "").replace("because: No.", count);
            let two = text.replace("two, because", "two, right: true, because");
            let text = if count.contains("true") { two } else { text };
            let several = wrong(&text);
            assert!(
                several.contains("one right answer") && several.contains("chapter.md:6"),
                "{several}"
            );
        }
    }
}
