//! What can be wrong with a book.

use std::io;
use std::path::{Path, PathBuf};

use hallway_yaml::{Diagnostics, Style};
use thiserror::Error;

/// Why there are no pages.
#[derive(Debug, Error)]
pub enum BookError {
    /// Something cannot be read or written.
    #[error("cannot {what} {}: {error}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// Why it failed.
        error: io::Error,
    },
    /// mdBook refuses the book.
    #[error("{0}")]
    Book(String),
    /// A quiz is wrong.
    #[error("{}", .0.render(Style::Plain).trim_end().trim_start_matches("error: "))]
    Quiz(Diagnostics),
    /// The directory to build into holds something else.
    #[error("{} holds something else than a book: name another directory, or an empty one", .0.display())]
    Occupied(PathBuf),
    /// The author has promised what is not there.
    #[error("{}", .0.join("\n"))]
    Missing(Vec<String>),
}

impl BookError {
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::Io { what, path, error }
    }

    /// `findings` as an error, if there are any.
    pub(crate) fn unless_empty(findings: Vec<String>) -> Result<(), Self> {
        match findings.is_empty() {
            true => Ok(()),
            false => Err(Self::Missing(findings)),
        }
    }
}
