//! `hallway learn hand-out`: a folder for each exercise, for learners who have a Hallway of their own.

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use hallway_lessons::Exercise;
use hallway_scenario::load::Loaded;

use super::chapter::told;
use super::folder;
use super::path::place_of;
use crate::arguments::lessons::HandOut;
use crate::catalogue::Catalogue;
use crate::failure::Failure;
use crate::{next, rules, shell};

/// The file that says what to do.
const TASK_FILE: &str = "TASK.md";

/// Writes the exercises of the scenarios that were asked for, or of all.
pub(super) fn hand_out(catalogue: &Catalogue, arguments: &HandOut) -> Result<ExitCode, Failure> {
    let chapters = super::chapters(catalogue)?;
    let chosen: Vec<&Loaded> = match arguments.names.as_slice() {
        [] => chapters.iter().collect(),
        names => names
            .iter()
            .map(|name| Ok(&chapters[place_of(&chapters, name, catalogue)?]))
            .collect::<Result<_, Failure>>()?,
    };
    // Everything is known to work before anything is written.
    let exercises: Vec<(&Loaded, Exercise)> = chosen
        .into_iter()
        .map(|loaded| Ok((loaded, Exercise::load(loaded).map_err(told)?)))
        .collect::<Result<_, Failure>>()?;
    for (loaded, _) in &exercises {
        let directory = arguments.directory.join(&loaded.name);
        if directory.symlink_metadata().is_ok() {
            return Err(Failure::input(format_args!(
                "`{}` is there already, and nothing was written: choose another directory",
                directory.display()
            )));
        }
    }
    for (loaded, exercise) in &exercises {
        let directory = arguments.directory.join(&loaded.name);
        write(&directory, loaded, exercise)
            .map_err(|error| Failure::input(format_args!("cannot write {}: {error}", directory.display())))?;
    }
    let directory = shell::quoted(&arguments.directory.to_string_lossy());
    anstream::println!(
        "{} in {directory}, each with the file to be repaired and a {TASK_FILE}. Learners copy the whole directory.",
        rules::counted(exercises.len(), "exercise")
    );
    let first = exercises.first().map_or("", |(loaded, _)| loaded.name.as_str());
    next::print(&[
        (
            format!("hallway learn {first} --folder {directory}"),
            "what a learner types, in a copy",
        ),
        (
            "hallway learn grade CLASS".to_owned(),
            "grades a folder CLASS with a copy for each learner",
        ),
    ]);
    Ok(ExitCode::SUCCESS)
}

fn write(directory: &Path, loaded: &Loaded, exercise: &Exercise) -> io::Result<()> {
    folder::write(exercise, &directory.join(&exercise.edit))?;
    fs::write(directory.join(TASK_FILE), task(loaded, exercise))
}

fn task(loaded: &Loaded, exercise: &Exercise) -> String {
    let Exercise {
        title, task, edit, ..
    } = exercise;
    let name = &loaded.name;
    format!(
        "# {title}\n\n{task}\n\nRepair `{edit}` beside this file. To grade yourself, type this in the directory above this one:\n\n\
         ```sh\nhallway learn {name} --folder .\n```\n\nIt grades the file each time that you save it, and has {} for you; \
         so has `hallway learn hint {name} --folder .` in another terminal. The lesson is in `hallway show {name}`.\n",
        rules::counted(exercise.hints.len(), "hint")
    )
}
