//! One `hallway`, from its start to its end.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use insta::Settings;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use crate::family::{Family, PATIENCE, VARIABLE, eventually};

/// A `hallway` that is about to be started.
pub(crate) struct Program {
    command: Command,
    family: Family,
    input: String,
}

/// A `hallway` that runs. Dropping it kills it.
pub(crate) struct Running {
    process: Child,
    input: ChildStdin,
    pub(crate) family: Family,
}

/// A `hallway` that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit code; nothing when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// `hallway` with `arguments`, in the root of the repository, on no terminal and not in continuous integration.
pub(crate) fn hallway<Argument: AsRef<OsStr>>(arguments: impl IntoIterator<Item = Argument>) -> Program {
    started_as(env!("CARGO_BIN_EXE_hallway").as_ref(), &repository(), arguments)
}

/// The same from another place: `hallway` as the program at `path`, in the directory `here`.
pub(crate) fn started_as<Argument: AsRef<OsStr>>(
    path: &Path,
    here: &Path,
    arguments: impl IntoIterator<Item = Argument>,
) -> Program {
    let family = Family::new();
    let mut command = Command::new(path);
    command
        .args(arguments)
        .current_dir(here)
        .env(VARIABLE, family.name())
        .env("NO_COLOR", "1")
        .env_remove("CLICOLOR_FORCE")
        .env_remove("CI")
        .env_remove("HALLWAY_ENVOY")
        .env_remove("HALLWAY_PYTHON")
        .env_remove("HALLWAY_NODE")
        .env_remove("HALLWAY_GO")
        .env_remove("HALLWAY_JAVA")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    Program {
        command,
        family,
        input: String::new(),
    }
}

/// Runs `hallway` with words separated by spaces.
pub(crate) async fn run(words: &str) -> Ended {
    hallway(words.split_whitespace()).run().await
}

/// The root of the repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// For snapshots of texts in which something differs from run to run.
pub(crate) fn settled() -> Settings {
    let mut settings = Settings::clone_current();
    settings.add_filter(r" *\b\d+\.\d m?s\b", " [time]");
    settings.add_filter(r"\b[0-9a-f]{8}…", "[id]");
    settings.add_filter(r"/\S*/(\d\d-[a-z-]+|long-haul)\b", "[scratch]/$1");
    settings.add_filter(r"fingerprint \S+", "fingerprint [fingerprint]");
    settings.add_filter(r"127\.0\.0\.1:\d+", "[address]");
    settings
}

impl Program {
    pub(crate) fn env(mut self, variable: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(variable, value);
        self
    }

    /// What it reads on its standard input, which stays open until it is waited for.
    pub(crate) fn input(mut self, input: String) -> Self {
        self.input = input;
        self
    }

    /// Runs it to its end.
    pub(crate) async fn run(self) -> Ended {
        self.start().await.ended().await
    }

    pub(crate) async fn start(mut self) -> Running {
        let mut process = self.command.spawn().expect("the binary was built with this test");
        let mut input = process.stdin.take().expect("standard input is piped");
        // One that refuses its command line reads nothing.
        let _ = input.write_all(self.input.as_bytes()).await;
        Running {
            process,
            input,
            family: self.family,
        }
    }
}

impl Running {
    pub(crate) fn signal(&self, signal: Signal) {
        let id = self
            .process
            .id()
            .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(id) = id {
            // It may have ended at this very moment.
            let _ = kill_process(id, signal);
        }
    }

    /// Returns when a signal would not simply end it any more. Linux lists those that a process handles as a mask.
    pub(crate) async fn minds(&self, signal: Signal) {
        let id = self.process.id().expect("it has not been waited for");
        let bit = 1_u64 << (signal.as_raw() - 1);
        let minds = || {
            let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
            let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"))?;
            let mask = u64::from_str_radix(mask.trim(), 16).expect("the mask is hexadecimal");
            (mask & bit != 0).then_some(())
        };
        eventually("it handles the signal", minds).await;
    }

    /// Types a line on its standard input.
    pub(crate) async fn types(&mut self, line: &str) {
        let line = format!("{line}\n");
        self.input
            .write_all(line.as_bytes())
            .await
            .expect("it reads its standard input");
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        let status = self.process.try_wait().expect("it is a child of this process");
        status.is_some()
    }

    /// The next line of its standard output, which is then read.
    pub(crate) async fn next_line(&mut self) -> String {
        let output = self.process.stdout.as_mut().expect("standard output is piped");
        let mut line = Vec::new();
        let reading = async {
            while line.last() != Some(&b'\n') {
                line.push(output.read_u8().await.expect("there is a line"));
            }
        };
        timeout(PATIENCE, reading).await.expect("the line comes in time");
        String::from_utf8(line).expect("hallway writes UTF-8")
    }

    /// Waits for its end, after which none of its processes may be left.
    pub(crate) async fn ended(self) -> Ended {
        let family = self.family.clone();
        let ended = self.ended_alone().await;
        let left = family.members();
        assert!(left.is_empty(), "left behind: {left:?}\n{ended:#?}");
        ended
    }

    /// Waits for its end, and says nothing of its processes.
    pub(crate) async fn ended_alone(self) -> Ended {
        drop(self.input);
        let Output {
            status,
            stdout,
            stderr,
        } = timeout(PATIENCE, self.process.wait_with_output())
            .await
            .expect("hallway ends in time")
            .expect("its pipes can be read");
        let text = |bytes| String::from_utf8(bytes).expect("hallway writes UTF-8");
        let ended = Ended {
            code: status.code(),
            stdout: text(stdout),
            stderr: text(stderr),
        };
        assert!(!ended.stderr.contains("panicked"), "{ended:#?}");
        ended
    }
}

impl Ended {
    /// Its standard output, after it has ended with `code` and without a word on standard error.
    #[track_caller]
    pub(crate) fn quietly(self, code: i32) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(code), ""), "{self:#?}");
        self.stdout
    }

    /// Its standard error, after it has ended with `code`.
    #[track_caller]
    pub(crate) fn complaint(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self.stderr
    }
}
