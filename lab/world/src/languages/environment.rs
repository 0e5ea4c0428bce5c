//! What the environment says of runtimes: where programs are, and where built ones are kept.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use hallway_scenario::topology::Language;

use super::absence::Absence;
use super::facts::{self, Facts};

/// What the environment says of runtimes.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// Where programs are looked for: `PATH`.
    pub path: OsString,
    /// Programs to take instead of those in `PATH`: `HALLWAY_PYTHON` and so on. One without a slash is looked for in `PATH`.
    pub named: BTreeMap<Language, PathBuf>,
    /// The directory in which what was built is kept.
    pub cache: PathBuf,
}

impl Environment {
    /// That of this process. Caches are in `XDG_CACHE_HOME`, or else in `~/.cache`, or else among temporary files, in a directory
    /// `hallway`.
    pub fn of_this_process() -> Self {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let named = facts::WITH_RUNTIME.into_iter().filter_map(|language| {
            let path = variable(facts::of(language)?.variable)?;
            Some((language, path.into()))
        });
        // XDG Base Directory Specification: a path that is not absolute is to be ignored.
        let absolute = |name: &str| {
            variable(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let cache = absolute("XDG_CACHE_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
            .unwrap_or_else(std::env::temp_dir);
        Self {
            path: variable("PATH").unwrap_or_default(),
            named: named.collect(),
            cache: cache.join("hallway"),
        }
    }

    /// The program of `language`.
    pub(super) fn program(&self, language: Language, facts: &Facts) -> Result<PathBuf, Absence> {
        let Some(named) = self.named.get(&language) else {
            return self
                .in_path(Path::new(facts.program))
                .ok_or_else(|| Absence::not_in_path(language));
        };
        let found = match named.components().count() {
            1 => self.in_path(named),
            _ => Some(named.clone()).filter(|path| is_program(path)),
        };
        found.ok_or_else(|| Absence::not_where_named(language, named.clone()))
    }

    fn in_path(&self, name: &Path) -> Option<PathBuf> {
        std::env::split_paths(&self.path)
            .map(|directory| directory.join(name))
            .find(|candidate| is_program(candidate))
    }
}

fn is_program(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}
