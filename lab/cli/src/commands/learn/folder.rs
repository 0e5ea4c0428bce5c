//! The learner's own folder: a directory for each exercise, with the file to be repaired.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hallway_lessons::Exercise;

use crate::failure::Failure;

/// What a file is called that was put aside.
const ASIDE: &str = "yours";

/// The learner's own folder.
#[derive(Clone, Debug)]
pub(super) struct Folder(PathBuf);

/// A file to be repaired.
pub(super) struct Prepared {
    pub(super) path: PathBuf,
    /// Whether it was there already, and was left as it was.
    pub(super) was_there: bool,
}

impl Folder {
    pub(super) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Where the file of an exercise is.
    pub(super) fn file(&self, chapter: &str, exercise: &Exercise) -> PathBuf {
        self.0.join(chapter).join(&exercise.edit)
    }

    /// Writes the broken file of an exercise, unless it is there.
    pub(super) fn prepare(&self, chapter: &str, exercise: &Exercise) -> Result<Prepared, Failure> {
        let path = self.file(chapter, exercise);
        let was_there = path.symlink_metadata().is_ok();
        if !was_there {
            write(exercise, &path).map_err(|error| cannot_write(&path, &error))?;
        }
        Ok(Prepared { path, was_there })
    }

    /// Puts the broken file back. What was there is kept beside it, under the name that is returned.
    pub(super) fn reset(&self, chapter: &str, exercise: &Exercise) -> Result<Option<PathBuf>, Failure> {
        let path = self.file(chapter, exercise);
        let aside = match path.symlink_metadata().is_ok() {
            true => Some(free_name(&path)),
            false => None,
        };
        aside
            .as_ref()
            .map_or(Ok(()), |aside| fs::rename(&path, aside))
            .and_then(|()| write(exercise, &path))
            .map_err(|error| cannot_write(&path, &error))?;
        Ok(aside)
    }
}

/// Writes the broken file of an exercise to `path`.
pub(super) fn write(exercise: &Exercise, path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let text = fs::read(&exercise.broken)?;
    let mut file = fs::File::create_new(path)?;
    io::Write::write_all(&mut file, &text)
}

/// Why a file could not be written.
pub(super) fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::input(format_args!(
        "cannot write {}: {error}; name another folder with --folder",
        path.display()
    ))
}

/// `rules.yaml.yours`, or the first of `rules.yaml.yours.2` and so on that is free.
fn free_name(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let numbered = (2..).map(|number| format!("{name}.{ASIDE}.{number}"));
    std::iter::once(format!("{name}.{ASIDE}"))
        .chain(numbered)
        .map(|name| path.with_file_name(name))
        .find(|path| path.symlink_metadata().is_err())
        .expect("there are more numbers than files")
}
