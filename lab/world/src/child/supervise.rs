//! One child from its start to its end.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio_util::codec::{FramedRead, LinesCodec};
use tokio_util::sync::CancellationToken;

use super::Order;

/// The longest record, in bytes.
const RECORD_LIMIT: usize = 1024 * 1024;

/// How much of what a child says on its standard error is kept: the end.
const STANDARD_ERROR_KEPT: usize = 64 * 1024;

/// How many of its last lines are shown.
const LAST_LINES: usize = 12;

/// How long the pipes of a child that has ended may stay open, because a child of its own holds them.
const PIPES_CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// A process with its pipes.
pub(super) struct Process {
    process: tokio::process::Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    stderr: ChildStderr,
}

/// What a child is told.
pub(super) struct Commands {
    /// The first line of its standard input.
    pub(super) bootstrap: String,
    /// What is to befall it.
    pub(super) orders: UnboundedReceiver<Order>,
    /// The order to stop.
    pub(super) stop: CancellationToken,
    /// How long it may take to stop.
    pub(super) grace: Duration,
}

/// How a child ended.
#[derive(Clone, Debug)]
pub(crate) struct Exit {
    pub(crate) status: String,
    /// The last that it said: lines of its standard error.
    pub(crate) said: String,
}

impl Process {
    /// Starts `command` in a process group of its own: Ctrl-C in a terminal is then the lab's to handle.
    pub(super) fn start(mut command: Command) -> io::Result<Self> {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self {
            stdin: process.stdin.take().expect("standard input is piped"),
            stdout: process.stdout.take().expect("standard output is piped"),
            stderr: process.stderr.take().expect("standard error is piped"),
            process,
        })
    }

    /// Its number.
    pub(super) fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Sees the child to its end; `report` gets what should not have happened.
    pub(super) async fn supervise<R: DeserializeOwned>(
        self,
        commands: Commands,
        records: UnboundedSender<R>,
        report: &impl Fn(String),
    ) -> Exit {
        let mut said = Vec::new();
        let crashed = AtomicBool::new(false);
        // Who is killed in the middle of a line is not to blame for it.
        let blame = |what| {
            if !crashed.load(Ordering::Relaxed) {
                report(what);
            }
        };
        let pipes = async {
            tokio::join!(
                read_records(self.stdout, &records, &blame),
                read_end(self.stderr, &mut said)
            )
        };
        let grace = commands.grace;
        let live = live(self.process, self.stdin, commands, &crashed);
        let ended = alongside(live, pipes).await;
        let exit = Exit {
            status: ended.status(),
            said: last_lines(&said),
        };
        match ended {
            Ended::AsOrdered(Ok(status)) if status.success() => {}
            Ended::Crashed => {}
            Ended::AsOrdered(_) => report(format!(
                "failed when it was ordered to stop ({}){}",
                exit.status,
                quoted(&exit.said)
            )),
            Ended::ByItself(_) => report(format!("ended by itself ({}){}", exit.status, quoted(&exit.said))),
            Ended::Killed => report(format!(
                "did not end within {} s of the order to stop, and was killed{}",
                grace.as_secs(),
                quoted(&exit.said)
            )),
        }
        exit
    }
}

enum Ended {
    AsOrdered(io::Result<ExitStatus>),
    ByItself(io::Result<ExitStatus>),
    /// Killed because it did not stop.
    Killed,
    /// Killed on purpose.
    Crashed,
}

impl Ended {
    fn status(&self) -> String {
        match self {
            Self::AsOrdered(Ok(status)) | Self::ByItself(Ok(status)) => status.to_string(),
            Self::AsOrdered(Err(error)) | Self::ByItself(Err(error)) => error.to_string(),
            Self::Killed | Self::Crashed => "killed".to_owned(),
        }
    }
}

async fn live(
    mut process: tokio::process::Child,
    mut stdin: ChildStdin,
    commands: Commands,
    crashed: &AtomicBool,
) -> Ended {
    let Commands {
        bootstrap,
        mut orders,
        stop,
        grace,
    } = commands;
    // A child that dies before it has read this is noticed by its end; one that never reads it must still be stopped.
    let _ = stop
        .run_until_cancelled(stdin.write_all(bootstrap.as_bytes()))
        .await;
    loop {
        let order = tokio::select! {
            status = process.wait() => return Ended::ByItself(status),
            () = stop.cancelled() => break,
            Some(order) = orders.recv() => order,
        };
        match order {
            Order::Pause => signal(&process, Signal::STOP),
            Order::Resume => signal(&process, Signal::CONT),
            Order::Crash => {
                crashed.store(true, Ordering::Relaxed);
                kill(&mut process).await;
                return Ended::Crashed;
            }
        }
    }
    // Whoever is paused does not hear it.
    signal(&process, Signal::CONT);
    drop(stdin);
    if let Ok(status) = tokio::time::timeout(grace, process.wait()).await {
        return Ended::AsOrdered(status);
    }
    kill(&mut process).await;
    Ended::Killed
}

/// Kills the child and whatever it has started.
async fn kill(process: &mut tokio::process::Child) {
    signal(process, Signal::KILL);
    let _ = process.wait().await;
}

/// Sends a signal to the child and to whatever it has started.
fn signal(process: &tokio::process::Child, signal: Signal) {
    let group = process.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    if let Some(group) = group {
        // It may have ended at this very moment.
        let _ = kill_process_group(group, signal);
    }
}

/// Runs `pipes` beside `live`, and a little longer.
async fn alongside<T>(live: impl Future<Output = T>, pipes: impl Future) -> T {
    tokio::pin!(live, pipes);
    let mut closed = false;
    let ended = loop {
        tokio::select! {
            ended = &mut live => break ended,
            _ = &mut pipes, if !closed => closed = true,
        }
    };
    if !closed {
        let _ = tokio::time::timeout(PIPES_CLOSE_WITHIN, pipes).await;
    }
    ended
}

async fn read_records<R: DeserializeOwned>(
    stdout: ChildStdout,
    records: &UnboundedSender<R>,
    report: &impl Fn(String),
) {
    let mut lines = FramedRead::new(stdout, LinesCodec::new_with_max_length(RECORD_LIMIT));
    while let Some(line) = lines.next().await {
        let record = line.map_err(|error| error.to_string()).and_then(|line| {
            serde_json::from_str(&line).map_err(|error| format!("{error} in `{}`", excerpt(&line)))
        });
        match record {
            // Nobody may be left to read it.
            Ok(record) => drop(records.send(record)),
            Err(reason) => report(format!("wrote something that is no record: {reason}")),
        }
    }
}

async fn read_end(mut stderr: impl AsyncRead + Unpin, kept: &mut Vec<u8>) {
    let mut buffer = vec![0; 4096];
    while let Ok(length @ 1..) = stderr.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..length]);
        let surplus = kept.len().saturating_sub(STANDARD_ERROR_KEPT);
        kept.drain(..surplus);
    }
}

fn last_lines(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let lines: Vec<&str> = said.trim().lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}

fn quoted(said: &str) -> String {
    match said {
        "" => "; it left no message".to_owned(),
        said => format!("; the last that it said:\n{said}"),
    }
}

fn excerpt(line: &str) -> String {
    line.chars().take(200).collect()
}
