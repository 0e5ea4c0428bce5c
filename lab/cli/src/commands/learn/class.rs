//! `hallway learn grade`: the files of many learners.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use hallway_grade::Outcome;
use hallway_grade::report::Styles;
use hallway_lessons::gradebook::Learner;
use hallway_lessons::{Attempt, Exercise, Gradebook, Mark};
use hallway_scenario::Ground;
use hallway_scenario::load::Loaded;

use super::chapter::{ground, told};
use crate::arguments::DEFAULT_SEED;
use crate::arguments::lessons::GradeLearners;
use crate::catalogue::Catalogue;
use crate::conduct::attempt::{Entered, enter, ran};
use crate::conduct::run::{Finished, Order};
use crate::conduct::{Conductor, RunFailure};
use crate::failure::Failure;
use crate::runtime;

/// A mark that is known already, or needs a run.
enum Sheet {
    Marked(Mark),
    Ready(Box<Loaded>),
}

/// Grades a folder of learners' folders.
pub(super) fn grade(catalogue: &Catalogue, arguments: &GradeLearners) -> Result<ExitCode, Failure> {
    let chapters = super::chapters(catalogue)?;
    let folders = learners(&arguments.folder)?;
    let handed_out = handed_out(&chapters, &folders, &arguments.folder)?;
    if let Some(report) = &arguments.report {
        fs::create_dir_all(report).map_err(|error| cannot_write(report, &error))?;
    }
    let mut sheets = Vec::new();
    for (_, folder) in &folders {
        for (name, exercise) in &handed_out {
            sheets.push(sheet(exercise, &folder.join(name).join(&exercise.edit))?);
        }
    }
    for ground in [Ground::Simulated, Ground::Processes] {
        mark_on(catalogue, ground, &mut sheets)?;
    }
    let mut marks = sheets.into_iter().map(|sheet| match sheet {
        Sheet::Marked(mark) => mark,
        Sheet::Ready(_) => unreachable!("each scenario runs on one of the two grounds"),
    });
    let gradebook = Gradebook {
        exercises: handed_out.iter().map(|(name, _)| (*name).to_owned()).collect(),
        learners: folders
            .iter()
            .map(|(name, _)| Learner {
                name: name.clone(),
                marks: marks.by_ref().take(handed_out.len()).collect(),
            })
            .collect(),
    };
    anstream::print!("{}", gradebook.table(&Styles::coloured()));
    if let Some(report) = &arguments.report {
        fs::write(report.join("grades.json"), gradebook.json())
            .and_then(|()| fs::write(report.join("junit.xml"), gradebook.junit()))
            .map_err(|error| cannot_write(report, &error))?;
    }
    Ok(ExitCode::from(gradebook.exit_code()))
}

/// The learners' folders, by their names.
fn learners(folder: &Path) -> Result<Vec<(String, PathBuf)>, Failure> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries = entries.map_err(|error| {
        Failure::input(format_args!(
            "cannot read the folder {}: {error}",
            folder.display()
        ))
    })?;
    let mut folders: Vec<(String, PathBuf)> = entries
        .iter()
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .filter(|(name, path)| path.is_dir() && !name.starts_with('.'))
        .collect();
    folders.sort();
    Ok(folders)
}

/// The exercises that at least one learner has.
fn handed_out<'a>(
    chapters: &'a [Loaded],
    folders: &[(String, PathBuf)],
    folder: &Path,
) -> Result<Vec<(&'a str, Exercise)>, Failure> {
    let names = || chapters.iter().map(|loaded| loaded.name.as_str());
    if let Some((name, _)) = folders
        .iter()
        .find(|(folder, _)| names().any(|name| name == folder))
    {
        return Err(Failure::input(format_args!(
            "{0} is the folder of one learner, since it has `{name}`: give the folder above, with a folder for each learner",
            folder.display()
        )));
    }
    let is_there = |loaded: &&Loaded| {
        folders
            .iter()
            .any(|(_, folder)| folder.join(&loaded.name).is_dir())
    };
    let handed_out: Vec<(&str, Exercise)> = chapters
        .iter()
        .filter(is_there)
        .map(|loaded| Ok((loaded.name.as_str(), Exercise::load(loaded).map_err(told)?)))
        .collect::<Result<_, Failure>>()?;
    match handed_out.is_empty() {
        true => Err(Failure::input(format_args!(
            "no learner's folder in {} has an exercise: expected files such as {0}/ada/first-hop/rules.yaml",
            folder.display()
        ))),
        false => Ok(handed_out),
    }
}

/// What is known of a file before anything is run.
fn sheet(exercise: &Exercise, path: &Path) -> Result<Sheet, Failure> {
    if !path.is_file() {
        return Ok(Sheet::Marked(Mark::Missing));
    }
    let is_untouched = fs::read(path)
        .and_then(|written| Ok(written == fs::read(&exercise.broken)?))
        .map_err(|error| Failure::input(format_args!("cannot read {}: {error}", path.display())))?;
    if is_untouched {
        return Ok(Sheet::Marked(Mark::Untouched));
    }
    match enter(exercise, path) {
        Ok(Entered::Ready(loaded)) => Ok(Sheet::Ready(loaded)),
        Ok(Entered::Refused(diagnostics)) => Ok(Sheet::Marked(mark(&Attempt::Refused(diagnostics)))),
        // A file that is no text, for one; the others are graded all the same.
        Err(failure) => Ok(Sheet::Marked(Mark::Red(failure.to_string()))),
    }
}

/// Runs what is to be run on `ground`, and marks it.
fn mark_on(catalogue: &Catalogue, ground: Ground, sheets: &mut [Sheet]) -> Result<(), Failure> {
    let is_here = |sheet: &&mut Sheet| matches!(sheet, Sheet::Ready(loaded) if self::ground(&loaded.scenario) == ground);
    let mut here: Vec<&mut Sheet> = sheets.iter_mut().filter(is_here).collect();
    let groups: Vec<Vec<(&Loaded, Option<&str>)>> = here
        .iter()
        .map(|sheet| match &**sheet {
            Sheet::Ready(loaded) => vec![(&**loaded, None)],
            Sheet::Marked(_) => Vec::new(),
        })
        .collect();
    let mut marks = Vec::new();
    runtime::run(async |cancel| {
        let conductor = Conductor::new(catalogue, ground, DEFAULT_SEED, cancel)?;
        let mut loaded = groups.iter().flatten();
        let each = |made: Vec<Result<Finished, RunFailure>>| {
            for finished in made {
                let (loaded, _) = loaded.next().expect("there is one run for each");
                marks.push(marked(loaded, ground, finished));
            }
        };
        conductor.run_groups(&groups, each).await;
        Ok::<_, Failure>(())
    })??;
    for (sheet, mark) in here.iter_mut().zip(marks) {
        **sheet = Sheet::Marked(mark?);
    }
    Ok(())
}

fn marked(loaded: &Loaded, ground: Ground, finished: Result<Finished, RunFailure>) -> Result<Mark, Failure> {
    let order = Order {
        loaded,
        control: None,
        ground,
        seed: DEFAULT_SEED,
    };
    match finished {
        Ok(finished) => Ok(mark(&ran(&order, &finished))),
        Err(RunFailure::Skipped(reason)) => Ok(Mark::Ungraded(reason)),
        Err(RunFailure::Failed(Failure::Interrupted)) => Err(Failure::Interrupted),
        Err(RunFailure::Failed(Failure::Input(said))) => Ok(Mark::Red(said)),
        Err(RunFailure::Failed(failure)) => Ok(Mark::Ungraded(failure.to_string())),
    }
}

fn mark(attempt: &Attempt) -> Mark {
    if let Attempt::Ran(grade) = attempt
        && let Outcome::LabFailed { incidents } = &grade.outcome
    {
        let words: Vec<String> = incidents
            .iter()
            .map(|incident| format!("{}: {}", incident.who, incident.what))
            .collect();
        return Mark::Ungraded(words.join("; "));
    }
    match attempt.shortfalls().first() {
        None => Mark::Solved,
        Some(first) => Mark::Red(first.to_string()),
    }
}

fn cannot_write(report: &Path, error: &io::Error) -> Failure {
    Failure::input(format_args!(
        "cannot write the report into {}: {error}; name another directory with --report",
        report.display()
    ))
}
