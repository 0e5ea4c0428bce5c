//! Processes that a bench starts: pinned to a core, and never outliving it.

use std::ffi::OsString;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, sleep};

use crate::error::BenchError;
use crate::machine::CpuTime;
use crate::parts::{Listening, Part};

/// How long a program may take until it works.
pub(crate) const READY_WITHIN: Duration = Duration::from_secs(15);
/// How often it is looked whether it does.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How long a process may take to go that is killed.
const GONE_WITHIN: Duration = Duration::from_secs(5);
/// How much of what a program wrote is repeated when it fails, in bytes.
const TAIL: usize = 2_000;

/// Starts processes.
#[derive(Clone, Debug)]
pub(crate) struct Starter {
    /// This binary.
    pub(crate) binary: PathBuf,
    /// How this binary is told to become a part of the bench, before the arguments of that part.
    pub(crate) role: Vec<OsString>,
}

/// A program with its arguments.
#[derive(Debug)]
pub(crate) struct Program {
    /// What it is called in messages.
    pub(crate) name: String,
    pub(crate) command: Vec<OsString>,
}

/// A process. Dropping it kills it, and waits until it has gone: who says that all is stopped must not be wrong.
#[derive(Debug)]
pub(crate) struct Child {
    name: String,
    process: tokio::process::Child,
    pid: u32,
    /// Held open: its end is an order to stop for some.
    input: ChildStdin,
    /// What it writes to standard output, unless that is read.
    output: PathBuf,
    errors: PathBuf,
}

impl Starter {
    /// Starts `program` on `core`; what it writes goes to files in `directory`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(
        &self,
        program: &Program,
        core: usize,
        directory: &Path,
    ) -> Result<Child, BenchError> {
        let output = directory.join(format!("{}.out", program.name));
        let file = File::create(&output).map_err(BenchError::write(output))?;
        self.spawn(program, core, directory, file.into())
    }

    /// Starts this binary as a part of the bench, with its order.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) async fn start_part(
        &self,
        name: &str,
        part: &Part,
        core: usize,
        directory: &Path,
    ) -> Result<Child, BenchError> {
        let mut child = self.start(&self.part(name), core, directory)?;
        child.order(part).await?;
        Ok(child)
    }

    /// The same, and reads what it tells.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) async fn start_talking_part(
        &self,
        name: &str,
        part: &Part,
        core: usize,
        directory: &Path,
    ) -> Result<(Child, Lines<BufReader<ChildStdout>>), BenchError> {
        let mut child = self.spawn(&self.part(name), core, directory, Stdio::piped())?;
        child.order(part).await?;
        let output = child.process.stdout.take().expect("it is piped");
        Ok((child, BufReader::new(output).lines()))
    }

    fn part(&self, name: &str) -> Program {
        let play = ["play".into()];
        let command = [self.binary.clone().into()]
            .into_iter()
            .chain(self.role.clone())
            .chain(play);
        Program {
            name: name.to_owned(),
            command: command.collect(),
        }
    }

    fn spawn(
        &self,
        program: &Program,
        core: usize,
        directory: &Path,
        output: Stdio,
    ) -> Result<Child, BenchError> {
        let name = &program.name;
        let errors = directory.join(format!("{name}.err"));
        let file = File::create(&errors).map_err(BenchError::write(errors.clone()))?;
        let mut process = Command::new(&self.binary)
            .args(&self.role)
            .arg("exec")
            .args(["--core", &core.to_string()])
            .args(["--parent", &std::process::id().to_string()])
            .arg("--")
            .args(&program.command)
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(file)
            .spawn()
            .map_err(BenchError::machine(format!("start {name}")))?;
        Ok(Child {
            name: name.clone(),
            pid: process.id().expect("it has not been waited for"),
            input: process.stdin.take().expect("it is piped"),
            output: directory.join(format!("{name}.out")),
            errors,
            process,
        })
    }
}

impl Child {
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Tells it what to do, in a line of JSON.
    ///
    /// # Errors
    /// When it does not listen any more.
    pub(crate) async fn order(&mut self, order: &impl Serialize) -> Result<(), BenchError> {
        let line = serde_json::to_string(order).expect("orders are plain data") + "\n";
        match self.input.write_all(line.as_bytes()).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.failed(format!("does not take its order: {error}"))),
        }
    }

    /// The CPU time that it has used so far.
    ///
    /// # Errors
    /// When it has gone.
    pub(crate) fn cpu_time(&self) -> Result<CpuTime, BenchError> {
        CpuTime::of(self.pid).map_err(|error| self.failed(format!("has gone: {error}")))
    }

    /// The first of its records that `wanted` knows.
    ///
    /// # Errors
    /// When it ends first, or takes too long.
    pub(crate) async fn record<R: DeserializeOwned, T>(
        &mut self,
        wanted: impl Fn(R) -> Option<T>,
    ) -> Result<T, BenchError> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let text = std::fs::read_to_string(&self.output).unwrap_or_default();
            // The last line may not be complete yet.
            let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
            let found = whole
                .lines()
                .find_map(|line| wanted(serde_json::from_str(line).ok()?));
            if let Some(found) = found {
                return Ok(found);
            }
            self.still_runs()?;
            if Instant::now() > deadline {
                return Err(self.failed(format!("is not ready after {READY_WITHIN:?}")));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Where it listens, by its own words.
    ///
    /// # Errors
    /// When it ends first, or takes too long.
    pub(crate) async fn listening(&mut self) -> Result<SocketAddr, BenchError> {
        self.record(|said: Listening| Some(said.listening)).await
    }

    /// # Errors
    /// When it has ended.
    pub(crate) fn still_runs(&mut self) -> Result<(), BenchError> {
        match self.process.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(self.failed(format!("has ended ({status})"))),
            Err(error) => Err(self.failed(format!("has gone: {error}"))),
        }
    }

    /// What it wrote to standard error, the end of it.
    pub(crate) fn errors(&self) -> String {
        let text = std::fs::read(&self.errors).unwrap_or_default();
        String::from_utf8_lossy(&text[text.len().saturating_sub(TAIL)..])
            .trim()
            .to_owned()
    }

    /// What went wrong, with the last that it wrote.
    pub(crate) fn failed(&self, what: String) -> BenchError {
        let written = [&self.errors, &self.output].map(|path| std::fs::read(path).unwrap_or_default());
        let tails = written
            .map(|text| String::from_utf8_lossy(&text[text.len().saturating_sub(TAIL)..]).into_owned());
        BenchError::Program {
            name: self.name.clone(),
            what,
            output: tails.concat(),
        }
    }
}

impl Drop for Child {
    #[expect(
        clippy::disallowed_methods,
        reason = "whoever drops cannot await; a process that is killed goes at once"
    )]
    fn drop(&mut self) {
        // Whoever has gone already needs no killing.
        let _ = self.process.start_kill();
        let looks = GONE_WITHIN.as_millis() / LOOK_EVERY.as_millis();
        for _ in 0..looks {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}
