//! Work in the background.

use std::future::Future;

use tokio::task::{AbortHandle, JoinHandle};

/// A handle on spawned work. Dropping it lets the work go on; see [`Task::abort_on_drop`].
#[derive(Debug)]
pub struct Task {
    handle: JoinHandle<()>,
}

impl Task {
    /// Runs `task` on the tokio runtime of the caller. For the implementors of [`crate::Ground`]; programs use
    /// [`crate::Host::spawn`].
    pub fn start(task: impl Future<Output = ()> + Send + 'static) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the place that the rest of the code asks"
        )]
        Self {
            handle: tokio::spawn(task),
        }
    }

    /// Stops the work at its next await point.
    pub fn abort(&self) {
        self.handle.abort();
    }

    /// Waits until the work has ended, by itself or by an abort.
    ///
    /// # Panics
    /// With the panic of the work, so that a bug in a background task is not lost.
    pub async fn join(self) {
        if let Err(error) = self.handle.await
            && error.is_panic()
        {
            std::panic::resume_unwind(error.into_panic());
        }
    }

    /// A guard that stops the work when it is dropped.
    pub fn abort_on_drop(self) -> TaskGuard {
        TaskGuard {
            handle: self.handle.abort_handle(),
        }
    }
}

/// Stops a task when dropped.
#[derive(Debug)]
pub struct TaskGuard {
    handle: AbortHandle,
}

impl Drop for TaskGuard {
    fn drop(&mut self) {
        self.handle.abort();
    }
}
