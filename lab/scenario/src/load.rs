//! Directories to scenarios: all mistakes at once, each at its place.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hallway_model::Origin;
use hallway_yaml::{Diagnostic, Diagnostics, Node, SourceFile, parse_one};
use indexmap::IndexMap;
use thiserror::Error;

use crate::validate::{self, Proof, Surroundings};
use crate::{Files, Scenario, effective, system};

/// The file that makes a directory a scenario.
pub const SCENARIO_FILE: &str = "scenario.yaml";

/// The file that holds the lesson.
pub const LESSON_FILE: &str = "README.md";

/// A scenario that can be run.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Where it and its rule files are.
    pub files: Files,
    /// Its name: that of the directory without the number.
    pub name: String,
    /// How a command line names it: by its directory, unless whoever looked it up by its name says otherwise.
    pub argument: String,
    /// What was written.
    pub scenario: Scenario,
    /// What runs under each control: the scenario with the control applied, and without controls of its own.
    pub controls: IndexMap<String, Scenario>,
    /// The lesson, where there is one.
    pub lesson: Option<PathBuf>,
    document: Node,
}

/// Why there is no scenario to run.
#[derive(Debug, Error)]
pub enum LoadError {
    /// There is nothing at this path.
    #[error(
        "`{path}` does not exist: give the directory of a scenario, or see `hallway list` for the names of all"
    )]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// It is a file.
    #[error(
        "`{path}` is not a directory: a scenario is a directory with a `{SCENARIO_FILE}`; give that directory"
    )]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// It is a directory of something else.
    #[error(
        "`{directory}` is not a scenario: it has no `{SCENARIO_FILE}`; see `hallway list` for all scenarios, and \
         scenarios/schema.json for what the file holds"
    )]
    NoScenarioFile {
        /// The directory.
        directory: PathBuf,
    },
    /// The machine refused to read it.
    #[error("cannot read `{path}`: {source}; check its permissions, and that it is a text in UTF-8")]
    Unreadable {
        /// What could not be read.
        path: PathBuf,
        /// What the machine said.
        source: io::Error,
    },
    /// The file is wrong.
    #[error("{0}")]
    Invalid(Diagnostics),
}

/// Reads the scenario in `directory`.
///
/// # Errors
/// When it is no scenario, cannot be read, or is wrong: then everything that is.
pub fn load_directory(directory: impl AsRef<Path>) -> Result<Loaded, LoadError> {
    let files = Files::of(directory.as_ref());
    load(files, Proof::Controls)
}

/// Reads the scenario of an exercise, of which some files take the place of those in the scenario's directory. Its controls are not run, so it needs
/// none that turns each check red.
///
/// # Errors
/// As [`load_directory`].
pub fn load_exercise(files: Files) -> Result<Loaded, LoadError> {
    load(files, Proof::BrokenStart)
}

fn load(files: Files, proof: Proof) -> Result<Loaded, LoadError> {
    let directory = files.directory();
    check_directory(directory)?;
    let file = files.path(SCENARIO_FILE);
    if !file.is_file() {
        return Err(LoadError::NoScenarioFile {
            directory: directory.to_owned(),
        });
    }
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        |source| LoadError::Unreadable { path, source }
    };
    let text = fs::read_to_string(&file).map_err(unreadable(&file))?;
    // `.` and `..` have names too.
    let full = directory.canonicalize().map_err(unreadable(directory))?;
    let name = scenario_name(&full);
    let has_file = |name: &str| files.path(name).is_file();
    let source = SourceFile::new(file.display().to_string(), text);
    let read_system = |name: &str| read_system(directory, &full, name);
    let contents = read(
        &source,
        &Surroundings {
            name: &name,
            has_file: &has_file,
            read_system: &read_system,
            proof,
        },
    )
    .map_err(LoadError::Invalid)?;
    let lesson = Some(directory.join(LESSON_FILE)).filter(|lesson| lesson.is_file());
    Ok(Loaded {
        argument: directory.display().to_string(),
        files,
        scenario: contents.scenario,
        controls: contents.controls,
        document: contents.document,
        name,
        lesson,
    })
}

/// The scenario directories in `root`, by number and name: those with a number (`05-canary-weights`), and those that
/// hold a `scenario.yaml`.
///
/// # Errors
/// When `root` is no directory or cannot be read.
pub fn discover(root: impl AsRef<Path>) -> Result<Vec<PathBuf>, LoadError> {
    let root = root.as_ref();
    check_directory(root)?;
    let entries = fs::read_dir(root).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries = entries.map_err(|source| LoadError::Unreadable {
        path: root.to_owned(),
        source,
    })?;
    let is_scenario = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_numbered = without_number(&name) != name;
        path.is_dir() && (is_numbered || path.join(SCENARIO_FILE).is_file())
    };
    let mut directories: Vec<PathBuf> = entries
        .iter()
        .map(fs::DirEntry::path)
        .filter(is_scenario)
        .collect();
    directories.sort();
    Ok(directories)
}

/// The name of the scenario in `directory`: `canary-weights` for `scenarios/05-canary-weights`.
pub fn scenario_name(directory: &Path) -> String {
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    without_number(&name).to_owned()
}

impl Loaded {
    /// The lines of a check, as the file writes them.
    pub fn check_as_written(&self, check: &str) -> Vec<String> {
        let key = self
            .document
            .key_span(&hallway_yaml::Path::keys(["checks", check]));
        let mut lines = key.source().text().lines().skip(key.line() as usize - 1);
        let indent = |line: &str| line.len() - line.trim_start().len();
        let first = lines.next().unwrap_or_default();
        let depth = indent(first);
        let others = lines.take_while(|line| indent(line) > depth);
        let written = std::iter::once(first).chain(others);
        written.map(|line| line[depth..].to_owned()).collect()
    }

    /// Where a check is written.
    pub fn check_origin(&self, check: &str) -> Origin {
        self.origin(&hallway_yaml::Path::keys(["checks", check]))
    }

    /// Where a control is written.
    pub fn control_origin(&self, control: &str) -> Origin {
        self.origin(&hallway_yaml::Path::keys(["controls", control]))
    }

    fn origin(&self, path: &hallway_yaml::Path) -> Origin {
        let span = self.document.key_span(path);
        Origin {
            file: span.source().name().to_owned(),
            line: span.line(),
        }
    }
}

/// What a scenario file holds.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) scenario: Scenario,
    pub(crate) controls: IndexMap<String, Scenario>,
    pub(crate) document: Node,
}

/// Reads a scenario file and every control in it.
pub(crate) fn read(source: &SourceFile, surroundings: &Surroundings<'_>) -> Result<Contents, Diagnostics> {
    let written = parse_one(source)?;
    let document = system::expand(&written, surroundings.read_system)?;
    let mut findings = Findings::default();
    let scenario = document
        .decode::<Scenario>()
        .map_err(|found| findings.add(found))
        .ok()
        .map(Scenario::with_deployments);
    if let Some(scenario) = &scenario {
        findings.add(validate::scenario(&document, scenario, surroundings));
    }
    let mut controls = IndexMap::new();
    let deployments = scenario
        .iter()
        .flat_map(|scenario| scenario.deployments.declared());
    for (deployment, _) in deployments {
        let patched = effective::under(&written, deployment);
        let under = system::expand(&patched, surroundings.read_system)
            .map_err(|found| findings.add(found))
            .ok()
            .and_then(|patched| {
                read_control(&patched, scenario.as_ref(), deployment.as_str(), &mut findings)
            });
        controls.extend(under.map(|under| (deployment.to_string(), under)));
    }
    let entries = document
        .get("controls")
        .and_then(Node::as_mapping)
        .map_or(&[][..], |controls| controls.entries());
    for entry in entries.iter().filter(|entry| entry.value.as_mapping().is_some()) {
        let name = &entry.key.name;
        let patched = effective::document(&written, &entry.value);
        let control = system::expand(&patched, surroundings.read_system)
            .map_err(|found| findings.add(of_control(name, found)))
            .ok()
            .and_then(|patched| read_control(&patched, scenario.as_ref(), name, &mut findings));
        controls.extend(control.map(|control| (name.clone(), control)));
    }
    match scenario {
        Some(scenario) if !findings.0.has_errors() => Ok(Contents {
            scenario,
            controls,
            document,
        }),
        _ => Err(findings.0),
    }
}

/// The scenario under the control `name`, whose document is `patched`; what it finds wrong is the control's doing.
fn read_control(
    patched: &Node,
    scenario: Option<&Scenario>,
    name: &str,
    findings: &mut Findings,
) -> Option<Scenario> {
    let control = scenario.and_then(|scenario| scenario.controls.get(name));
    let effective = effective::scenario(patched, control);
    let found = match (&effective, scenario) {
        (Ok(effective), Some(scenario)) => validate::effective(patched, effective, scenario, name),
        (Ok(_), None) => Diagnostics::new(),
        (Err(found), _) => found.clone(),
    };
    findings.add(of_control(name, found));
    effective.ok()
}

fn of_control(name: &str, found: Diagnostics) -> Diagnostics {
    found.with_context(|_| Some(format!("control `{name}`")))
}

/// The file of the system `name`, beside the scenario's directory, which is `full` in full.
fn read_system(directory: &Path, full: &Path, name: &str) -> io::Result<SourceFile> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if !name.bytes().all(is_plain) {
        return Err(io::Error::other("a name has letters, digits and `-`"));
    }
    // `.` and `..` are beside nothing.
    let scenario = match directory.file_name() {
        Some(_) => directory,
        None => full,
    };
    let file = scenario.with_file_name(format!("{name}.yaml"));
    let text = fs::read_to_string(&file)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))?;
    Ok(SourceFile::new(file.display().to_string(), text))
}

/// What was found, without what had been found before: a control inherits the mistakes of its scenario.
#[derive(Default)]
struct Findings(Diagnostics);

impl Findings {
    fn add(&mut self, found: Diagnostics) {
        for diagnostic in found {
            if !self.0.iter().any(|known| is_same(known, &diagnostic)) {
                self.0.push(diagnostic);
            }
        }
    }
}

fn is_same(one: &Diagnostic, other: &Diagnostic) -> bool {
    one.message == other.message && one.primary.span.range() == other.primary.span.range()
}

fn check_directory(path: &Path) -> Result<(), LoadError> {
    match (path.exists(), path.is_dir()) {
        (false, _) => Err(LoadError::Missing {
            path: path.to_owned(),
        }),
        (true, false) => Err(LoadError::NotADirectory {
            path: path.to_owned(),
        }),
        (true, true) => Ok(()),
    }
}

/// `canary-weights` for `05-canary-weights`; a name without a number as it is.
fn without_number(name: &str) -> &str {
    let rest = name.trim_start_matches(|character: char| character.is_ascii_digit());
    match rest.strip_prefix('-') {
        Some(name_only) if rest.len() < name.len() => name_only,
        _ => name,
    }
}

#[cfg(test)]
mod tests;
