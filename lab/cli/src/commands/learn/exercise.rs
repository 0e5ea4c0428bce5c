//! An exercise: the learner repairs a file, and it is graded whenever it is saved.

use std::path::Path;

use hallway_grade::report::Styles;
use hallway_grade::report::styles::paint;

use super::Stop;
use super::aside::{next_hint, put_back};
use super::chapter::{Chapter, ground_words};
use super::grading::grade;
use super::path::Walk;
use super::progress::{Progress, State};
use super::words::{SHORT, WORDS, Word};
use crate::saved::Saved;

/// What happens during an exercise.
enum Event {
    /// The file holds something else.
    Saved,
    /// It cannot be read.
    Unreadable(String),
    Typed(String),
}

impl Walk<'_> {
    /// An exercise until it is solved or skipped.
    pub(super) async fn exercise(&mut self, chapter: &Chapter<'_>) -> Result<(), Stop> {
        let prepared = self.folder.prepare(chapter.name(), &chapter.exercise)?;
        let path = prepared.path;
        self.task(chapter).await?;
        let found = match prepared.was_there {
            true => "Your file is there from before:",
            false => "Your file:",
        };
        let on = ground_words(&chapter.exercise.scenario);
        let text = format!(
            "{found} `{}`\n\nOpen it in an editor, repair it and save it. Each time that you save, it is graded, {on}.",
            path.display()
        );
        self.screen.read(&text).await?;
        anstream::println!("As it is now:\n");
        self.until_solved(chapter, &path).await
    }

    async fn until_solved(&mut self, chapter: &Chapter<'_>, path: &Path) -> Result<(), Stop> {
        let mut saved = Saved::watch(path.to_owned());
        if self.graded(chapter, path).await? {
            return self.celebrate(chapter).await;
        }
        loop {
            let event = tokio::select! {
                changed = saved.changed() => changed.map_or_else(Event::Unreadable, |()| Event::Saved),
                line = self.screen.line() => Event::Typed(line?),
            };
            let is_to_be_graded = match event {
                Event::Saved => {
                    anstream::println!("\nSaved:\n");
                    true
                }
                Event::Unreadable(why) => {
                    anstream::println!("\n{why}; `reset` brings back the file that you began with");
                    false
                }
                Event::Typed(line) => match self.typed(chapter, path, &line).await? {
                    Typed::Grade => true,
                    Typed::Nothing => false,
                    Typed::Skip => return Ok(()),
                },
            };
            if is_to_be_graded && self.graded(chapter, path).await? {
                return self.celebrate(chapter).await;
            }
        }
    }

    /// Grades the file, says what came of it, and whether it solves the exercise.
    async fn graded(&mut self, chapter: &Chapter<'_>, path: &Path) -> Result<bool, Stop> {
        let graded = grade(self.catalogue, &chapter.exercise, path, &self.cancel).await?;
        anstream::println!("{}", graded.words);
        if !graded.is_solved {
            let words = format!("Save {} to grade it again; or type {SHORT}.", path.display());
            anstream::println!("{}\n", paint(Styles::coloured().quiet, words));
        }
        Ok(graded.is_solved)
    }

    async fn typed(&mut self, chapter: &Chapter<'_>, path: &Path, line: &str) -> Result<Typed, Stop> {
        let name = chapter.name();
        match Word::parse(line) {
            None => anstream::println!("`{}` is none of the words: {WORDS}", line.trim()),
            Some(Word::Again) => return Ok(Typed::Grade),
            Some(Word::Hint) => {
                let hint = next_hint(self.folder, name, &chapter.exercise)?;
                self.screen.read(&hint).await?;
            }
            Some(Word::Task) => {
                self.task(chapter).await?;
                let file = format!("Your file: `{}`", path.display());
                self.screen.read(&file).await?;
            }
            Some(Word::Lesson) => {
                let text = format!("{}\n\n{}", chapter.text.before, chapter.text.after);
                self.screen.read(&text).await?;
            }
            Some(Word::Reset) => {
                anstream::println!("{}\n", put_back(self.folder, name, &chapter.exercise)?);
            }
            Some(Word::Skip) => {
                self.finish(name, State::Skipped)?;
                anstream::println!("Skipped; `hallway learn {name}` comes back to it.\n");
                return Ok(Typed::Skip);
            }
            Some(Word::Quit) => return Err(Stop::Ended),
        }
        Ok(Typed::Nothing)
    }

    async fn task(&mut self, chapter: &Chapter<'_>) -> Result<(), Stop> {
        let text = format!(
            "## Exercise: {}\n\n{}",
            chapter.exercise.title, chapter.exercise.task
        );
        self.screen.read(&text).await?;
        Ok(())
    }

    async fn celebrate(&mut self, chapter: &Chapter<'_>) -> Result<(), Stop> {
        self.finish(chapter.name(), State::Finished)?;
        let sign = paint(Styles::coloured().good, "✓");
        let line = format!(" {sign} Solved: every check holds.\n\n");
        self.screen.print(&line).await?;
        self.screen.read(&chapter.exercise.solved).await?;
        Ok(())
    }

    /// Writes down how a chapter ended. One that was finished before stays so.
    fn finish(&self, name: &str, state: State) -> Result<(), Stop> {
        Progress::update(self.folder.path(), |progress| {
            let chapter = progress.chapter_mut(name);
            if chapter.state != State::Finished {
                chapter.state = state;
            }
        })?;
        Ok(())
    }
}

/// What comes of a line.
enum Typed {
    Grade,
    Nothing,
    Skip,
}
