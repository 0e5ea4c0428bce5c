//! A directory of rule files, watched by content: polling works on every file system, and sees what editors, symbolic links
//! and mounts do alike.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hallway_model::telemetry::Problem;

use crate::api::{RuleFile, RulesRefused};
use crate::plane::ControlPlane;

/// How often the directory is looked at.
const INTERVAL: Duration = Duration::from_millis(200);

/// How long it must stay as it is before it is believed: whoever copies several files is not done with the first.
const SETTLE: Duration = Duration::from_millis(50);

/// At most this many files are read.
const MOST_FILES: usize = 256;

/// Bytes of a file at most.
const MOST_BYTES: u64 = 1024 * 1024;

/// Reads the rule files in `directory`, by name: those that end in `.yaml` or `.yml`, and are not hidden.
pub(crate) fn read(directory: &Path) -> io::Result<Vec<RuleFile>> {
    let mut paths = fs::read_dir(directory)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<PathBuf>>>()?;
    paths.retain(|path| is_rule_file(path));
    paths.sort();
    if paths.len() > MOST_FILES {
        return Err(io::Error::other(format!(
            "it holds {} rule files, more than {MOST_FILES}",
            paths.len()
        )));
    }
    paths.iter().map(|path| read_file(path)).collect()
}

/// Puts the rules in `directory` in force whenever they change, starting from what `seen` says was there. Never ends.
pub(crate) async fn watch(plane: &ControlPlane, directory: &Path, seen: Result<Vec<RuleFile>, String>) {
    let mut seen = seen.and_then(not_emptied);
    loop {
        tokio::time::sleep(INTERVAL).await;
        let mut current = attempt(directory);
        if current == seen {
            continue;
        }
        loop {
            tokio::time::sleep(SETTLE).await;
            let later = attempt(directory);
            if later == current {
                break;
            }
            current = later;
        }
        apply(plane, directory, &current);
        seen = current;
    }
}

/// Puts what was read in force, or notes why it could not be read. Refusals are on record and in the status.
pub(crate) fn apply(plane: &ControlPlane, directory: &Path, read: &Result<Vec<RuleFile>, String>) {
    match read {
        Ok(files) => drop(plane.replace_rules(files.clone(), plane.admission)),
        Err(reason) => {
            let message = format!("cannot read the rules: {reason}");
            plane.refuse_rules(RulesRefused {
                rendered: format!("error: {message} ({})", directory.display()),
                problems: vec![Problem {
                    file: directory.display().to_string(),
                    line: 1,
                    column: 1,
                    message,
                    help: Some("the rules before stay in force until it can be read".to_owned()),
                }],
            });
        }
    }
}

fn attempt(directory: &Path) -> Result<Vec<RuleFile>, String> {
    read(directory)
        .map_err(|error| error.to_string())
        .and_then(not_emptied)
}

/// A directory without a rule file is more often a checkout under way or a mount gone than the wish for no rules at all.
fn not_emptied(files: Vec<RuleFile>) -> Result<Vec<RuleFile>, String> {
    if files.is_empty() {
        return Err(
            "it holds no rule file any more; to take all rules away, leave an empty one there".to_owned(),
        );
    }
    Ok(files)
}

fn is_rule_file(path: &Path) -> bool {
    let hidden = path
        .file_name()
        .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    let yaml = path
        .extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml");
    yaml && !hidden && path.is_file()
}

fn read_file(path: &Path) -> io::Result<RuleFile> {
    let name = path.display().to_string();
    let explain = |error: io::Error| io::Error::new(error.kind(), format!("{name}: {error}"));
    let length = fs::metadata(path).map_err(explain)?.len();
    if length > MOST_BYTES {
        return Err(explain(io::Error::other(format!(
            "{length} bytes, more than {MOST_BYTES}"
        ))));
    }
    let text = fs::read_to_string(path).map_err(explain)?;
    Ok(RuleFile { name, text })
}
