//! From the sources of a book to its pages.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mdbook_driver::MDBook;
use mdbook_preprocessor::book::BookItem;

use crate::error::BookError;
use crate::{files, includes, pages, quiz};

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

/// What marks a directory as one that a book was built into, and that may be replaced.
const MARK: &str = ".hallway-book";

/// Builds the book in the directory `root`, which holds `book.toml`, into the directory `pages`. A book that was built there before is
/// replaced, when this one is whole; anything else there is left alone.
///
/// # Errors
/// When mdBook refuses it, a file is in no table of contents, an excerpt or a quiz is wrong, a link leads nowhere, a page would load
/// something from outside, or `pages` holds something else than a book.
pub fn build(root: &Path, pages: &Path) -> Result<Built, BookError> {
    let mut book = load(root)?;
    let chapters = chapters_of(&book)?;
    check_sources(&book, &chapters)?;
    let pages = std::path::absolute(pages).map_err(BookError::io("find", pages))?;
    check_replaceable(&pages)?;
    let parent = pages.parent().unwrap_or(&pages);
    fs::create_dir_all(parent).map_err(BookError::io("make", parent))?;
    let workshop = tempfile::tempdir_in(parent).map_err(BookError::io("write into", parent))?;
    let new = workshop.path().join("pages");
    book.with_preprocessor(quiz::Quizzes);
    book.config.build.build_dir.clone_from(&new);
    book.build()
        .map_err(|error| BookError::Book(format!("{error:#}")))?;
    pages::check(&new)?;
    fs::write(new.join(MARK), "").map_err(BookError::io("write into", &new))?;
    if pages.exists() {
        fs::remove_dir_all(&pages).map_err(BookError::io("replace", &pages))?;
    }
    fs::rename(&new, &pages).map_err(BookError::io("write", &pages))?;
    Ok(Built {
        pages,
        chapters: chapters.len(),
    })
}

/// Whether what is at `pages` may be replaced: nothing, or a book.
fn check_replaceable(pages: &Path) -> Result<(), BookError> {
    if !pages.exists() || pages.join(MARK).is_file() {
        return Ok(());
    }
    let mut entries = fs::read_dir(pages).map_err(BookError::io("build into", pages))?;
    match entries.next() {
        None => Ok(()),
        Some(_) => Err(BookError::Occupied(pages.to_owned())),
    }
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
    let files = files::below(&sources).map_err(BookError::io("read", &sources))?;
    let chapters_there = files.iter().filter(|path| files::ends_in(path, "md"));
    let mut findings: Vec<String> = chapters_there
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A book of one chapter.
    fn book(chapter: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("there is room");
        fs::create_dir(root.path().join("src")).expect("there is room");
        for (file, text) in [
            ("book.toml", "[book]\ntitle = \"A book\"\n"),
            ("src/SUMMARY.md", "- [One](one.md)\n"),
            ("src/one.md", chapter),
        ] {
            fs::write(root.path().join(file), text).expect("there is room");
        }
        root
    }

    #[test]
    fn a_book_replaces_a_book_when_it_is_whole_and_nothing_else_ever() {
        let place = tempfile::tempdir().expect("there is room");
        let pages = place.path().join("pages");
        let built = build(book("# One\n\nfirst\n").path(), &pages).expect("a book");
        assert_eq!((built.chapters, built.pages.as_path()), (1, pages.as_path()));
        let shown = || fs::read_to_string(pages.join("one.html")).expect("a page");
        build(book("# One\n\nsecond\n").path(), &pages).expect("a book");
        assert!(shown().contains("second"));
        let dead = build(book("# One\n\n[gone](gone.md)\n").path(), &pages).expect_err("a dead link");
        assert!(dead.to_string().contains("gone.html` leads nowhere"), "{dead}");
        assert!(shown().contains("second"), "what was whole is still there");
        fs::write(place.path().join("letter.txt"), "mine").expect("there is room");
        let occupied = build(book("# One\n").path(), place.path()).expect_err("somebody's files");
        assert!(matches!(occupied, BookError::Occupied(_)), "{occupied}");
        let left: Vec<_> = files::below(place.path()).expect("files");
        assert!(left.contains(&place.path().join("letter.txt")));
        assert_eq!(
            fs::read_dir(place.path()).expect("a directory").count(),
            2,
            "no workshop is left: {left:?}"
        );
    }

    #[test]
    fn a_chapter_that_nobody_would_find_is_told() {
        let root = book("# One\n");
        fs::write(root.path().join("src/two.md"), "# Two\n").expect("there is room");
        let place = tempfile::tempdir().expect("there is room");
        let lost = build(root.path(), place.path()).expect_err("it is in no table of contents");
        assert!(
            lost.to_string().starts_with("two.md is in no table of contents"),
            "{lost}"
        );
    }
}
