//! The records of one worker on their way out, as many at a time as there are.
//!
//! A system call for each record would cost more than the request that it is about. So they are gathered while the worker
//! has something else to do, and written before it waits again: a busy proxy writes many at once, an idle one writes
//! each at once, and a proxy that is killed loses no more than the requests of that very moment.

use std::sync::{Mutex, MutexGuard};

use hallway_host::Host;
use hallway_model::telemetry::ProxyRecord;
use tokio::sync::Notify;

/// The records that are not written yet.
pub(crate) struct Journal {
    host: Host,
    lines: Mutex<Vec<u8>>,
    more: Notify,
}

/// So many bytes are not held back.
const LIMIT: usize = 256 * 1024;

impl Journal {
    pub(crate) fn new(host: Host) -> Self {
        Self {
            host,
            lines: Mutex::default(),
            more: Notify::new(),
        }
    }

    /// Leaves a record.
    pub(crate) fn record(&self, record: &ProxyRecord) {
        let mut lines = self.lock();
        serde_json::to_writer(&mut *lines, record).expect("records are plain data with string keys");
        lines.push(b'\n');
        if lines.len() >= LIMIT {
            self.write(lines);
        } else {
            self.more.notify_one();
        }
    }

    /// Writes records, for ever.
    pub(crate) async fn keep_written(&self) {
        loop {
            self.more.notified().await;
            self.write_now();
        }
    }

    /// Writes what is there.
    pub(crate) fn write_now(&self) {
        self.write(self.lock());
    }

    fn write(&self, mut lines: MutexGuard<'_, Vec<u8>>) {
        let written = std::mem::take(&mut *lines);
        drop(lines);
        if !written.is_empty() {
            self.host.record_lines(&written);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.lines.lock().expect("writing JSON does not panic")
    }
}
