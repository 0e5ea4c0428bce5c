//! A program that runs: a process of this machine, or one of a simulation.

use std::process::Stdio;
use std::time::Duration;

use hallway_service::contract::{Bootstrap, Record};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::subject::{OfProcesses, Site, Subject, Unasked};
use crate::{Failure, Verdict, fail};

/// How long a record may take to come: long, for a busy machine that starts many interpreters.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running program. Dropping it kills it.
pub(crate) struct Program {
    running: Running,
    output: watch::Receiver<Output>,
}

enum Running {
    Process {
        child: Child,
        /// Its end is the order to stop.
        input: Option<ChildStdin>,
    },
    Simulated {
        process: hallway_simulator::Process,
        output: watch::Sender<Output>,
        /// The order to stop.
        stop: CancellationToken,
        /// Where the program says how it ended; it says nothing when it is killed.
        end: oneshot::Receiver<Result<(), String>>,
        unasked: Unasked,
    },
}

/// What a program has written.
#[derive(Clone, Debug, Default)]
struct Output {
    records: Vec<Record>,
    /// The first line that is no record.
    garbage: Option<String>,
    ended: bool,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    /// With exit code 0; simulated, without an error.
    Success,
    /// With another exit code; simulated, with an error.
    Failure,
    /// By a signal that nobody can catch; simulated, by the end of its process.
    Killed,
}

/// A program that has ended.
pub(crate) struct Ended {
    pub(crate) ending: Ending,
    /// What it said about it, for people.
    pub(crate) words: String,
    /// All its records.
    pub(crate) records: Vec<Record>,
}

impl Program {
    /// Starts one and hands it the first line of its input.
    pub(crate) async fn start(subject: &Subject, first_line: &str) -> Result<Self, Failure> {
        let (sender, output) = watch::channel(Output::default());
        let running = match subject.site() {
            Some(site) => simulate(site, first_line, sender),
            None => start_process(subject, first_line, sender).await?,
        };
        Ok(Self { running, output })
    }

    /// Its records, as soon as they satisfy `complete`.
    pub(crate) async fn records_when(
        &self,
        complete: impl Fn(&[Record]) -> bool,
    ) -> Result<Vec<Record>, Failure> {
        let mut output = self.output.clone();
        let done = |output: &Output| complete(&output.records) || output.garbage.is_some();
        let outcome = timeout(PATIENCE, output.wait_for(done))
            .await
            .map(|found| found.map(|found| found.clone()));
        let known = || self.output.borrow().records.clone();
        match outcome {
            Ok(Ok(output)) => output.only_records(),
            Ok(Err(_)) => fail(format!("its output has ended: {:?}", known())),
            Err(_) => fail(format!("the record did not come: {:?}", known())),
        }
    }

    /// Gives it the order to stop.
    pub(crate) fn tell_to_stop(&mut self) {
        match &mut self.running {
            Running::Process { input, .. } => *input = None,
            Running::Simulated { stop, .. } => stop.cancel(),
        }
    }

    /// Gives it the order to stop by SIGTERM; simulated, where there are no signals, as ever.
    pub(crate) fn terminate(&self) -> Verdict {
        match &self.running {
            Running::Process { child, .. } => signal(child, Signal::TERM),
            Running::Simulated { stop, unasked, .. } => {
                unasked.borrow_mut().insert(OfProcesses::Sigterm);
                stop.cancel();
                Ok(())
            }
        }
    }

    /// Kills it, as `kill -9` does.
    pub(crate) fn kill(&self) -> Verdict {
        match &self.running {
            Running::Process { child, .. } => signal(child, Signal::KILL),
            Running::Simulated { process, .. } => {
                process.kill();
                Ok(())
            }
        }
    }

    /// Waits until it has ended by itself or was killed.
    pub(crate) async fn ended(&mut self, within: Duration) -> Result<Ended, Failure> {
        let Ok(ended) = timeout(within, self.running.end()).await else {
            return fail(format!("it still runs after {within:?}"));
        };
        let (ending, words) = ended?;
        let mut output = self.output.clone();
        let whole = timeout(PATIENCE, output.wait_for(|output| output.ended)).await??;
        Ok(Ended {
            ending,
            words,
            records: whole.clone().only_records()?,
        })
    }
}

impl Running {
    /// How it ends, and what it says about it.
    async fn end(&mut self) -> Result<(Ending, String), Failure> {
        match self {
            Self::Process { child, .. } => {
                let mut words = String::new();
                let mut errors = child.stderr.take().ok_or("it has ended before")?;
                let (status, read) = tokio::join!(child.wait(), errors.read_to_string(&mut words));
                read?;
                let ending = match status?.code() {
                    Some(0) => Ending::Success,
                    Some(_) => Ending::Failure,
                    None => Ending::Killed,
                };
                Ok((ending, words))
            }
            Self::Simulated {
                process,
                output,
                end,
                unasked,
                ..
            } => {
                let end = end.await;
                // What a program leaves running ends with its process.
                process.kill();
                output.send_modify(|output| output.ended = true);
                let Ok(result) = end else {
                    return Ok((Ending::Killed, String::new()));
                };
                unasked.borrow_mut().insert(OfProcesses::ExitCode);
                Ok(match result {
                    Ok(()) => (Ending::Success, String::new()),
                    Err(words) => (Ending::Failure, words),
                })
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A process of the operating system is killed by the drop of its `Child`.
        if let Self::Simulated { process, .. } = self {
            process.kill();
        }
    }
}

impl Output {
    fn take(&mut self, line: &str) {
        match parse(line) {
            Some(record) => self.records.push(record),
            None => self.garbage = self.garbage.take().or_else(|| Some(line.to_owned())),
        }
    }

    fn only_records(self) -> Result<Vec<Record>, Failure> {
        match self.garbage {
            None => Ok(self.records),
            Some(line) => fail(format!("`{line}` is no record")),
        }
    }
}

async fn start_process(
    subject: &Subject,
    first_line: &str,
    output: watch::Sender<Output>,
) -> Result<Running, Failure> {
    let mut child = subject
        .implementation
        .command()
        // A service that believes its environment would send its calls nowhere (C10).
        .envs(["http_proxy", "HTTP_PROXY", "ALL_PROXY"].map(|name| (name, "http://127.0.0.1:9")))
        // With it, Python would write through buffers that hold records back elsewhere (C23).
        .env_remove("PYTHONUNBUFFERED")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut input = child.stdin.take().expect("it is piped");
    let lines = child.stdout.take().expect("it is piped");
    input.write_all(format!("{first_line}\n").as_bytes()).await?;
    subject.host().spawn(read_records(lines, output));
    Ok(Running::Process {
        child,
        input: Some(input),
    })
}

/// What the role `hallway service` does, without a process around it.
fn simulate(site: &Site, first_line: &str, output: watch::Sender<Output>) -> Running {
    let process = site.process();
    let records = output.clone();
    process.on_record(move |line| records.send_modify(|output| output.take(line)));
    let stop = CancellationToken::new();
    let (ended, end) = oneshot::channel();
    let bootstrap = serde_json::from_str::<Bootstrap>(first_line);
    let (host, told) = (process.host(), stop.clone());
    process.host().spawn(async move {
        let result = match bootstrap {
            Ok(bootstrap) => hallway_service::run(host, bootstrap, told)
                .await
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        // Nobody may be left to ask how it ended.
        let _ = ended.send(result);
    });
    Running::Simulated {
        process,
        output,
        stop,
        end,
        unasked: site.unasked.clone(),
    }
}

fn signal(child: &Child, signal: Signal) -> Verdict {
    let number = child.id().ok_or("the process has ended")?;
    let process = Pid::from_raw(i32::try_from(number)?).ok_or("process ids are positive")?;
    Ok(kill_process(process, signal)?)
}

async fn read_records(lines: ChildStdout, output: watch::Sender<Output>) {
    let mut lines = BufReader::new(lines).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        output.send_modify(|output| output.take(&line));
    }
    output.send_modify(|output| output.ended = true);
}

/// A record that has all its fields: those without a value are null, not missing.
fn parse(line: &str) -> Option<Record> {
    let written: Value = serde_json::from_str(line).ok()?;
    let record = Record::deserialize(&written).ok()?;
    let expected = serde_json::to_value(&record).ok()?;
    is_whole(&written, &expected).then_some(record)
}

/// Whether an object has at least the fields that are expected.
pub(crate) fn is_whole(written: &Value, expected: &Value) -> bool {
    let fields = expected.as_object().into_iter().flat_map(|fields| fields.keys());
    fields.into_iter().all(|field| written.get(field).is_some())
}
