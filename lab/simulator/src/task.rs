//! A task of a process, which stops when the process is paused and ends when it dies.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hallway_host::host::BoxFuture;

use crate::life::{Life, Status};
use crate::watchdog::Fatal;

/// The work of a task, under the rule of its process.
pub(crate) struct Governed {
    life: Arc<Life>,
    number: u64,
    known: bool,
    work: Option<BoxFuture<()>>,
}

impl Governed {
    pub(crate) fn new(life: Arc<Life>, number: u64, work: BoxFuture<()>) -> Self {
        Self {
            life,
            number,
            known: false,
            work: Some(work),
        }
    }
}

impl Future for Governed {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if !self.known {
            self.known = true;
            self.life.remember(self.number, context.waker().clone());
        }
        match self.life.status() {
            Status::Running => {}
            Status::Paused => return Poll::Pending,
            Status::Dead => {
                self.work = None;
                return Poll::Ready(());
            }
        }
        self.life.count_poll();
        let Some(work) = self.work.as_mut() else {
            return Poll::Ready(());
        };
        // tokio would keep the panic in the task's handle, where nobody may look for it.
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(polled) => polled,
            Err(payload) => {
                self.life.shared.watchdog.fail(Fatal::Panic(payload));
                Poll::Ready(())
            }
        }
    }
}

impl Drop for Governed {
    fn drop(&mut self) {
        self.life.forget(self.number);
    }
}
