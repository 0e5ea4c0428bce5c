//! `hallway book`: builds the book or serves it.
//!
//! mdBook brings more code than the rest of Hallway, so it is in a program of its own, `hallway-book`, beside this one.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::arguments::{Book, BookCommand};
use crate::failure::Failure;

/// The program that has mdBook in it.
const PROGRAM: &str = "hallway-book";

/// What makes a directory that of the book.
const BOOK: &str = "book/book.toml";

/// Starts the program beside this one, after building it where that is possible.
pub(crate) fn book(arguments: &Book) -> Result<ExitCode, Failure> {
    let hallway = std::env::current_exe()
        .map_err(|error| Failure::lab(format_args!("cannot find this program itself: {error}")))?;
    let repository = repository(&hallway)
        .ok_or_else(|| Failure::input("no `book` directory here or above: go to Hallway's directory"))?;
    let program = hallway.with_file_name(PROGRAM);
    if hallway.starts_with(repository.join("target")) {
        build(&repository, &hallway)?;
    } else if !program.is_file() {
        return Err(Failure::input(format_args!(
            "there is no {PROGRAM} beside {}: install it with `cargo install --path lab/book`, or run `cargo run --release -- book` in {}",
            hallway.display(),
            repository.display()
        )));
    }
    let mut command = Command::new(&program);
    command.arg("--root").arg(repository.join("book"));
    match &arguments.command {
        None => command.arg("serve"),
        Some(BookCommand::Serve { port }) => command.arg("serve").args(["--port", &port.to_string()]),
        Some(BookCommand::Build { into }) => command.arg("build").arg("--into").arg(into),
    };
    let status = command
        .status()
        .map_err(|error| Failure::lab(format_args!("cannot start {}: {error}", program.display())))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    // Ended by a signal: interrupted.
    Ok(ExitCode::from(code.unwrap_or(3)))
}

/// The nearest directory with the book, from here upwards, or else from this program upwards.
fn repository(hallway: &Path) -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    let mut directories = here.ancestors().chain(hallway.ancestors());
    directories
        .find(|directory| directory.join(BOOK).is_file())
        .map(Path::to_owned)
}

/// Has Cargo build it, as this program was built. Cargo says what it does, and does nothing when there is nothing to do.
fn build(repository: &Path, hallway: &Path) -> Result<(), Failure> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--package", PROGRAM])
        .current_dir(repository);
    if hallway
        .parent()
        .is_some_and(|directory| directory.ends_with("release"))
    {
        cargo.arg("--release");
    }
    let status = cargo.status().map_err(|error| {
        Failure::lab(format_args!(
            "cannot start cargo, which builds {PROGRAM}: {error}"
        ))
    })?;
    match status.success() {
        true => Ok(()),
        false => Err(Failure::lab(format_args!(
            "cargo did not build {PROGRAM}: see above"
        ))),
    }
}
