//! The languages of the sample services: how the runtime of each is found on this machine, and how its service is started.
//!
//! - [`Languages`]: all of them, each looked for once
//! - `facts`: what is known of each: programs, flags, where its service is, how it is installed
//! - [`environment`]: what the environment says of them
//! - `probe`: which version a program is; [`version`]: versions
//! - [`absence`]: why a language cannot be used here, and what to do about it
//! - `go`: the service in Go, which is built before it is started

pub mod absence;
pub mod environment;
mod facts;
mod go;
mod probe;
pub mod version;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hallway_scenario::topology::Language;
use thiserror::Error;
use tokio::process::Command;
use tokio::sync::OnceCell;

pub use absence::Absence;
pub use environment::Environment;
use facts::Facts;
pub use version::Version;

/// The programs that sample services are run with. Clones share what was found.
#[derive(Clone, Debug, Default)]
pub struct Languages {
    hallway: PathBuf,
    services: PathBuf,
    environment: Environment,
    found: Arc<BTreeMap<Language, OnceCell<Result<Runtime, Absence>>>>,
    go_service: Arc<OnceCell<PathBuf>>,
}

/// A runtime that can be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Runtime {
    /// The program.
    pub path: PathBuf,
    /// What it says of its version.
    pub version: Version,
}

/// How a sample service is started.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Starter {
    program: PathBuf,
    arguments: Vec<OsString>,
}

/// Why a sample service cannot be started.
#[derive(Clone, Debug, Error)]
pub enum LanguageError {
    /// What it needs is not here.
    #[error("{0}; {next_step}", next_step = .0.next_step())]
    Absent(Absence),
    /// It could not be built.
    #[error("the service in Go cannot be built: {0}")]
    Build(String),
}

impl Languages {
    /// `hallway` is this program itself, which plays the roles of the mesh and the service in Rust; `services` is the directory
    /// with the sample services, one directory per language. No program is looked for before it is needed.
    pub fn new(hallway: PathBuf, services: PathBuf, environment: Environment) -> Self {
        let found = facts::WITH_RUNTIME.map(|language| (language, OnceCell::new()));
        Self {
            hallway,
            services,
            environment,
            found: Arc::new(found.into_iter().collect()),
            go_service: Arc::default(),
        }
    }

    /// The `hallway` binary.
    pub fn hallway(&self) -> &Path {
        &self.hallway
    }

    /// The directory with the sample services.
    pub(crate) fn services(&self) -> &Path {
        &self.services
    }

    /// The same programs for other services, and another place for what is built of them.
    pub(crate) fn with_services(&self, services: &Path, cache: &Path) -> Self {
        let environment = Environment {
            cache: cache.to_owned(),
            ..self.environment.clone()
        };
        Self::new(self.hallway.clone(), services.to_owned(), environment)
    }

    /// The runtime of `language`, asked for its version. Nothing for Rust, which is part of Hallway and needs none.
    ///
    /// # Errors
    /// Why there is none that can be used.
    pub async fn runtime(&self, language: Language) -> Result<Option<Runtime>, Absence> {
        let Some(facts) = facts::of(language) else {
            return Ok(None);
        };
        let found = match self.found.get(&language) {
            Some(cell) => cell.get_or_init(|| self.look_for(language, facts)).await.clone(),
            None => self.look_for(language, facts).await,
        };
        found.map(Some)
    }

    /// How the service in `language` is started. The one in Go is built first, unless it was before.
    ///
    /// # Errors
    /// [`LanguageError`].
    pub async fn starter(&self, language: Language) -> Result<Starter, LanguageError> {
        let runtime = self.runtime(language).await.map_err(LanguageError::Absent)?;
        let (Some(runtime), Some(facts)) = (runtime, facts::of(language)) else {
            return Ok(Starter {
                program: self.hallway.clone(),
                arguments: vec!["service".into()],
            });
        };
        let service = self.services.join(facts.service);
        if !service.exists() {
            return Err(LanguageError::Absent(Absence::no_service(language, service)));
        }
        if language == Language::Go {
            return self.built_in_go(&runtime, &service).await;
        }
        let flags = facts.flags.iter().map(OsString::from);
        Ok(Starter {
            program: runtime.path,
            arguments: flags.chain([service.into_os_string()]).collect(),
        })
    }

    async fn look_for(&self, language: Language, facts: &Facts) -> Result<Runtime, Absence> {
        let path = self.environment.program(language, facts)?;
        let version = probe::version(&path, facts)
            .await
            .map_err(|why| Absence::broken(language, path.clone(), why))?;
        match version >= facts.least() {
            true => Ok(Runtime { path, version }),
            false => Err(Absence::too_old(language, path, version)),
        }
    }

    async fn built_in_go(&self, go: &Runtime, module: &Path) -> Result<Starter, LanguageError> {
        let build = async || go::service(go, module, &self.environment.cache).await;
        let built = self.go_service.get_or_try_init(build).await;
        Ok(Starter {
            program: built.map_err(LanguageError::Build)?.clone(),
            arguments: Vec::new(),
        })
    }
}

impl Starter {
    /// The command.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command
    }
}

/// The least version of the runtime of `language` that can be used; nothing for Rust.
pub fn least_version(language: Language) -> Option<Version> {
    facts::of(language).map(Facts::least)
}

#[cfg(test)]
mod tests;
