use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use hallway_scenario::topology::Language;
use tempfile::TempDir;

use super::{Environment, LanguageError, Languages};

/// A machine whose programs are scripts.
struct Machine {
    root: TempDir,
    environment: Environment,
}

impl Machine {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("there is room");
        let environment = Environment {
            path: root.path().as_os_str().to_owned(),
            cache: root.path().join("cache/hallway"),
            ..Environment::default()
        };
        for service in [
            "python/service.py",
            "node/service.js",
            "java/Service.java",
            "go/service.go",
        ] {
            let file = root.path().join("services").join(service);
            fs::create_dir_all(file.parent().expect("it has one")).expect("there is room");
            fs::write(file, "").expect("there is room");
        }
        Self { root, environment }
    }

    /// A program that is a shell script.
    fn program(&self, name: &str, script: &str) -> PathBuf {
        let path = self.root.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("there is room");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
        path
    }

    fn services(&self) -> PathBuf {
        self.root.path().join("services")
    }

    fn languages(&self) -> Languages {
        Languages::new("hallway".into(), self.services(), self.environment.clone())
    }

    async fn absence(&self, language: Language) -> String {
        let absence = self
            .languages()
            .runtime(language)
            .await
            .expect_err("it is absent");
        let here = self.root.path().display().to_string();
        format!("{absence}; {}", absence.next_step()).replace(&here, "[here]")
    }

    /// A compiler that counts its runs in the file `runs`, and writes `built` as its program.
    fn compiler(&self, version: &str) {
        let runs = self.root.path().join("runs");
        let script = format!(
            "[ \"$1\" = version ] && echo 'go version {version} linux/amd64' && exit\n\
             echo \"$GOPROXY $GOTOOLCHAIN $CGO_ENABLED\" >> '{}'\n\
             while [ \"$1\" != -o ]; do shift; done\n\
             echo built > \"$2\"",
            runs.display()
        );
        self.program("go", &script);
    }

    fn runs(&self) -> Vec<String> {
        let runs = fs::read_to_string(self.root.path().join("runs")).unwrap_or_default();
        runs.lines().map(str::to_owned).collect()
    }
}

async fn built(languages: &Languages) -> PathBuf {
    let starter = languages.starter(Language::Go).await.expect("it can be built");
    starter.command().as_std().get_program().into()
}

#[tokio::test]
async fn what_is_absent_says_why_and_what_to_do() {
    let mut machine = Machine::new();
    assert_eq!(
        machine.absence(Language::Node).await,
        "there is no node in PATH; install Node 18 or newer (apt install nodejs, brew install node), or name the \
         program with HALLWAY_NODE"
    );
    machine.program("python3", "echo Python 3.8.1");
    let absence = machine.absence(Language::Python).await;
    assert!(
        absence
            .starts_with("[here]/python3 is Python 3.8.1, which is too old; install Python 3.9 or newer ("),
        "{absence}"
    );
    machine.program("java", "echo 'Unable to locate a Java Runtime.' >&2; exit 1");
    let absence = machine.absence(Language::Java).await;
    assert!(
        absence.starts_with(
            "[here]/java does not work: `-version` ended with exit status: 1: Unable to locate a Java Runtime.; \
             install Java 17 or newer"
        ),
        "{absence}"
    );
    machine.program("go", "echo gopher");
    let absence = machine.absence(Language::Go).await;
    assert!(
        absence.contains("`version` told no version, but `gopher`"),
        "{absence}"
    );
    machine
        .environment
        .named
        .insert(Language::Node, "/nowhere/node".into());
    let absence = machine.absence(Language::Node).await;
    assert!(
        absence.starts_with("HALLWAY_NODE is /nowhere/node, where no program is; install"),
        "{absence}"
    );
}

#[tokio::test]
async fn a_program_that_is_named_goes_before_those_in_path() {
    let mut machine = Machine::new();
    machine.program("node", "echo v16.0.0");
    let other = machine.program("node20", "echo v20.1.0");
    for named in [other.clone(), PathBuf::from("node20")] {
        machine.environment.named.insert(Language::Node, named);
        let runtime = machine.languages().runtime(Language::Node).await;
        let runtime = runtime.expect("it is new enough").expect("Node needs a runtime");
        assert_eq!(
            (runtime.path, runtime.version.to_string()),
            (other.clone(), "20.1.0".to_owned())
        );
    }
}

#[tokio::test]
async fn every_language_has_its_command() {
    let machine = Machine::new();
    machine.program("python3", "echo Python 3.9.0");
    machine.program("java", "echo 'openjdk version \"17\"' >&2");
    let languages = machine.languages();
    let mut lines = Vec::new();
    for language in [Language::Rust, Language::Python, Language::Java] {
        let starter = languages.starter(language).await.expect("it is here");
        let command = starter.command();
        let words = [command.as_std().get_program()]
            .into_iter()
            .chain(command.as_std().get_args());
        let words: Vec<_> = words.map(|word| word.to_string_lossy().into_owned()).collect();
        lines.push(
            words
                .join(" ")
                .replace(&machine.root.path().display().to_string(), "[here]"),
        );
    }
    assert_eq!(
        lines,
        [
            "hallway service",
            "[here]/python3 [here]/services/python/service.py",
            "[here]/java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto -Xss256k \
             [here]/services/java/Service.java",
        ]
    );
    fs::remove_file(machine.services().join("python/service.py")).expect("it is there");
    let error = languages
        .starter(Language::Python)
        .await
        .expect_err("its service is gone");
    assert!(matches!(error, LanguageError::Absent(_)), "{error}");
    assert!(
        error
            .to_string()
            .contains("services/python/service.py; run Hallway in"),
        "{error}"
    );
}

#[tokio::test]
async fn the_service_in_go_is_built_once_per_content_and_version() {
    let machine = Machine::new();
    machine.compiler("go1.21.0");
    let languages = machine.languages();
    let program = built(&languages).await;
    assert_eq!(fs::read_to_string(&program).expect("it was built"), "built\n");
    assert_eq!(built(&languages).await, program);
    assert_eq!(
        built(&machine.languages()).await,
        program,
        "another lab builds it again"
    );
    assert_eq!(machine.runs(), ["off local 0"], "built without the network");

    fs::write(machine.services().join("go/service.go"), "package main").expect("there is room");
    let changed = built(&machine.languages()).await;
    machine.compiler("go1.22.0");
    let newer = built(&machine.languages()).await;
    assert_eq!(machine.runs().len(), 3);
    assert!(changed != program && newer != changed && newer != program);
    assert_eq!(
        left_in(&machine.environment.cache).len(),
        3,
        "nothing but programs"
    );
}

#[tokio::test]
async fn two_labs_may_build_at_once() {
    let machine = Machine::new();
    machine.compiler("go1.21.0");
    let (one, other) = (machine.languages(), machine.languages());
    let (one, other) = tokio::join!(built(&one), built(&other));
    assert_eq!(one, other);
    assert_eq!(fs::read_to_string(one).expect("it was built"), "built\n");
    assert_eq!(left_in(&machine.environment.cache).len(), 1);
}

#[tokio::test]
async fn what_does_not_compile_is_told_in_the_words_of_the_compiler() {
    let machine = Machine::new();
    machine.program(
        "go",
        "[ \"$1\" = version ] && echo 'go version go1.21.0 linux/amd64' && exit\n\
         echo './service.go:3:5: undefined: nothing' >&2; exit 1",
    );
    let error = machine
        .languages()
        .starter(Language::Go)
        .await
        .expect_err("it does not compile");
    let words = error.to_string();
    assert!(
        words.starts_with("the service in Go cannot be built: `go build` in "),
        "{words}"
    );
    assert!(
        words.ends_with("ended with exit status: 1:\n./service.go:3:5: undefined: nothing"),
        "{words}"
    );
    assert!(left_in(&machine.environment.cache).is_empty());
}

fn left_in(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("it was made");
    entries
        .map(|entry| entry.expect("it can be read").path())
        .collect()
}
