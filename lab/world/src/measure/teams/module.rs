//! Where each team keeps its number of attempts, and how that is changed: in a copy of its service's folder, never in the repository.

use std::fs;
use std::io;
use std::path::Path;

use hallway_scenario::topology::Language;

use super::{ATTEMPTS_WANTED, Change};
use crate::error::WorldError;

/// The module in which a team keeps its retries (clause C40 of the services' contract).
pub(super) struct Module {
    pub(super) language: Language,
    /// The service, in the directory of all services.
    folder: &'static str,
    /// The module in that folder.
    file: &'static str,
    /// What stands before the number of attempts, on a line of its own.
    constant: &'static str,
}

/// The modules of all teams, in the order in which they are changed.
pub(super) const MODULES: [Module; 4] = [
    Module {
        language: Language::Python,
        folder: "python",
        file: "retry.py",
        constant: "ATTEMPTS = ",
    },
    Module {
        language: Language::Node,
        folder: "node",
        file: "retry.js",
        constant: "const ATTEMPTS = ",
    },
    Module {
        language: Language::Go,
        folder: "go",
        file: "retry.go",
        constant: "maxAttempts = ",
    },
    Module {
        language: Language::Java,
        folder: "java",
        file: "Service.java",
        constant: "private static final int ATTEMPTS = ",
    },
];

impl Module {
    /// The team's service, as others call it.
    pub(super) fn service(&self) -> String {
        self.folder.to_owned()
    }

    /// The module, in the directory of all services.
    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.folder, self.file)
    }

    /// Copies the team's folder from `services` into `copies`, and changes the number of attempts there.
    ///
    /// # Errors
    /// [`WorldError::Scenario`].
    pub(super) fn change(&self, services: &Path, copies: &Path) -> Result<Change, WorldError> {
        let failed = |why: String| WorldError::scenario(format!("the module {}", self.path()), why);
        let on_disk = |error: io::Error| failed(format!("it cannot be changed: {error}"));
        copy(&services.join(self.folder), &copies.join(self.folder)).map_err(on_disk)?;
        let module = copies.join(self.path());
        let before = fs::read_to_string(&module).map_err(on_disk)?;
        let after = with_attempts(&before, self.constant, ATTEMPTS_WANTED).map_err(failed)?;
        fs::write(&module, &after).map_err(on_disk)?;
        let mut change = Change::default();
        change.add(&self.path(), &before, &after);
        Ok(change)
    }
}

/// `text` with another number after `constant`, which one line has to begin with.
fn with_attempts(text: &str, constant: &str, attempts: u32) -> Result<String, String> {
    let holds = |line: &&str| line.trim_start().starts_with(constant);
    let lines: Vec<&str> = text.split_inclusive('\n').filter(holds).collect();
    let [line] = lines[..] else {
        return Err(format!(
            "{} lines begin with `{constant}`, and one should",
            lines.len()
        ));
    };
    let start = line.len() - line.trim_start().len() + constant.len();
    let (head, value) = line.split_at(start);
    let rest = value.trim_start_matches(|letter: char| letter.is_ascii_digit());
    if rest.len() == value.len() {
        return Err(format!("no number follows `{constant}`"));
    }
    Ok(text.replacen(line, &format!("{head}{attempts}{rest}"), 1))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &target)?,
            false => fs::copy(entry.path(), target).map(drop)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{MODULES, with_attempts};

    #[test]
    fn only_the_number_is_replaced() {
        let changed = with_attempts("a = 3\n\tattempts = 3; // of 3\n", "attempts = ", 2);
        assert_eq!(changed.as_deref(), Ok("a = 3\n\tattempts = 2; // of 3\n"));
    }

    #[test]
    fn a_module_that_is_not_as_expected_is_not_guessed_at() {
        let twice = with_attempts("n = 3\nn = 4\n", "n = ", 2).expect_err("which one?");
        assert_eq!(twice, "2 lines begin with `n = `, and one should");
        let word = with_attempts("n = many\n", "n = ", 2).expect_err("a word");
        assert_eq!(word, "no number follows `n = `");
    }

    #[test]
    fn each_module_is_changed_in_a_copy_and_nowhere_else() {
        let services = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../services"));
        let copies = tempfile::tempdir().expect("a temporary directory");
        let lines = MODULES.map(|module| {
            let original = || fs::read(services.join(module.path())).expect("the repository has it");
            let before = original();
            let change = module
                .change(services, copies.path())
                .expect("its constant is there");
            assert!(original() == before, "{} was changed", module.path());
            (change.files, change.lines_removed, change.lines_added)
        });
        // Java's team had chosen the number already that is asked for.
        assert_eq!(lines, [(1, 1, 1), (1, 1, 1), (1, 1, 1), (0, 0, 0)]);
    }
}
