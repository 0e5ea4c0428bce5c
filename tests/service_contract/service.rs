//! A running service and its records.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use hallway_host::Host;
use hallway_service::contract::{
    Behaviour, Bootstrap, Call, CallOrder, ControlEndpoint, Effect, Finished, FirstCall, Outcome, Protocol,
    Received, Record,
};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::implementation::Implementation;
use crate::wire::{self, Reply};
use crate::{Failure, Verdict, ensure, fail};

pub(crate) const TOKEN: &str = "a token that only the suite knows";

/// How long a record may take to come: long, for a busy machine that starts many interpreters.
const PATIENCE: Duration = Duration::from_secs(20);

/// A service process. Dropping it kills the process.
pub(crate) struct Service {
    child: Child,
    input: Option<ChildStdin>,
    output: watch::Receiver<Output>,
    /// Where its application is.
    pub(crate) application: SocketAddr,
    /// Where its control endpoint is.
    pub(crate) control: SocketAddr,
}

/// What a service has written on its standard output.
#[derive(Clone, Debug, Default)]
pub(crate) struct Output {
    records: Vec<Record>,
    /// The first line that is no record.
    garbage: Option<String>,
    ended: bool,
}

/// A bootstrap with free ports, no calls and no misbehaviour.
pub(crate) fn bootstrap() -> Bootstrap {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    Bootstrap {
        service: "payments".to_owned(),
        version: "v1".to_owned(),
        instance: "payments-1".to_owned(),
        listen: anywhere,
        protocol: Protocol::Http1,
        control: ControlEndpoint {
            listen: anywhere,
            token: TOKEN.to_owned(),
        },
        proxy: None,
        addresses: BTreeMap::new(),
        calls: Vec::new(),
        call_order: CallOrder::Sequence,
        behaviour: Behaviour::default(),
        seed: 1,
        first_calls: Vec::new(),
    }
}

/// A bootstrap whose calls go through `proxy`.
pub(crate) fn calling(proxy: SocketAddr, urls: &[&str]) -> Bootstrap {
    Bootstrap {
        proxy: Some(proxy),
        calls: urls.iter().map(|url| get(url)).collect(),
        ..bootstrap()
    }
}

/// A GET of `url`.
pub(crate) fn get(url: &str) -> Call {
    Call {
        method: "GET".to_owned(),
        url: url.to_owned(),
        headers: BTreeMap::new(),
        body: None,
    }
}

/// Starts the process and hands it the first line of its input.
pub(crate) async fn spawn(implementation: Implementation, first_line: &str) -> Result<Child, Failure> {
    let mut child = implementation
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
    let input = child.stdin.as_mut().expect("it is piped");
    input.write_all(format!("{first_line}\n").as_bytes()).await?;
    Ok(child)
}

impl Service {
    /// Starts one and waits until it listens.
    pub(crate) async fn start(
        implementation: Implementation,
        bootstrap: &Bootstrap,
    ) -> Result<Self, Failure> {
        Self::start_with(implementation, &serde_json::to_string(bootstrap)?).await
    }

    /// Starts one with this first line of its input, and waits until it listens.
    pub(crate) async fn start_with(
        implementation: Implementation,
        first_line: &str,
    ) -> Result<Self, Failure> {
        let mut child = spawn(implementation, first_line).await?;
        let (sender, output) = watch::channel(Output::default());
        let lines = child.stdout.take().expect("it is piped");
        Host::real_unseeded().spawn(read_records(lines, sender));
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let input = child.stdin.take();
        let mut service = Self {
            child,
            input,
            output,
            application: unknown,
            control: unknown,
        };
        match service.records_when(|records| !records.is_empty()).await?.first() {
            Some(Record::Listening { application, control }) => {
                (service.application, service.control) = (*application, *control);
                Ok(service)
            }
            other => fail(format!("the first record is {other:?}")),
        }
    }

    /// Starts one that behaves like this.
    pub(crate) async fn behaving(
        implementation: Implementation,
        behaviour: Behaviour,
    ) -> Result<Self, Failure> {
        Self::start(
            implementation,
            &Bootstrap {
                behaviour,
                ..bootstrap()
            },
        )
        .await
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
        match outcome {
            Ok(Ok(Output {
                records,
                garbage: None,
                ..
            })) => Ok(records),
            Ok(Ok(Output {
                garbage: Some(line), ..
            })) => fail(format!("`{line}` is no record")),
            Ok(Err(_)) => fail(format!(
                "its output has ended: {:?}",
                self.output.borrow().records
            )),
            Err(_) => fail(format!(
                "the record did not come: {:?}",
                self.output.borrow().records
            )),
        }
    }

    /// The first `count` requests that it has received.
    pub(crate) async fn received(&self, count: usize) -> Result<Vec<Received>, Failure> {
        let records = self
            .records_when(|records| received(records).len() >= count)
            .await?;
        Ok(received(&records))
    }

    /// The first `count` requests that it has finished.
    pub(crate) async fn finished(&self, count: usize) -> Result<Vec<Finished>, Failure> {
        let records = self
            .records_when(|records| finished(records).len() >= count)
            .await?;
        Ok(finished(&records))
    }

    /// How the first `count` requests ended.
    pub(crate) async fn outcomes(&self, count: usize) -> Result<Vec<Outcome>, Failure> {
        Ok(self
            .finished(count)
            .await?
            .iter()
            .map(|finished| finished.outcome)
            .collect())
    }

    /// Changes its behaviour.
    pub(crate) async fn behave(&self, behaviour: &Behaviour) -> Verdict {
        let reply = self
            .command("PUT", "/behaviour", &serde_json::to_string(behaviour)?)
            .await?;
        ensure(reply.status == 204, || {
            format!("the behaviour was refused: {reply:?}")
        })
    }

    /// Sends a request with the token to its control endpoint.
    pub(crate) async fn command(&self, method: &str, path: &str, body: &str) -> Result<Reply, Failure> {
        let token = format!("Bearer {TOKEN}");
        wire::send(self.control, method, path, &[("authorization", &token)], body).await
    }

    /// Sends it a POST.
    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)]) -> Result<Reply, Failure> {
        wire::send(self.application, "POST", path, headers, "").await
    }

    /// Sends it a request.
    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Result<Reply, Failure> {
        wire::send(self.application, "GET", path, headers, "").await
    }

    /// Closes its standard input, which is the order to stop.
    pub(crate) fn close_input(&mut self) {
        self.input = None;
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) -> Verdict {
        let number = self.child.id().ok_or("the process has ended")?;
        let process = Pid::from_raw(i32::try_from(number)?).ok_or("process ids are positive")?;
        Ok(kill_process(process, signal)?)
    }

    /// Waits until it has ended, and returns all its records.
    pub(crate) async fn ended(&mut self, within: Duration) -> Result<(ExitStatus, Vec<Record>), Failure> {
        let Ok(status) = timeout(within, self.child.wait()).await else {
            return fail(format!("it still runs after {within:?}"));
        };
        let mut output = self.output.clone();
        let ended = timeout(PATIENCE, output.wait_for(|output| output.ended)).await?;
        let records = ended?.records.clone();
        Ok((status?, records))
    }
}

pub(crate) fn received(records: &[Record]) -> Vec<Received> {
    let received = |record: &Record| match record {
        Record::Received(received) => Some(received.clone()),
        _ => None,
    };
    records.iter().filter_map(received).collect()
}

pub(crate) fn finished(records: &[Record]) -> Vec<Finished> {
    let finished = |record: &Record| match record {
        Record::Finished(finished) => Some(finished.clone()),
        _ => None,
    };
    records.iter().filter_map(finished).collect()
}

pub(crate) fn effects(records: &[Record]) -> Vec<Effect> {
    let effect = |record: &Record| match record {
        Record::Effect(effect) => Some(effect.clone()),
        _ => None,
    };
    records.iter().filter_map(effect).collect()
}

pub(crate) fn first_calls(records: &[Record]) -> Vec<FirstCall> {
    let first_call = |record: &Record| match record {
        Record::FirstCall(call) => Some(call.clone()),
        _ => None,
    };
    records.iter().filter_map(first_call).collect()
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

async fn read_records(output: ChildStdout, sender: watch::Sender<Output>) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        sender.send_modify(|output| match parse(&line) {
            Some(record) => output.records.push(record),
            None => output.garbage = output.garbage.take().or(Some(line)),
        });
    }
    sender.send_modify(|output| output.ended = true);
}
