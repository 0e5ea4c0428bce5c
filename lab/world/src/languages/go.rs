//! The service in Go, built once per content of its module and version of Go, and kept in a cache.
//!
//! A build writes into a directory of its own and then renames, so two labs that build at once do not see half a program of the other: whoever
//! is last replaces the program with an equal one.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use ring::digest::{Context, SHA256};
use rustix::process::{Pid, Signal, geteuid, kill_process_group};
use tokio::process::{Child, Command};

use super::Runtime;

/// What a build must not depend on: the network, other toolchains and modules, a C compiler.
const SETTINGS: [(&str, &str); 7] = [
    ("GOFLAGS", "-mod=mod"),
    ("GOPROXY", "off"),
    ("GOTOOLCHAIN", "local"),
    ("GOWORK", "off"),
    ("GO111MODULE", "on"),
    ("CGO_ENABLED", "0"),
    ("GOTELEMETRY", "off"),
];

/// The built service of `module`; built if it is not in `cache`.
///
/// # Errors
/// What went wrong, with the compiler's words.
pub(super) async fn service(go: &Runtime, module: &Path, cache: &Path) -> Result<PathBuf, String> {
    let key = key(go, module).map_err(|error| format!("{} cannot be read: {error}", module.display()))?;
    let program = cache.join(format!("go-service-{key}"));
    own_directory(cache)?;
    if !program.is_file() {
        let unusable = |error: io::Error| format!("the cache {} cannot be used: {error}", cache.display());
        let workshop = tempfile::tempdir_in(cache).map_err(unusable)?;
        let built = workshop.path().join("service");
        build(go, module, cache, &built).await?;
        fs::rename(&built, &program).map_err(unusable)?;
    }
    Ok(program)
}

/// The compiler and whatever it started; killed when nobody waits for them any more.
struct Compiler(Child);

impl Drop for Compiler {
    fn drop(&mut self) {
        // None when it has ended.
        let group = self.0.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(group) = group {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

async fn build(go: &Runtime, module: &Path, cache: &Path, output: &Path) -> Result<(), String> {
    let mut command = Command::new(&go.path);
    command
        .args(["build", "-trimpath", "-o"])
        .arg(output)
        .arg(".")
        .current_dir(module)
        .envs(SETTINGS)
        // A service for another machine could not be started on this one.
        .env_remove("GOOS")
        .env_remove("GOARCH")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0);
    // Without a home, Go has no place of its own for what it compiles.
    if ["GOCACHE", "XDG_CACHE_HOME", "HOME"]
        .iter()
        .all(|name| std::env::var_os(name).is_none())
    {
        command.env("GOCACHE", cache.join("go-build"));
    }
    let cannot_run = |error: io::Error| format!("{} cannot be run: {error}", go.path.display());
    let mut compiler = Compiler(command.spawn().map_err(cannot_run)?);
    let words = said(&mut compiler.0).await.map_err(cannot_run)?;
    let status = compiler.0.wait().await.map_err(cannot_run)?;
    match status.success() {
        true => Ok(()),
        false => Err(format!(
            "`go build` in {} ended with {status}:\n{words}",
            module.display()
        )),
    }
}

async fn said(compiler: &mut Child) -> io::Result<String> {
    let mut words = Vec::new();
    if let Some(errors) = &mut compiler.stderr {
        tokio::io::AsyncReadExt::read_to_end(errors, &mut words).await?;
    }
    Ok(String::from_utf8_lossy(&words).trim_end().to_owned())
}

/// Makes the directory `cache`. What is run from it must be nobody else's: among temporary files, anybody can make a directory of that name.
fn own_directory(cache: &Path) -> Result<(), String> {
    let unusable = |error: io::Error| format!("the cache {} cannot be used: {error}", cache.display());
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(cache)
        .map_err(unusable)?;
    let owner = fs::metadata(cache).map_err(unusable)?.uid();
    match owner == geteuid().as_raw() {
        true => Ok(()),
        false => Err(format!(
            "the cache {} belongs to another user; name a directory of your own with XDG_CACHE_HOME",
            cache.display()
        )),
    }
}

/// What the built service depends on, as a name.
fn key(go: &Runtime, module: &Path) -> io::Result<String> {
    let mut digest = Context::new(&SHA256);
    let mut add = |bytes: &[u8]| {
        digest.update(&(bytes.len() as u64).to_le_bytes());
        digest.update(bytes);
    };
    add(go.version.to_string().as_bytes());
    for file in files(module)? {
        add(file.as_os_str().as_encoded_bytes());
        add(&fs::read(module.join(&file))?);
    }
    let digest = digest.finish();
    Ok(digest.as_ref()[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// All files in `root`, relative to it, in order.
fn files(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_dir() {
                directories.push(path);
            } else if let Ok(relative) = path.strip_prefix(root) {
                found.push(relative.to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}
