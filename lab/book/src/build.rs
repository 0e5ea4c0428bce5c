//! From the sources of a book to its pages.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mdbook_driver::MDBook;
use mdbook_preprocessor::book::BookItem;

use crate::error::BookError;
use crate::{includes, pages, quiz};

/// A book that was built.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Built {
    /// The directory that holds `index.html`.
    pub pages: PathBuf,
    /// How many chapters it has.
    pub chapters: usize,
}

/// A chapter as its author wrote it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Chapter {
    /// The file.
    pub file: PathBuf,
    /// The same, within the sources: `reference/checks.md`.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
}

/// Builds the book in the directory `root`, which holds `book.toml`, into the directory `pages`. What was there before is replaced.
///
/// # Errors
/// When mdBook refuses it, a file is in no table of contents, an excerpt or a quiz is wrong, a link leads nowhere, or a page would load
/// something from outside.
pub fn build(root: &Path, pages: &Path) -> Result<Built, BookError> {
    let mut book = load(root)?;
    let chapters = chapters_of(&book)?;
    check_sources(&book, &chapters)?;
    book.with_preprocessor(quiz::Quizzes);
    book.config.build.build_dir = std::path::absolute(pages).map_err(BookError::io("find", pages))?;
    book.build()
        .map_err(|error| BookError::Book(format!("{error:#}")))?;
    pages::check(pages)?;
    Ok(Built {
        pages: pages.to_owned(),
        chapters: chapters.len(),
    })
}

/// The chapters of the book in the directory `root`, in their order.
///
/// # Errors
/// When mdBook refuses the book, or a chapter cannot be read.
pub fn chapters(root: &Path) -> Result<Vec<Chapter>, BookError> {
    chapters_of(&load(root)?)
}

fn load(root: &Path) -> Result<MDBook, BookError> {
    MDBook::load(root).map_err(|error| BookError::Book(format!("{error:#}")))
}

fn chapters_of(book: &MDBook) -> Result<Vec<Chapter>, BookError> {
    let sources = book.source_dir();
    let paths = book.iter().filter_map(|item| match item {
        BookItem::Chapter(chapter) => chapter.source_path.clone(),
        _ => None,
    });
    paths
        .map(|path| {
            let file = sources.join(&path);
            let text = fs::read_to_string(&file).map_err(BookError::io("read", &file))?;
            Ok(Chapter { file, path, text })
        })
        .collect()
}

/// Whether the authors keep to the rules: mdBook itself is more lenient.
fn check_sources(book: &MDBook, chapters: &[Chapter]) -> Result<(), BookError> {
    let listed: BTreeSet<&Path> = chapters.iter().map(|chapter| chapter.path.as_path()).collect();
    let sources = book.source_dir();
    let mut findings: Vec<String> = markdown_below(&sources)?
        .iter()
        .filter_map(|file| file.strip_prefix(&sources).ok())
        .filter(|path| *path != Path::new("SUMMARY.md") && !listed.contains(path))
        .map(|path| {
            format!(
                "{} is in no table of contents: add it to SUMMARY.md",
                path.display()
            )
        })
        .collect();
    findings.extend(chapters.iter().flat_map(includes::findings));
    BookError::unless_empty(findings)?;
    quiz::check(chapters)
}

/// All files in Markdown below `directory`, in order.
fn markdown_below(directory: &Path) -> Result<Vec<PathBuf>, BookError> {
    let mut found = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).map_err(BookError::io("read", &directory))? {
            let path = entry.map_err(BookError::io("read", &directory))?.path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
