//! The records that a proxy leaves behind, as they come.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use hallway_host::Output;
use hallway_model::telemetry::{Access, Connection, Direction, ProxyRecord, Refusal, Span};
use tokio::sync::watch;

use super::soon;

/// All records so far.
#[derive(Clone)]
pub(crate) struct Records(Arc<watch::Sender<Vec<ProxyRecord>>>);

struct Lines {
    records: Records,
    line: Mutex<Vec<u8>>,
}

impl Records {
    pub(crate) fn new() -> (Self, Output) {
        let records = Self(Arc::new(watch::Sender::new(Vec::new())));
        let lines = Lines {
            records: records.clone(),
            line: Mutex::default(),
        };
        (records, Output::to(lines))
    }

    /// Waits for the first record in which `pick` finds something.
    pub(crate) async fn first<T>(&self, what: &str, pick: impl Fn(&ProxyRecord) -> Option<T>) -> T {
        let mut seen = self.0.subscribe();
        soon(what, async move {
            loop {
                if let Some(found) = seen.borrow_and_update().iter().find_map(&pick) {
                    return found;
                }
                seen.changed()
                    .await
                    .expect("the sender lives as long as the records");
            }
        })
        .await
    }

    /// What `pick` finds in the records so far.
    pub(crate) fn all<T>(&self, pick: impl Fn(&ProxyRecord) -> Option<T>) -> Vec<T> {
        self.0.borrow().iter().filter_map(pick).collect()
    }

    /// Waits for the access record of a path.
    pub(crate) async fn access(&self, direction: Direction, path: &str) -> Access {
        self.first(
            &format!("the {direction:?} access record of {path}"),
            |record| match record {
                ProxyRecord::Access(access) if access.direction == direction && access.path == path => {
                    Some(access.as_ref().clone())
                }
                _ => None,
            },
        )
        .await
    }

    /// The spans of a request, in the order in which they ended.
    pub(crate) fn spans(&self, request_id: &str) -> Vec<Span> {
        self.all(|record| match record {
            ProxyRecord::Span(span) if span.request_id == request_id => Some(span.as_ref().clone()),
            _ => None,
        })
    }

    pub(crate) async fn refusal(&self) -> Refusal {
        self.first("a refusal", |record| match record {
            ProxyRecord::Refusal(refusal) => Some(refusal.clone()),
            _ => None,
        })
        .await
    }

    pub(crate) fn connections(&self) -> Vec<Connection> {
        self.all(|record| match record {
            ProxyRecord::Connection(connection) => Some(connection.clone()),
            _ => None,
        })
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut line = self.line.lock().expect("parsing does not panic here");
        for byte in bytes {
            if *byte == b'\n' {
                let record = serde_json::from_slice(&line).expect("a record is a line of JSON");
                self.records.0.send_modify(|records| records.push(record));
                line.clear();
            } else {
                line.push(*byte);
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
