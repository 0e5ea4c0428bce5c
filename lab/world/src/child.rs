//! Child processes: a bootstrap on standard input, records on standard output, and the end of standard input as the
//! order to stop. So a child also stops when the lab dies, however it dies.

mod supervise;

use std::time::Duration;

use hallway_host::Host;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::process::Command;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::error::WorldError;
use crate::incidents::Incidents;
pub(crate) use supervise::Exit;
use supervise::{Commands, Process};

/// How long a child may take until it is ready: a Python interpreter on a busy machine needs seconds.
pub(crate) const READY_WITHIN: Duration = Duration::from_secs(30);

/// Starts children and sees them to their end.
pub(crate) struct Supervisor {
    host: Host,
    incidents: Incidents,
    grace: Duration,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// A running program, a child process or a simulated one. Dropping it orders it to stop.
pub(crate) struct Child<R> {
    who: String,
    /// The number of its process; none when it is simulated.
    process: Option<u32>,
    records: mpsc::UnboundedReceiver<R>,
    /// Records that came before the child was ready.
    early: Vec<R>,
    exit: oneshot::Receiver<Exit>,
    orders: mpsc::UnboundedSender<Order>,
    stop: DropGuard,
}

/// What befalls a program on purpose, and is no incident.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Order {
    /// It dies at once, without being asked (SIGKILL).
    Crash,
    /// It does nothing until it is resumed (SIGSTOP).
    Pause,
    /// It goes on (SIGCONT).
    Resume,
}

/// What whoever runs a program tells its [`Child`], and hears of it.
pub(crate) struct Running<R> {
    /// What the program records. Closed when it has ended, before `exit` is told.
    pub(crate) records: mpsc::UnboundedSender<R>,
    /// How it ended.
    pub(crate) exit: oneshot::Sender<Exit>,
    /// What is to befall it, in order.
    pub(crate) orders: mpsc::UnboundedReceiver<Order>,
    /// The order to stop. Who is paused is resumed first, and could not hear it otherwise.
    pub(crate) stop: CancellationToken,
}

impl Supervisor {
    /// `grace` is how long a child may take from the order to stop until it has ended; then it is killed.
    pub(crate) fn new(host: Host, incidents: Incidents, grace: Duration) -> Self {
        Self {
            host,
            incidents,
            grace,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// Starts `command`, hands it `bootstrap`, and reads its records of type `R`.
    ///
    /// # Errors
    /// [`WorldError::Spawn`].
    pub(crate) fn spawn<R: DeserializeOwned + Send + 'static>(
        &self,
        who: &str,
        command: Command,
        bootstrap: &impl Serialize,
    ) -> Result<Child<R>, WorldError> {
        let program = command.as_std().get_program().into();
        let process = Process::start(command).map_err(|source| WorldError::Spawn {
            who: who.to_owned(),
            program,
            source,
        })?;
        let bootstrap = serde_json::to_string(bootstrap).expect("a bootstrap is plain data") + "\n";
        let (mut child, running) = Child::new(who, self.stop.child_token());
        child.process = process.id();
        let (name, incidents, grace) = (who.to_owned(), self.incidents.clone(), self.grace);
        let supervise = async move {
            let report = |what: String| incidents.report(name.as_str(), what);
            let Running {
                records,
                exit,
                orders,
                stop,
            } = running;
            let commands = Commands {
                bootstrap,
                orders,
                stop,
                grace,
            };
            let ended = process.supervise(commands, records, &report).await;
            // Nobody may be left to ask how it ended.
            let _ = exit.send(ended);
        };
        self.host.spawn(self.tasks.track_future(supervise));
        Ok(child)
    }

    /// Orders all children to stop, and returns when the last one has ended.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl<R> Child<R> {
    /// A child, and what whoever runs it needs. `stop` is the order to it.
    pub(crate) fn new(who: &str, stop: CancellationToken) -> (Self, Running<R>) {
        let (record_sender, records) = mpsc::unbounded_channel();
        let (exit_sender, exit) = oneshot::channel();
        let (orders, received) = mpsc::unbounded_channel();
        let running = Running {
            records: record_sender,
            exit: exit_sender,
            orders: received,
            stop: stop.clone(),
        };
        let child = Self {
            who: who.to_owned(),
            process: None,
            records,
            early: Vec::new(),
            exit,
            orders,
            stop: stop.drop_guard(),
        };
        (child, running)
    }

    /// The number of its process, as long as it is one.
    pub(crate) fn process(&self) -> Option<u32> {
        self.process
    }

    /// Waits for the record that `is_ready` takes something out of.
    ///
    /// # Errors
    /// [`WorldError::Died`] when the child ends before, [`WorldError::NotReady`] when it takes too long.
    pub(crate) async fn ready<T>(&mut self, is_ready: impl Fn(&R) -> Option<T>) -> Result<T, WorldError> {
        self.record("its record `listening`", is_ready).await
    }

    /// Waits for the next record in which `pick` finds something. Each is looked at once, by whoever waits when it comes.
    ///
    /// # Errors
    /// As for [`Child::ready`].
    pub(crate) async fn record<T>(
        &mut self,
        waiting_for: &str,
        pick: impl FnMut(&R) -> Option<T>,
    ) -> Result<T, WorldError> {
        match tokio::time::timeout(READY_WITHIN, self.first(pick)).await {
            Ok(Some(found)) => Ok(found),
            Ok(None) => Err(self.died().await),
            Err(_) => Err(WorldError::NotReady {
                who: self.who.clone(),
                seconds: READY_WITHIN.as_secs(),
                waiting_for: waiting_for.to_owned(),
            }),
        }
    }

    /// Forgets what it recorded, and whatever it is going to.
    pub(crate) fn ignore_records(&mut self) {
        self.early.clear();
        self.records.close();
        while self.records.try_recv().is_ok() {}
    }

    /// Orders the child to stop, waits until it has ended, and returns all that it recorded.
    pub(crate) async fn stop(self) -> Vec<R> {
        let Self {
            records,
            early,
            exit,
            stop,
            ..
        } = self;
        drop(stop);
        last_records(records, early, exit).await
    }

    /// Kills the child, waits until it is dead, and returns all that it recorded.
    pub(crate) async fn crash(self) -> Vec<R> {
        self.order(Order::Crash);
        let Self {
            records,
            early,
            exit,
            stop: _running_until_then,
            ..
        } = self;
        last_records(records, early, exit).await
    }

    /// Lets it do nothing at all until [`Child::resume`].
    pub(crate) fn pause(&self) {
        self.order(Order::Pause);
    }

    /// Lets it go on after [`Child::pause`].
    pub(crate) fn resume(&self) {
        self.order(Order::Resume);
    }

    fn order(&self, order: Order) {
        // It may have ended, which is an incident already.
        let _ = self.orders.send(order);
    }

    async fn first<T>(&mut self, mut pick: impl FnMut(&R) -> Option<T>) -> Option<T> {
        while let Some(record) = self.records.recv().await {
            let found = pick(&record);
            self.early.push(record);
            if found.is_some() {
                return found;
            }
        }
        None
    }

    async fn died(&mut self) -> WorldError {
        let exit = (&mut self.exit)
            .await
            .expect("whoever closes the records says next how it ended");
        WorldError::Died {
            who: self.who.clone(),
            status: exit.status,
            said: exit.said,
        }
    }
}

async fn last_records<R>(
    mut records: mpsc::UnboundedReceiver<R>,
    mut early: Vec<R>,
    exit: oneshot::Receiver<Exit>,
) -> Vec<R> {
    while let Some(record) = records.recv().await {
        early.push(record);
    }
    // Only then is it known whether it ended as it should.
    let _ = exit.await;
    early
}

#[cfg(test)]
mod tests;
