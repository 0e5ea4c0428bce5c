//! `exercise/exercise.yaml`: a broken file to be repaired, and the scenario that it becomes with a learner's file in its place.

use std::fs;
use std::path::{Path as FilePath, PathBuf};

use hallway_scenario::findings::Findings;
use hallway_scenario::load::{SCENARIO_FILE, load_exercise};
use hallway_scenario::{Files, LoadError, Loaded, Scenario};
use hallway_yaml::{Diagnostics, Node, Path};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{LessonError, file};

/// The directory beside a scenario's file that holds its exercise.
pub const EXERCISE_DIRECTORY: &str = "exercise";

/// The file in it that describes the exercise.
pub const EXERCISE_FILE: &str = "exercise.yaml";

/// The directory in it that holds the solution.
pub const SOLUTION_DIRECTORY: &str = "solution";

/// A broken file to be repaired.
#[derive(Clone, Debug)]
pub struct Exercise {
    /// What it is called, in a few words.
    pub title: String,
    /// Who suffers, and what must be true in the end.
    pub task: String,
    /// The name of the file to be repaired.
    pub edit: String,
    /// How the file that it begins with is broken.
    pub start: Start,
    /// From a nudge to nearly the answer; two at least.
    pub hints: Vec<String>,
    /// What a learner knows who has solved it.
    pub solved: String,
    /// The file that it begins with.
    pub broken: PathBuf,
    /// A file that solves it.
    pub solution: PathBuf,
    /// What runs when it is solved; its checks are those of every attempt.
    pub scenario: Scenario,
    files: Files,
    argument: String,
}

/// How the file is broken that an exercise begins with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Start {
    /// These checks fail, each for its cause, and all others hold.
    Fails {
        /// The checks that fail, each with words of what was seen.
        must: IndexMap<String, String>,
        /// Checks that may fail too.
        may: Vec<String>,
    },
    /// The file is not accepted, and the message contains this.
    Refused(String),
}

/// A text that is not blank.
const TEXT: &str = r"\S";

/// The file that describes an exercise.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExerciseFile {
    /// What it is called, in a few words.
    #[schemars(title = "a few words", regex(pattern = r"^[^\n]*\S[^\n]*$"))]
    title: String,
    /// Who suffers, and what must be true in the end; never the answer.
    #[schemars(title = "text", regex(pattern = TEXT))]
    task: String,
    /// The file that the learner repairs. It takes the place of the scenario's file of that name.
    edit: String,
    /// The checks that fail as long as nothing is repaired, each with words that must be in what was seen. All others hold.
    fails: Option<IndexMap<String, String>>,
    /// Checks that may fail too.
    #[serde(default)]
    may_fail: Vec<String>,
    /// Instead of `fails`: the file is not even accepted, and the message contains this.
    refused: Option<String>,
    /// From a nudge to nearly the answer.
    #[schemars(length(min = 2, max = 4))]
    hints: Vec<String>,
    /// What the learner knows now, with a question that is worth asking next.
    #[schemars(title = "text", regex(pattern = TEXT))]
    solved: String,
}

impl Exercise {
    /// Reads the exercise of a scenario, and the scenario that it is with its solution.
    ///
    /// # Errors
    /// When there is none, or it is wrong: then everything that is.
    pub fn load(loaded: &Loaded) -> Result<Self, LessonError> {
        let directory = loaded.files.path(EXERCISE_DIRECTORY);
        let path = directory.join(EXERCISE_FILE);
        let document = file::document(&path, "it holds what a learner is to repair")?;
        let written: ExerciseFile = document.decode().map_err(LessonError::Invalid)?;
        check_edit(&document, &written)?;
        let broken = directory.join(&written.edit);
        let solution = directory.join(SOLUTION_DIRECTORY).join(&written.edit);
        for (file, needed) in [
            (
                &broken,
                "an exercise begins with a broken file of the name in `edit`",
            ),
            (&solution, "each exercise has a solution of the name in `edit`"),
        ] {
            if !file.is_file() {
                return Err(file::missing(file, needed));
            }
        }
        let files = overlaid(&loaded.files, &directory)?;
        let solved = load_exercise(files.clone().with(&written.edit, &solution));
        let scenario = solved.map_err(LessonError::Scenario)?.scenario;
        let start = start(&document, &written, &scenario)?;
        Ok(Self {
            title: written.title,
            task: written.task.trim().to_owned(),
            edit: written.edit,
            start,
            hints: written.hints.iter().map(|hint| hint.trim().to_owned()).collect(),
            solved: written.solved.trim().to_owned(),
            broken,
            solution,
            scenario,
            files,
            argument: loaded.argument.clone(),
        })
    }

    /// The scenario that it is with the file at `path` in the place of the broken one. Neither the scenario's directory nor the exercise's is
    /// changed, and what is wrong with the file is told with its own name.
    ///
    /// # Errors
    /// As [`load_exercise`].
    pub fn with(&self, path: &FilePath) -> Result<Loaded, LoadError> {
        let mut loaded = load_exercise(self.files.clone().with(&self.edit, path))?;
        loaded.argument.clone_from(&self.argument);
        Ok(loaded)
    }
}

/// The scenario's files with those of the exercise in their place.
fn overlaid(files: &Files, directory: &FilePath) -> Result<Files, LessonError> {
    let unreadable = |source| LessonError::Unreadable {
        path: directory.to_owned(),
        source,
    };
    let mut files = files.clone();
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_file() && name != EXERCISE_FILE {
            files = files.with(name, path);
        }
    }
    Ok(files)
}

/// The file to be repaired is one beside the description. It is not that of the scenario, with which a learner could change the checks.
fn check_edit(document: &Node, written: &ExerciseFile) -> Result<(), LessonError> {
    let is_plain = FilePath::new(&written.edit).file_name() == Some(written.edit.as_ref());
    if is_plain && ![EXERCISE_FILE, SCENARIO_FILE].contains(&written.edit.as_str()) {
        return Ok(());
    }
    let mut findings = Findings::new(document);
    findings
        .value(
            &Path::keys(["edit"]),
            format!("`{}` cannot be repaired in an exercise", written.edit),
            "expected the name of a rule file beside this one",
        )
        .help("name one such as `rules.yaml`; the checks are in `scenario.yaml`, and are not the learner's to change".to_owned());
    Err(LessonError::Invalid(findings.into_diagnostics()))
}

/// How the exercise begins, which is either red or refused.
fn start(document: &Node, written: &ExerciseFile, scenario: &Scenario) -> Result<Start, LessonError> {
    let found = check_start(document, written, scenario);
    if !found.is_empty() {
        return Err(LessonError::Invalid(found));
    }
    Ok(match (&written.fails, &written.refused) {
        (_, Some(words)) => Start::Refused(words.clone()),
        (must, None) => Start::Fails {
            must: must.clone().unwrap_or_default(),
            may: written.may_fail.clone(),
        },
    })
}

fn check_start(document: &Node, written: &ExerciseFile, scenario: &Scenario) -> Diagnostics {
    let mut findings = Findings::new(document);
    let (fails, refused) = (Path::keys(["fails"]), Path::keys(["refused"]));
    let may_fail = Path::keys(["may_fail"]);
    match (&written.fails, &written.refused) {
        (None, None) => findings
            .key(
                &fails,
                "nothing is broken in this exercise",
                "expected `fails` or `refused`",
            )
            .help(
                "say which checks fail as long as nothing is repaired: `fails: { CHECK: words }`".to_owned(),
            ),
        (Some(_), Some(_)) => findings
            .key(
                &refused,
                "a file that is refused fails no check",
                "`fails` is there as well",
            )
            .help("leave one of the two out".to_owned()),
        (Some(none), None) if none.is_empty() => findings
            .key(
                &fails,
                "nothing is broken in this exercise",
                "expected at least one check",
            )
            .help("name the checks that fail as long as nothing is repaired, each with words".to_owned()),
        (Some(checks), None) => {
            for (check, cause) in checks {
                let path = fails.with(check.as_str());
                let known: Vec<&str> = scenario.checks.keys().map(String::as_str).collect();
                findings.key_reference(&path, "check", check, known);
                blank(&mut findings, &path, cause);
            }
        }
        (None, Some(words)) => blank(&mut findings, &refused, words),
    }
    for (index, check) in written.may_fail.iter().enumerate() {
        let known = scenario.checks.keys().map(String::as_str);
        findings.reference(&may_fail.with(index), "check", check, known);
    }
    findings.into_diagnostics()
}

/// An empty text is in every message.
fn blank(findings: &mut Findings<'_>, path: &Path, words: &str) {
    if words.trim().is_empty() {
        findings
            .value(path, "this is in every message", "expected words of the message")
            .help("write words that no other mistake would bring, such as \"503\"".to_owned());
    }
}
