//! A running service, what it is started with, and its records.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use hallway_service::contract::{
    Behaviour, Bootstrap, Call, CallOrder, ControlEndpoint, Effect, Finished, FirstCall, Outcome, Protocol,
    Received, Record,
};

use crate::program::{Ending, Program};
use crate::subject::Subject;
use crate::wire::{self, Endpoint, Reply};
use crate::{Failure, Verdict, ensure, fail};

pub(crate) const TOKEN: &str = "a token that only the suite knows";

/// A running service. Dropping it kills it.
pub(crate) struct Service {
    program: Program,
    /// Where its application is.
    pub(crate) application: Endpoint,
    /// Where its control endpoint is.
    pub(crate) control: Endpoint,
}

/// A bootstrap with free ports, no calls and no misbehaviour.
pub(crate) fn bootstrap(subject: &Subject) -> Bootstrap {
    let anywhere = subject.anywhere();
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
pub(crate) fn calling(subject: &Subject, proxy: SocketAddr, urls: &[&str]) -> Bootstrap {
    Bootstrap {
        proxy: Some(proxy),
        calls: urls.iter().map(|url| get(url)).collect(),
        ..bootstrap(subject)
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

impl Service {
    /// Starts one and waits until it listens.
    pub(crate) async fn start(subject: &Subject, bootstrap: &Bootstrap) -> Result<Self, Failure> {
        Self::start_with(subject, &serde_json::to_string(bootstrap)?).await
    }

    /// Starts one with this first line of its input, and waits until it listens.
    pub(crate) async fn start_with(subject: &Subject, first_line: &str) -> Result<Self, Failure> {
        let program = Program::start(subject, first_line).await?;
        let records = program.records_when(|records| !records.is_empty()).await?;
        let endpoint = |address| Endpoint {
            host: subject.host().clone(),
            address,
        };
        match &records[0] {
            Record::Listening { application, control } => Ok(Self {
                program,
                application: endpoint(*application),
                control: endpoint(*control),
            }),
            other => fail(format!("the first record is {other:?}")),
        }
    }

    /// Starts one that behaves like this.
    pub(crate) async fn behaving(subject: &Subject, behaviour: Behaviour) -> Result<Self, Failure> {
        Self::start(
            subject,
            &Bootstrap {
                behaviour,
                ..bootstrap(subject)
            },
        )
        .await
    }

    /// Its records, as soon as they satisfy `complete`.
    pub(crate) async fn records_when(
        &self,
        complete: impl Fn(&[Record]) -> bool,
    ) -> Result<Vec<Record>, Failure> {
        self.program.records_when(complete).await
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
        wire::send(&self.control, method, path, &[("authorization", &token)], body).await
    }

    /// Sends it a POST.
    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)]) -> Result<Reply, Failure> {
        wire::send(&self.application, "POST", path, headers, "").await
    }

    /// Sends it a request.
    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Result<Reply, Failure> {
        wire::send(&self.application, "GET", path, headers, "").await
    }

    /// Gives it the order to stop: the end of its standard input.
    pub(crate) fn tell_to_stop(&mut self) {
        self.program.tell_to_stop();
    }

    /// Gives it the order to stop by SIGTERM.
    pub(crate) fn terminate(&self) -> Verdict {
        self.program.terminate()
    }

    /// Kills it, as `kill -9` does.
    pub(crate) fn kill(&self) -> Verdict {
        self.program.kill()
    }

    /// Waits until it has ended, and returns how it did and all its records.
    pub(crate) async fn ended(&mut self, within: Duration) -> Result<(Ending, Vec<Record>), Failure> {
        let ended = self.program.ended(within).await?;
        Ok((ended.ending, ended.records))
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
