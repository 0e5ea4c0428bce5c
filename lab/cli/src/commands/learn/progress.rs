//! What a learner has done: `progress.json` in the learner's folder, written as a whole or not at all.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// The version of the file.
const VERSION: u32 = 1;

/// The file.
const FILE: &str = "progress.json";

/// What a learner has done.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Progress {
    version: u32,
    /// The chapter where the learner stopped.
    pub(super) at: Option<String>,
    /// By the name of the scenario.
    chapters: BTreeMap<String, Chapter>,
}

/// What a learner has done of a chapter.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Chapter {
    /// Whether it has been finished, or passed over.
    pub(super) state: State,
    /// The predicted answer, counted from 1; absent when nothing was predicted.
    pub(super) answer: Option<usize>,
    /// Whether that was right.
    pub(super) right: Option<bool>,
    /// How many hints have been shown.
    pub(super) hints: usize,
}

/// How far somebody has come with a chapter.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// Nothing has been run.
    #[default]
    New,
    /// The run has been seen; the exercise is open.
    Seen,
    /// The exercise is solved.
    Finished,
    /// The learner went on without it.
    Skipped,
}

impl Progress {
    /// Reads the progress in `folder`; none where there is no such file.
    ///
    /// # Errors
    /// [`Failure::Input`], when it cannot be read or is damaged.
    pub(super) fn load(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(damaged(&path, &error)),
        };
        let progress: Self = serde_json::from_str(&text).map_err(|error| damaged(&path, &error))?;
        match progress.version {
            VERSION => Ok(progress),
            other => Err(damaged(
                &path,
                &format!("it has version {other}, and this Hallway writes version {VERSION}"),
            )),
        }
    }

    /// Changes the progress in `folder`. Whatever else changed it meanwhile, in another terminal, is kept.
    ///
    /// # Errors
    /// [`Failure::Input`], when it is damaged or cannot be written.
    pub(super) fn update(folder: &Path, change: impl FnOnce(&mut Self)) -> Result<(), Failure> {
        let mut progress = Self::load(folder)?;
        change(&mut progress);
        progress.write(folder).map_err(|error| {
            let path = folder.join(FILE);
            Failure::input(format_args!(
                "cannot write {}: {error}; name another folder with --folder",
                path.display()
            ))
        })
    }

    fn write(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let text = serde_json::to_string_pretty(self).map_err(io::Error::other)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        io::Write::write_all(&mut file, format!("{text}\n").as_bytes())?;
        file.persist(folder.join(FILE))?;
        Ok(())
    }

    /// What was done of the chapter `name`.
    pub(super) fn chapter(&self, name: &str) -> Chapter {
        self.chapters.get(name).cloned().unwrap_or_default()
    }

    /// The same, to be changed.
    pub(super) fn chapter_mut(&mut self, name: &str) -> &mut Chapter {
        self.chapters.entry(name.to_owned()).or_default()
    }

    /// Which of `chapters`, in their order, to go on with: the one where the learner stopped unless that is done, then the first after it that is not
    /// done, then the first of all. Nothing when all are done.
    pub(super) fn next(&self, chapters: &[&str]) -> Option<usize> {
        let at = self
            .at
            .as_ref()
            .and_then(|at| chapters.iter().position(|name| name == at));
        let from = at.unwrap_or(0);
        let is_open = |index: &usize| !self.chapter(chapters[*index]).state.is_done();
        (from..chapters.len()).chain(0..from).find(is_open)
    }

    /// How many of `chapters` are finished.
    pub(super) fn finished(&self, chapters: &[&str]) -> usize {
        let is_finished = |name: &&&str| self.chapter(name).state == State::Finished;
        chapters.iter().filter(is_finished).count()
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            version: VERSION,
            at: None,
            chapters: BTreeMap::new(),
        }
    }
}

impl State {
    /// Whether the guided path passes it by.
    pub(super) fn is_done(self) -> bool {
        matches!(self, Self::Finished | Self::Skipped)
    }
}

fn damaged(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::input(format_args!(
        "the progress in {} cannot be read: {error}\nmend the file, or move it away to begin anew; your own rule files stay as they are",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::{FILE, Progress, State};

    const CHAPTERS: [&str; 3] = ["one", "two", "three"];

    fn with(at: &str, done: &[(&str, State)]) -> Progress {
        let mut progress = Progress {
            at: Some(at.to_owned()),
            ..Progress::default()
        };
        for (name, state) in done {
            progress.chapter_mut(name).state = *state;
        }
        progress
    }

    #[test]
    fn it_goes_on_where_the_learner_stopped() {
        assert_eq!(Progress::default().next(&CHAPTERS), Some(0));
        assert_eq!(with("two", &[("two", State::Seen)]).next(&CHAPTERS), Some(1));
        assert_eq!(with("two", &[("two", State::Finished)]).next(&CHAPTERS), Some(2));
        let jumped = with("three", &[("three", State::Finished), ("one", State::Skipped)]);
        assert_eq!(jumped.next(&CHAPTERS), Some(1));
        let all = CHAPTERS.map(|name| (name, State::Finished));
        assert_eq!(with("one", &all).next(&CHAPTERS), None);
        assert_eq!(with("gone", &[]).next(&CHAPTERS), Some(0));
        assert_eq!(with("one", &all).finished(&CHAPTERS), 3);
    }

    #[test]
    fn what_is_written_is_read_again_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        Progress::update(folder.path(), |progress| progress.chapter_mut("one").hints = 2).unwrap();
        Progress::update(folder.path(), |progress| progress.at = Some("one".to_owned())).unwrap();
        let read = Progress::load(folder.path()).unwrap();
        assert_eq!((read.chapter("one").hints, read.at.as_deref()), (2, Some("one")));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_damaged_is_told_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        for text in [
            "{",
            r#"{ "version": 2, "at": null, "chapters": {} }"#,
            r#"{ "version": 1, "at": null, "chapters": {}, "x": 1 }"#,
        ] {
            std::fs::write(folder.path().join(FILE), text).unwrap();
            let error = Progress::update(folder.path(), |progress| progress.at = None).unwrap_err();
            assert!(
                error.to_string().contains("move it away to begin anew"),
                "{error}"
            );
            assert_eq!(std::fs::read_to_string(folder.path().join(FILE)).unwrap(), text);
        }
    }
}
