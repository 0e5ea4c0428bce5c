//! Work on a thread of its own.

use std::future::Future;
use std::io;
use std::thread::{Builder, JoinHandle};

/// A thread that runs one piece of work. Dropping this lets it go on.
#[derive(Debug)]
pub struct Thread(JoinHandle<()>);

impl Thread {
    pub(crate) fn start<Work>(name: &str, work: impl FnOnce() -> Work + Send + 'static) -> io::Result<Self>
    where
        Work: Future<Output = ()>,
    {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Builder::new()
            .name(name.to_owned())
            .spawn(move || runtime.block_on(async { work().await }))
            .map(Self)
    }

    /// Waits for its end. Only for a thread that is about to end: it blocks.
    ///
    /// # Panics
    /// With the panic of the work, so that a bug there is not lost.
    pub fn join(self) {
        if let Err(panic) = self.0.join() {
            std::panic::resume_unwind(panic);
        }
    }
}
