//! What can be done beside the path, in another terminal: a hint, a reset, and the list of chapters.

use std::process::ExitCode;

use hallway_grade::report::Styles;
use hallway_grade::report::styles::paint;
use hallway_lessons::Exercise;
use hallway_scenario::load::Loaded;

use super::chapter::told;
use super::folder::Folder;
use super::path::{option, place_of};
use super::progress::{Chapter, Progress, State};
use super::screen;
use crate::catalogue::Catalogue;
use crate::failure::Failure;
use crate::{markdown, next};

/// Prints the next hint for an exercise.
pub(super) fn hint(catalogue: &Catalogue, folder: &Folder, name: Option<&str>) -> Result<ExitCode, Failure> {
    let chapters = super::chapters(catalogue)?;
    let loaded = chosen(catalogue, &chapters, folder, name)?;
    let exercise = Exercise::load(loaded).map_err(told)?;
    let hint = next_hint(folder, &loaded.name, &exercise)?;
    for line in markdown::lines(&format!("{}: {hint}", loaded.name), screen::width()) {
        anstream::println!("{line}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Puts the broken file of an exercise back.
pub(super) fn reset(catalogue: &Catalogue, folder: &Folder, name: Option<&str>) -> Result<ExitCode, Failure> {
    let chapters = super::chapters(catalogue)?;
    let loaded = chosen(catalogue, &chapters, folder, name)?;
    let exercise = Exercise::load(loaded).map_err(told)?;
    let words = put_back(folder, &loaded.name, &exercise)?;
    Progress::update(folder.path(), |progress| {
        let chapter = progress.chapter_mut(&loaded.name);
        chapter.hints = 0;
        if chapter.state.is_done() {
            chapter.state = State::Seen;
        }
    })?;
    anstream::println!("{words}");
    Ok(ExitCode::SUCCESS)
}

/// Puts the broken file of an exercise back, and says what became of the one that was there.
pub(super) fn put_back(folder: &Folder, name: &str, exercise: &Exercise) -> Result<String, Failure> {
    let aside = folder.reset(name, exercise)?;
    let kept = aside.map_or(String::new(), |aside| {
        format!("; yours is kept as {}", aside.display())
    });
    let path = folder.file(name, exercise);
    Ok(format!("{} is as you began with it{kept}", path.display()))
}

/// The next hint for an exercise, which then counts as used; the last one again when all are.
pub(super) fn next_hint(folder: &Folder, name: &str, exercise: &Exercise) -> Result<String, Failure> {
    let used = Progress::load(folder.path())?.chapter(name).hints;
    let count = exercise.hints.len();
    let number = (used + 1).min(count);
    Progress::update(folder.path(), |progress| {
        progress.chapter_mut(name).hints = number
    })?;
    let mut text = format!("**Hint {number} of {count}.** {}", exercise.hints[number - 1]);
    if used >= count {
        text += &format!(
            "\n\nThere is no other. A solution is in `{}`.",
            exercise.solution.display()
        );
    }
    Ok(text)
}

/// Prints every chapter, and what has been done of it.
pub(super) fn list(catalogue: &Catalogue, folder: &Folder) -> Result<ExitCode, Failure> {
    let chapters = super::chapters(catalogue)?;
    let progress = Progress::load(folder.path())?;
    let names: Vec<&str> = chapters.iter().map(|loaded| loaded.name.as_str()).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let here = progress.next(&names);
    for (index, name) in names.iter().enumerate() {
        let done = progress.chapter(name);
        let sign = sign(&done, here == Some(index));
        let words = words(&done);
        let line = format!(" {sign} {:>2}  {name:<width$}  {words}", index + 1);
        anstream::println!("{}", line.trim_end());
    }
    anstream::println!("\n {} of {} finished", progress.finished(&names), names.len());
    let option = option(folder);
    if let Some(here) = here {
        let shows = match progress.at {
            None => "begins",
            Some(_) => "goes on where you stopped",
        };
        let after = names.get(here + 1).unwrap_or(&names[0]);
        next::print(&[
            (format!("hallway learn{option}"), shows),
            (format!("hallway learn {after}{option}"), "goes to that chapter"),
        ]);
    }
    Ok(ExitCode::SUCCESS)
}

fn sign(done: &Chapter, is_here: bool) -> String {
    let styles = Styles::coloured();
    match done.state {
        State::Finished => paint(styles.good, "✓"),
        State::Skipped => paint(styles.doubtful, "–"),
        _ if is_here => paint(styles.strong, "▸"),
        _ => " ".to_owned(),
    }
}

/// What has been done of a chapter, in words.
fn words(done: &Chapter) -> String {
    let state = match done.state {
        State::New => return String::new(),
        State::Seen => "exercise open",
        State::Finished => "finished",
        State::Skipped => "skipped",
    };
    let prediction = match done.right {
        Some(true) => ", predicted right",
        Some(false) => ", predicted otherwise",
        None => "",
    };
    let hints = match done.hints {
        0 => String::new(),
        1 => ", 1 hint".to_owned(),
        count => format!(", {count} hints"),
    };
    format!("{state}{prediction}{hints}")
}

/// The chapter called `name`, or the one where the learner stopped.
fn chosen<'a>(
    catalogue: &Catalogue,
    chapters: &'a [Loaded],
    folder: &Folder,
    name: Option<&str>,
) -> Result<&'a Loaded, Failure> {
    if let Some(name) = name {
        return Ok(&chapters[place_of(chapters, name, catalogue)?]);
    }
    let names: Vec<&str> = chapters.iter().map(|loaded| loaded.name.as_str()).collect();
    match Progress::load(folder.path())?.next(&names) {
        Some(index) => Ok(&chapters[index]),
        None => Err(Failure::input("all chapters are done: name one")),
    }
}
