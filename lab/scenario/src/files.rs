//! The files of a scenario, some of which may lie elsewhere: those of an exercise, and the one that a learner repairs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The files of a scenario: those of its directory, but for those that others take the place of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Files {
    directory: PathBuf,
    instead: BTreeMap<String, PathBuf>,
}

impl Files {
    /// The files of `directory`.
    pub fn of(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            instead: BTreeMap::new(),
        }
    }

    /// The same with the file at `path` in the place of the one that is called `name`, or beside them where none is.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.instead.insert(name.into(), path.into());
        self
    }

    /// The directory of the scenario.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where the file is that is called `name`, whether or not there is one.
    pub fn path(&self, name: &str) -> PathBuf {
        let elsewhere = self.instead.get(name).cloned();
        elsewhere.unwrap_or_else(|| self.directory.join(name))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Files;

    #[test]
    fn the_last_that_takes_a_place_has_it() {
        let files = Files::of("shop")
            .with("rules.yaml", "exercise/rules.yaml")
            .with("rules.yaml", "mine/rules.yaml");
        assert_eq!(files.path("rules.yaml"), Path::new("mine/rules.yaml"));
        assert_eq!(files.path("scenario.yaml"), Path::new("shop/scenario.yaml"));
        assert_eq!(files.directory(), Path::new("shop"));
    }
}
