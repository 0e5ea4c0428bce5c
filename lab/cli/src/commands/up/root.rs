//! The file with the root of the gateway's certificates, which clients outside of the mesh are told to trust.

use std::fs::{OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use hallway_scenario::Scenario;
use tempfile::TempDir;

use crate::failure::Failure;

/// A directory of one's own, with a file of one's own in it. Both are gone when this is dropped.
pub(super) struct RootFile {
    _directory: TempDir,
    path: PathBuf,
}

impl RootFile {
    /// Writes the root, if the gateway of `scenario` has certificates of it.
    ///
    /// # Errors
    /// [`Failure::Lab`].
    pub(super) fn write(scenario: &Scenario, root: &str) -> Result<Option<Self>, Failure> {
        let gateway = scenario.topology.gateway.as_ref();
        if gateway.is_none_or(|gateway| gateway.certificates.is_empty()) {
            return Ok(None);
        }
        let failed = |error| {
            Failure::lab(format_args!(
                "cannot write the root of the gateway's certificates: {error}"
            ))
        };
        Self::write_in(&std::env::temp_dir(), root)
            .map(Some)
            .map_err(failed)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn write_in(parent: &Path, root: &str) -> io::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("hallway-up-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(parent)?;
        let path = directory.path().join("root.pem");
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?
            .write_all(root.as_bytes())?;
        Ok(Self {
            _directory: directory,
            path,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::RootFile;

    #[test]
    fn nobody_else_sees_the_root_and_nothing_is_left_of_it() {
        let parent = tempfile::tempdir().unwrap();
        let root = RootFile::write_in(parent.path(), "a root").unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(fs::read_to_string(root.path()).unwrap(), "a root");
        assert_eq!(mode(root.path()), 0o600);
        assert_eq!(mode(root.path().parent().unwrap()), 0o700);
        drop(root);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}
