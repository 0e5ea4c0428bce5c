//! `hallway new`: the beginning of something of one's own.

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use hallway_scenario::load::{LESSON_FILE, SCENARIO_FILE, scenario_name};

use crate::arguments::NewScenario;
use crate::failure::Failure;
use crate::{next, shell};

/// What the skeleton is called in its own files, which are a scenario that works.
const PLACEHOLDER: &str = "my-scenario";

/// The skeleton's files.
const FILES: [(&str, &str); 4] = [
    (SCENARIO_FILE, include_str!("new/my-scenario/scenario.yaml")),
    ("rules.yaml", include_str!("new/my-scenario/rules.yaml")),
    (
        "rules.no-retry.yaml",
        include_str!("new/my-scenario/rules.no-retry.yaml"),
    ),
    (LESSON_FILE, include_str!("new/my-scenario/README.md")),
];

/// Words that YAML does not read as text.
const NOT_TEXT: [&str; 3] = ["true", "false", "null"];

/// Writes a scenario that works into a new directory, which appears with all of its files or not at all.
pub(crate) fn scenario(arguments: &NewScenario) -> Result<ExitCode, Failure> {
    let directory = &arguments.directory;
    let name = scenario_name(directory);
    if !is_name(&name) {
        return Err(Failure::input(format_args!(
            "`{name}` cannot be the name of a scenario: expected lower-case letters, digits and `-`, and a letter first, such as `slow-checkout`"
        )));
    }
    if directory.symlink_metadata().is_ok() {
        return Err(Failure::input(format_args!(
            "`{}` is there already, and was left as it is: choose another name",
            directory.display()
        )));
    }
    write(directory, &name)
        .map_err(|error| Failure::input(format_args!("cannot write `{}`: {error}", directory.display())))?;
    print_next(directory);
    Ok(ExitCode::SUCCESS)
}

fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(is_plain)
        && !NOT_TEXT.contains(&name)
}

/// Writes the files beside `directory`, and then gives them their place.
fn write(directory: &Path, name: &str) -> io::Result<()> {
    let parent = match directory.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent)?;
    let hidden = tempfile::Builder::new()
        .prefix(".hallway-new-")
        .tempdir_in(parent)?;
    let prepared = hidden.path().join(name);
    fs::create_dir(&prepared)?;
    for (file, text) in FILES {
        fs::write(prepared.join(file), text.replace(PLACEHOLDER, name))?;
    }
    fs::rename(prepared, directory)
}

/// Says what to do with it.
fn print_next(directory: &Path) {
    // Without a separator it would be taken for the name of a scenario that Hallway brings.
    let is_path = directory.components().count() > 1 || directory.is_absolute();
    let path = match is_path {
        true => directory.to_owned(),
        false => Path::new(".").join(directory),
    };
    let path = shell::quoted(&path.to_string_lossy());
    anstream::println!(
        "{} is a scenario that works. Change its rules and what they promise.",
        directory.display()
    );
    next::print(&[
        (
            format!("hallway run {path}"),
            "what each check expected, and what was seen",
        ),
        (
            format!("hallway grade {path} --on both"),
            "the same on both grounds, and what its control turns red",
        ),
        ("hallway show schema".to_owned(), "what a scenario file can say"),
    ]);
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn a_name_is_one_word_that_yaml_takes_for_text() {
        for name in ["checkout", "slow-checkout", "v2", "a"] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "",
            "-a",
            "2",
            "Checkout",
            "slow checkout",
            "slow_checkout",
            "..",
            "é",
            "true",
            "null",
        ] {
            assert!(!is_name(name), "{name}");
        }
    }
}
