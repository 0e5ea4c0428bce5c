//! Where the scenarios are.

use std::path::{Path, PathBuf};

use hallway_scenario::load::Loaded;
use hallway_scenario::load::{LoadError, SCENARIO_FILE, discover, load_directory, scenario_name};
use hallway_world::Languages;
use hallway_world::languages::Environment;
use hallway_yaml::Style;

use crate::arguments::Subject;
use crate::failure::Failure;
use crate::rules;

/// The name of the directory that holds the scenarios.
const DIRECTORY: &str = "scenarios";

/// The name of the directory that holds the sample services, beside that one.
const SERVICES: &str = "services";

/// The file that makes a directory that of the sample services.
const CONTRACT: &str = "CONTRACT.md";

/// The scenarios that can be asked for by name.
#[derive(Debug)]
pub(crate) struct Catalogue {
    /// The directory that holds them; none where Hallway was installed without them.
    root: Option<PathBuf>,
    /// Whether a name is enough, because the directory is found from here without `--scenarios`.
    is_found: bool,
}

impl Catalogue {
    /// The one at `given`, or else the nearest from the current directory upwards, or else from this program upwards. Scenarios that are
    /// named by their directory need none.
    pub(crate) fn find(given: Option<&Path>) -> Result<Self, Failure> {
        if let Some(given) = given {
            return match discover(given) {
                Ok(found) if !found.is_empty() => Ok(Self {
                    root: Some(given.to_owned()),
                    is_found: false,
                }),
                Ok(_) => Err(Failure::input(format_args!(
                    "`{}` holds no scenario: expected directories with a {SCENARIO_FILE}",
                    given.display()
                ))),
                Err(error) => Err(Failure::input(error)),
            };
        }
        Ok(Self {
            root: upwards(None, scenarios_in),
            is_found: true,
        })
    }

    /// All scenarios, in their order.
    pub(crate) fn all(&self) -> Result<Vec<Loaded>, Failure> {
        let directories = self.directories()?;
        directories.iter().map(|directory| self.open(directory)).collect()
    }

    /// The directories of all scenarios, in their order.
    fn directories(&self) -> Result<Vec<PathBuf>, Failure> {
        let root = self.root.as_deref().ok_or_else(|| {
            Failure::input(
                "no `scenarios` directory here or above: go to Hallway's directory, or name one with --scenarios DIR; \
                 a scenario of your own is given with its path, such as ./checkout",
            )
        })?;
        discover(root).map_err(Failure::input)
    }

    /// Whether there is a scenario of that name.
    pub(crate) fn holds(&self, name: &str) -> Result<bool, Failure> {
        let directories = self.directories()?;
        Ok(directories
            .iter()
            .any(|directory| scenario_name(directory) == name))
    }

    /// The scenario of that name, or in that directory.
    pub(crate) fn load(&self, name_or_directory: &str) -> Result<Loaded, Failure> {
        let is_there = Path::new(name_or_directory).exists();
        if name_or_directory.contains(['/', '.']) || (self.root.is_none() && is_there) {
            return load(Path::new(name_or_directory));
        }
        let directories = self.directories()?;
        let named = directories
            .iter()
            .find(|directory| scenario_name(directory) == name_or_directory);
        match named {
            Some(directory) => self.open(directory),
            None if is_there => load(Path::new(name_or_directory)),
            None => Err(unknown(name_or_directory, &directories)),
        }
    }

    /// One of the scenarios that can be asked for by name.
    fn open(&self, directory: &Path) -> Result<Loaded, Failure> {
        let mut loaded = load(directory)?;
        if self.is_found {
            loaded.argument.clone_from(&loaded.name);
        }
        Ok(loaded)
    }

    /// The scenario, and the name of its control, if it is about one. Its rules have been checked.
    pub(crate) fn find_subject(&self, subject: &Subject) -> Result<(Loaded, Option<String>), Failure> {
        let loaded = self.load(&subject.scenario)?;
        let scenario = match &subject.control {
            None => &loaded.scenario,
            Some(name) => loaded.controls.get(name).ok_or_else(|| {
                let names = hallway_yaml::suggest::all_of(loaded.controls.keys().map(String::as_str));
                Failure::input(format_args!(
                    "{} has no control `{name}`; it has {names}",
                    loaded.name
                ))
            })?,
        };
        rules::admit(&loaded.files, scenario)?;
        Ok((loaded, subject.control.clone()))
    }

    /// What sample services are started with: those of the Hallway that these scenarios belong to, or else of this one.
    pub(crate) fn languages(&self) -> Result<Languages, Failure> {
        let hallway = std::env::current_exe()
            .map_err(|error| Failure::lab(format_args!("cannot find this program itself: {error}")))?;
        let services_in = |directory: &Path| {
            let services = directory.join(SERVICES);
            services.join(CONTRACT).is_file().then_some(services)
        };
        let services = upwards(
            self.root.as_ref().and_then(|root| root.canonicalize().ok()),
            services_in,
        );
        let services = services.unwrap_or_else(|| SERVICES.into());
        Ok(Languages::new(hallway, services, Environment::of_this_process()))
    }
}

/// Loads the scenario in `directory`.
fn load(directory: &Path) -> Result<Loaded, Failure> {
    load_directory(directory).map_err(|error| match error {
        LoadError::Invalid(diagnostics) => {
            Failure::Input(diagnostics.render(Style::Coloured).trim_end().to_owned())
        }
        other => Failure::input(other),
    })
}

/// What is found nearest upwards from `first`, or else from the current directory, or else from this program.
fn upwards(first: Option<PathBuf>, find: impl Fn(&Path) -> Option<PathBuf>) -> Option<PathBuf> {
    let here = std::env::current_dir().ok();
    let program = std::env::current_exe().ok();
    let starts = [first, here, program];
    starts
        .iter()
        .flatten()
        .flat_map(|start| start.ancestors())
        .find_map(find)
}

fn scenarios_in(directory: &Path) -> Option<PathBuf> {
    let root = directory.join(DIRECTORY);
    discover(&root)
        .is_ok_and(|found| !found.is_empty())
        .then_some(root)
}

fn unknown(name: &str, directories: &[PathBuf]) -> Failure {
    let names: Vec<String> = directories
        .iter()
        .map(|directory| scenario_name(directory))
        .collect();
    let hint = hallway_yaml::suggest::did_you_mean(name, names.iter().map(String::as_str));
    Failure::input(format_args!(
        "there is no scenario `{name}`{}\n`hallway list` lists all; a directory is given with its path",
        hint.map(|hint| format!(": {hint}")).unwrap_or_default(),
    ))
}
