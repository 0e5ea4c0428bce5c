//! What is known of the languages whose services need a runtime.

use hallway_scenario::topology::Language;

use super::version::Version;

/// The languages whose services need a runtime.
pub(super) const WITH_RUNTIME: [Language; 4] =
    [Language::Python, Language::Node, Language::Go, Language::Java];

/// What is known of a language.
#[derive(Debug)]
pub(super) struct Facts {
    /// The program, as it is called in `PATH`.
    pub(super) program: &'static str,
    /// The environment variable that names another program.
    pub(super) variable: &'static str,
    /// What makes the program tell its version.
    pub(super) version_flag: &'static str,
    /// What stands before the version in what it says.
    pub(super) before_version: &'static str,
    /// The least version that the service was written for.
    pub(super) least: (u32, Option<u32>),
    /// What is handed to the program before the service.
    pub(super) flags: &'static [&'static str],
    /// The service, in the directory of all services.
    pub(super) service: &'static str,
    /// What usually installs it.
    pub(super) install: &'static str,
}

impl Facts {
    pub(super) fn least(&self) -> Version {
        Version::least(self.least.0, self.least.1)
    }
}

const PYTHON: Facts = Facts {
    program: "python3",
    variable: "HALLWAY_PYTHON",
    version_flag: "--version",
    before_version: "Python ",
    least: (3, Some(9)),
    flags: &[],
    service: "python/service.py",
    install: "apt install python3, brew install python3",
};

const NODE: Facts = Facts {
    program: "node",
    variable: "HALLWAY_NODE",
    version_flag: "--version",
    before_version: "v",
    least: (18, None),
    flags: &[],
    service: "node/service.js",
    install: "apt install nodejs, brew install node",
};

const GO: Facts = Facts {
    program: "go",
    variable: "HALLWAY_GO",
    version_flag: "version",
    before_version: "go version go",
    least: (1, Some(21)),
    flags: &[],
    service: "go",
    install: "https://go.dev/dl, brew install go; apt install golang where that is new enough",
};

const JAVA: Facts = Facts {
    program: "java",
    variable: "HALLWAY_JAVA",
    // `--version` would be refused by Java 8, which then would look broken instead of old.
    version_flag: "-version",
    before_version: " version \"",
    least: (17, None),
    // A quick start and a small process matter more than speed after minutes.
    flags: &[
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Xshare:auto",
        "-Xss256k",
    ],
    service: "java/Service.java",
    install: "apt install default-jdk-headless, brew install openjdk",
};

/// What is known of `language`; nothing of Rust, whose service is part of Hallway.
pub(super) fn of(language: Language) -> Option<&'static Facts> {
    match language {
        Language::Rust => None,
        Language::Python => Some(&PYTHON),
        Language::Node => Some(&NODE),
        Language::Go => Some(&GO),
        Language::Java => Some(&JAVA),
    }
}
