//! Who sends requests, and believes no answer that it has not checked.

mod closed;

use std::net::SocketAddr;
use std::time::Duration;

use hallway_host::Host;
use serde::{Deserialize, Serialize};

use crate::http1::{Answer, Connection, MessageError};

/// What to send, and how.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Load {
    pub(crate) request: Request,
    pub(crate) manner: Manner,
}

/// What to send, and what must come back.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Request {
    /// Where to connect to.
    pub(crate) target: SocketAddr,
    /// The service that is called.
    pub(crate) authority: String,
    pub(crate) path: String,
    /// The bytes of the answer.
    pub(crate) answer: usize,
}

/// How to send it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Manner {
    /// Over so many connections at once, each time as soon as the last answer is there.
    Closed {
        connections: usize,
        warm_up: Duration,
        duration: Duration,
    },
}

/// What the load generator tells.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Told {
    /// The time that counts begins.
    Begin,
    /// It is over.
    Closed { requests: u64, elapsed: Duration },
}

pub(super) async fn run(host: Host, load: Load) -> Result<(), String> {
    match load.manner {
        Manner::Closed {
            connections,
            warm_up,
            duration,
        } => closed::run(&host, &load.request, connections, warm_up, duration).await,
    }
}

/// Sends one request over a connection of its own.
///
/// # Errors
/// In one sentence, what went wrong.
pub(crate) async fn probe(host: &Host, request: &Request) -> Result<(), String> {
    let mut connection = connect(host, request.target).await?;
    exchange(&mut connection, &request.message(), request.answer).await
}

async fn connect(host: &Host, target: SocketAddr) -> Result<Connection, String> {
    let stream = host.connect(target).await;
    Ok(Connection::new(stream.map_err(|error| {
        format!("cannot connect to {target}: {error}")
    })?))
}

async fn exchange(connection: &mut Connection, message: &[u8], expected: usize) -> Result<(), String> {
    let exchanged: Result<Answer, MessageError> = async {
        connection.send(message).await?;
        connection.answer().await
    }
    .await;
    match exchanged {
        Ok(Answer { status: 200, length }) if length == expected => Ok(()),
        Ok(Answer { status, length }) => Err(format!(
            "an answer was {status} with {length} bytes instead of 200 with {expected}"
        )),
        Err(error) => Err(error.to_string()),
    }
}

impl Request {
    fn message(&self) -> Vec<u8> {
        format!(
            "GET {} HTTP/1.1\r\nhost: {}\r\naccept: application/json\r\nuser-agent: hallway-bench\r\n\r\n",
            self.path, self.authority
        )
        .into_bytes()
    }
}
