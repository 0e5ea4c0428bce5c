//! The files below a directory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// All files below `directory`, in order.
///
/// # Errors
/// When a directory cannot be read.
pub(crate) fn below(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            match path.is_dir() {
                true => directories.push(path),
                false => found.push(path),
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Whether the name of a file ends so.
pub(crate) fn ends_in(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}
