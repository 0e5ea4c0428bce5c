//! The chapters in their order, and where the learner stopped.

use std::process::ExitCode;

use hallway_grade::report::Styles;
use hallway_grade::report::styles::paint;
use hallway_scenario::load::Loaded;
use tokio_util::sync::CancellationToken;

use super::Stop;
use super::chapter::Chapter;
use super::folder::Folder;
use super::progress::{Progress, State};
use super::screen::Screen;
use crate::catalogue::Catalogue;
use crate::failure::Failure;
use crate::{next, runtime, shell};

/// A learner on the way.
pub(super) struct Walk<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) folder: &'a Folder,
    pub(super) screen: Screen,
    pub(super) cancel: CancellationToken,
    chapters: &'a [Loaded],
}

/// Leads a learner from chapter to chapter, beginning with the one called `name`, or where the learner stopped.
pub(super) fn walk(catalogue: &Catalogue, folder: &Folder, name: Option<&str>) -> Result<ExitCode, Failure> {
    let chapters = super::chapters(catalogue)?;
    let names: Vec<&str> = chapters.iter().map(|loaded| loaded.name.as_str()).collect();
    let first = match name {
        Some(name) => Some(place_of(&chapters, name, catalogue)?),
        None => Progress::load(folder.path())?.next(&names),
    };
    let Some(first) = first else {
        return all_done(folder, &names);
    };
    let is_through = runtime::run(async |cancel| {
        let mut walk = Walk {
            catalogue,
            folder,
            screen: Screen::new(cancel.clone())?,
            cancel,
            chapters: &chapters,
        };
        match walk.from(first, name.is_some()).await {
            Ok(()) => Ok(true),
            Err(Stop::Ended) => Ok(false),
            Err(Stop::Failed(failure)) => Err(failure),
        }
    })??;
    match is_through {
        true => all_done(folder, &names),
        false => stopped_at(folder, &names),
    }
}

/// Which of `chapters` is called `name`.
pub(super) fn place_of(chapters: &[Loaded], name: &str, catalogue: &Catalogue) -> Result<usize, Failure> {
    let place = chapters.iter().position(|loaded| loaded.name == name);
    place.ok_or_else(|| match catalogue.load(name) {
        // There is such a scenario.
        Ok(_) => Failure::input(format_args!(
            "`{name}` has no lesson.yaml, so there is no chapter about it"
        )),
        Err(failure) => failure,
    })
}

/// How a command names the folder, where it is not the usual one.
pub(super) fn option(folder: &Folder) -> String {
    match folder.path() == std::path::Path::new("hallway-lessons") {
        true => String::new(),
        false => format!(" --folder {}", shell::quoted(&folder.path().to_string_lossy())),
    }
}

impl Walk<'_> {
    /// Goes on from a chapter to the last that is not done.
    async fn from(&mut self, first: usize, by_name: bool) -> Result<(), Stop> {
        let mut index = first;
        let mut anew = by_name;
        loop {
            let loaded = &self.chapters[index];
            let chapter = Chapter::load(loaded, index + 1, self.chapters.len())?;
            Progress::update(self.folder.path(), |progress| {
                progress.at = Some(loaded.name.clone())
            })?;
            self.chapter(&chapter, anew).await?;
            anew = false;
            let names: Vec<&str> = self.chapters.iter().map(|loaded| loaded.name.as_str()).collect();
            match Progress::load(self.folder.path())?.next(&names) {
                None => return Ok(()),
                Some(next) => {
                    self.between(names[next], &names).await?;
                    index = next;
                }
            }
        }
    }

    /// One chapter, as far as the learner has not come with it yet.
    async fn chapter(&mut self, chapter: &Chapter<'_>, by_name: bool) -> Result<(), Stop> {
        let state = Progress::load(self.folder.path())?.chapter(chapter.name()).state;
        self.heading(chapter).await?;
        let is_seen = state == State::Seen || (by_name && state == State::Skipped);
        if !is_seen {
            self.lesson(chapter).await?;
            Progress::update(self.folder.path(), |progress| {
                let chapter = progress.chapter_mut(chapter.name());
                if chapter.state == State::New {
                    chapter.state = State::Seen;
                }
            })?;
            self.screen.pause("Enter for the exercise").await?;
        } else {
            self.screen.print("You have seen this run. What is left is the exercise; `lesson` shows the lesson again.\n").await?;
        }
        self.exercise(chapter).await
    }

    async fn heading(&mut self, chapter: &Chapter<'_>) -> Result<(), Stop> {
        let words = format!(
            "Chapter {} of {} · {}",
            chapter.number,
            chapter.of,
            chapter.name()
        );
        let heading = paint(Styles::coloured().quiet, words);
        Ok(self.screen.print(&format!("{heading}\n\n")).await?)
    }

    /// Asks whether to go on.
    async fn between(&mut self, next: &str, names: &[&str]) -> Result<(), Stop> {
        let finished = Progress::load(self.folder.path())?.finished(names);
        let question = format!(
            "{finished} of {} chapters finished. Enter goes on to {next}; quit stops here.",
            names.len()
        );
        let answer = self.screen.ask(&question).await?;
        anstream::println!();
        match answer.trim() {
            "q" | "quit" => Err(Stop::Ended),
            _ => Ok(()),
        }
    }
}

fn all_done(folder: &Folder, names: &[&str]) -> Result<ExitCode, Failure> {
    let progress = Progress::load(folder.path())?;
    let finished = progress.finished(names);
    let skipped: Vec<&str> = names
        .iter()
        .filter(|name| progress.chapter(name).state == State::Skipped)
        .copied()
        .collect();
    match skipped.as_slice() {
        [] => anstream::println!("You have finished all {finished} chapters."),
        [first, ..] => {
            anstream::println!(
                "{finished} of {} chapters finished, the others skipped.",
                names.len()
            );
            next::print(&[(
                format!("hallway learn {first}{}", option(folder)),
                "the first that you skipped",
            )]);
            return Ok(ExitCode::SUCCESS);
        }
    }
    next::print(&[
        ("hallway new scenario checkout", "begin a scenario of your own"),
        (
            "hallway bench teams",
            "what a decision costs with a mesh, and without",
        ),
    ]);
    Ok(ExitCode::SUCCESS)
}

/// Says where the learner stopped, and how to go on.
fn stopped_at(folder: &Folder, names: &[&str]) -> Result<ExitCode, Failure> {
    let progress = Progress::load(folder.path())?;
    let at = progress.next(names).map_or("the end", |index| names[index]);
    let part = match progress.chapter(at).state {
        State::Seen => ", at its exercise",
        _ => "",
    };
    anstream::println!(
        "\nYou stopped at {at}{part}. {} of {} chapters finished.",
        progress.finished(names),
        names.len()
    );
    let option = option(folder);
    next::print(&[
        (format!("hallway learn{option}"), "goes on from here"),
        (
            format!("hallway learn --list{option}"),
            "all chapters, and what you have done of them",
        ),
    ]);
    Ok(ExitCode::SUCCESS)
}
