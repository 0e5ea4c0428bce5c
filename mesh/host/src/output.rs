//! Where a real program leaves its records.

use std::io::Write;
use std::sync::{Arc, Mutex};

/// A sink for records, one line each.
///
/// A line is written before [`Output::write`] returns, in one system call: what a service has recorded is not lost when
/// it is killed a moment later.
#[derive(Clone)]
pub struct Output {
    sink: Option<Arc<Mutex<dyn Write + Send>>>,
}

impl Output {
    /// Standard output.
    pub fn standard() -> Self {
        Self::to(std::io::stdout())
    }

    /// Any writer.
    pub fn to(writer: impl Write + Send + 'static) -> Self {
        Self {
            sink: Some(Arc::new(Mutex::new(writer))),
        }
    }

    /// Nowhere.
    pub fn discard() -> Self {
        Self { sink: None }
    }

    /// Writes whole lines. A reader that has gone away is no reason to stop serving, so a failed write is dropped.
    pub(crate) fn write(&self, lines: &[u8]) {
        let Some(sink) = &self.sink else { return };
        let mut sink = sink
            .lock()
            .expect("a writer does not panic while it holds the lock");
        let _ = sink.write_all(lines).and_then(|()| sink.flush());
    }
}
