//! Files that are read.

use std::fs;
use std::path::Path;

use hallway_yaml::{Node, SourceFile, parse_one};

use crate::LessonError;

/// The text of the file at `path`, which is `needed` for something.
pub(crate) fn text(path: &Path, needed: &'static str) -> Result<String, LessonError> {
    if !path.is_file() {
        return Err(missing(path, needed));
    }
    fs::read_to_string(path).map_err(|source| LessonError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

/// The document in the file at `path`.
pub(crate) fn document(path: &Path, needed: &'static str) -> Result<Node, LessonError> {
    let source = SourceFile::new(path.display().to_string(), text(path, needed)?);
    parse_one(&source).map_err(LessonError::Invalid)
}

pub(crate) fn missing(path: &Path, needed: &'static str) -> LessonError {
    LessonError::Missing {
        path: path.to_owned(),
        needed,
    }
}
