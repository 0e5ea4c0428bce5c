//! Whom the services call: a server, or a proxy, that writes down what it sees byte for byte and answers as it is told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hallway_host::task::TaskGuard;
use hallway_host::{Host, Listener, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Barrier, watch};
use tokio::time::{Instant, timeout};

use crate::subject::Subject;
use crate::{Failure, fail};

/// How long an event may take to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the upstream does with a request.
#[derive(Clone)]
pub(crate) enum Response {
    /// Writes these bytes and keeps the connection.
    Bytes(Vec<u8>),
    /// Writes these bytes and closes the connection.
    LastBytes(Vec<u8>),
    /// Answers 200 after a while.
    Late(Duration),
    /// Waits for the others before it answers 200.
    Together(Arc<Barrier>),
    /// Closes the connection without an answer.
    Close,
    /// Never answers, and waits until the caller leaves.
    Silence,
}

/// The answer 200 without a body.
pub(crate) const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// An answer with this status and body.
pub(crate) fn answer(status: u16, body: &str) -> Response {
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
    Response::Bytes(format!("{head}x-note: seen\r\n\r\n{body}").into_bytes())
}

/// What happened at the upstream, in order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Event {
    /// A request came.
    Arrived(Seen),
    /// The request with this target was answered.
    Answered(String),
    /// The caller left before the request with this target had its answer.
    Left(String),
}

/// A request as it came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Seen {
    /// When.
    pub(crate) at: Instant,
    /// Which connection it came on, from 1.
    pub(crate) connection: usize,
    /// The request line.
    pub(crate) line: String,
    /// The headers, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Seen {
    /// The target of the request line.
    pub(crate) fn target(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }

    /// The values of a header.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(each, _)| each == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }
}

type Events = Arc<watch::Sender<Vec<Event>>>;

/// A running upstream. Dropping it stops it.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    events: Events,
    _accepting: TaskGuard,
}

impl Upstream {
    /// Starts one beside `subject` that responds to each request as `respond` says.
    pub(crate) async fn start(
        subject: &Subject,
        respond: impl Fn(&Seen) -> Response + Send + Sync + 'static,
    ) -> Result<Self, Failure> {
        let host = subject.host();
        let listener = host.listen(subject.beside()).await?;
        let address = listener.local_address()?;
        let events = Events::default();
        let accepting = host.spawn(accept(host.clone(), listener, Arc::new(respond), events.clone()));
        Ok(Self {
            address,
            events,
            _accepting: accepting.abort_on_drop(),
        })
    }

    /// What has happened, as soon as it satisfies `complete`.
    pub(crate) async fn events_when(
        &self,
        complete: impl Fn(&[Event]) -> bool,
    ) -> Result<Vec<Event>, Failure> {
        let mut events = self.events.subscribe();
        match timeout(PATIENCE, events.wait_for(|events| complete(events))).await {
            Ok(events) => Ok(events?.clone()),
            Err(_) => fail(format!("the upstream saw only {:?}", self.events.borrow())),
        }
    }

    /// What it has seen so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        let seen = |event: &Event| match event {
            Event::Arrived(seen) => Some(seen.clone()),
            _ => None,
        };
        self.events.borrow().iter().filter_map(seen).collect()
    }
}

type Respond = dyn Fn(&Seen) -> Response + Send + Sync;

async fn accept(host: Host, mut listener: Listener, respond: Arc<Respond>, events: Events) {
    for number in 1.. {
        let (stream, _) = listener.accept().await;
        let (respond, events) = (respond.clone(), events.clone());
        host.spawn(async move {
            // A caller that breaks off is what some clauses are about; the events tell.
            let _ = serve(stream, number, &*respond, &events).await;
        });
    }
}

async fn serve(
    mut stream: Stream,
    connection: usize,
    respond: &Respond,
    events: &Events,
) -> Result<(), Failure> {
    while let Some(seen) = read_request(&mut stream, connection).await? {
        let target = seen.target().to_owned();
        let response = respond(&seen);
        events.send_modify(|events| events.push(Event::Arrived(seen)));
        let (bytes, is_last) = match response {
            Response::Bytes(bytes) => (bytes, false),
            Response::LastBytes(bytes) => (bytes, true),
            Response::Late(after) => {
                tokio::time::sleep(after).await;
                (OK.to_vec(), false)
            }
            Response::Together(barrier) => {
                barrier.wait().await;
                (OK.to_vec(), false)
            }
            Response::Close => return Ok(()),
            Response::Silence => {
                let _ = stream.read(&mut [0; 1]).await;
                events.send_modify(|events| events.push(Event::Left(target)));
                return Ok(());
            }
        };
        // Told before it is done: what the caller does next must not come first.
        events.send_modify(|events| events.push(Event::Answered(target)));
        stream.write_all(&bytes).await?;
        if is_last {
            return Ok(());
        }
    }
    Ok(())
}

/// Reads one request with a body of a stated length; nothing at the end of the stream.
async fn read_request(stream: &mut Stream, connection: usize) -> Result<Option<Seen>, Failure> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => bytes.push(byte),
            Err(_) => return Ok(None),
        }
    }
    let head = String::from_utf8(bytes)?;
    let mut lines = head.trim_end().split("\r\n");
    let line = lines.next().unwrap_or_default().to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(Ok(0), |(_, length)| length.parse())?];
    stream.read_exact(&mut body).await?;
    Ok(Some(Seen {
        at: Instant::now(),
        connection,
        line,
        headers,
        body: String::from_utf8(body)?,
    }))
}
