//! The book keeps its word: its commands do what it shows, its pages hold together, and they can be read on a telephone.
//!
//! - `console`: what an author writes into a `console` block, and whether an output is the one that is shown
//! - `commands`: all commands of all chapters, run
//! - `browser`: all pages in Chromium, at the width of a telephone, with their quizzes clicked

mod browser;
mod commands;
mod console;

use std::path::{Path, PathBuf};

/// The directory with `book.toml`.
fn book() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../book")
        .canonicalize()
        .expect("the repository has a book")
}
