//! Asks a program which version it is.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::facts::Facts;
use super::version::Version;

/// How long a program may take to tell its version: a virtual machine on a busy one needs seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// The version that the program at `path` tells.
///
/// # Errors
/// Why it told none.
pub(super) async fn version(path: &Path, facts: &Facts) -> Result<Version, String> {
    let flag = facts.version_flag;
    let asked = Command::new(path)
        .arg(flag)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(PATIENCE, asked)
        .await
        .map_err(|_| format!("`{flag}` was not answered within {} s", PATIENCE.as_secs()))?
        .map_err(|error| error.to_string())?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let first = said.lines().next().unwrap_or_default();
    if !output.status.success() {
        return Err(format!("`{flag}` ended with {}: {first}", output.status));
    }
    told(&said, facts).ok_or_else(|| format!("`{flag}` told no version, but `{first}`"))
}

/// The version in what was said. Other words may come first: Java tells of options in its environment.
fn told(said: &str, facts: &Facts) -> Option<Version> {
    said.lines().find_map(|line| {
        let (_, version) = line.split_once(facts.before_version)?;
        Version::parse(version)
    })
}

#[cfg(test)]
mod tests {
    use hallway_scenario::topology::Language;

    use super::super::facts;
    use super::told;

    #[test]
    fn versions_are_read_as_the_runtimes_tell_them() {
        for (language, said, expected) in [
            (Language::Python, "Python 3.11.2+\n", Some("3.11.2")),
            (Language::Node, "v20.20.2\n", Some("20.20.2")),
            (Language::Go, "go version go1.23rc1 linux/amd64\n", Some("1.23")),
            (
                Language::Java,
                "openjdk version \"17.0.15\" 2025-04-15\n",
                Some("17.0.15"),
            ),
            (
                Language::Java,
                "openjdk version \"25-ea\" 2025-09-16\n",
                Some("25"),
            ),
            (Language::Java, "java version \"1.8.0_292\"\n", Some("1.8.0")),
            (
                Language::Java,
                "Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version \"21\" 2023-09-19\n",
                Some("21"),
            ),
            (Language::Python, "Pythons are snakes\n", None),
            (Language::Node, "versatile\n", None),
            (Language::Python, "Python 4294967296\n", None),
        ] {
            let facts = facts::of(language).expect("it needs a runtime");
            let version = told(said, facts).map(|version| version.to_string());
            assert_eq!(version.as_deref(), expected, "{said}");
        }
    }

    #[test]
    fn more_numbers_are_not_older() {
        let parse = |text| super::Version::parse(text).expect("a version");
        let least = parse("3.9");
        assert!(parse("3.9") >= least && parse("3.9.0") >= least && parse("3.10") >= least);
        assert!(parse("4") >= least && parse("3.8.20") < least && parse("3") < least);
    }
}
