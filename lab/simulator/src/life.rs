//! One life of a process, and what its program sees of the machine during it.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::SystemTime;

use hallway_host::host::BoxFuture;
use hallway_host::{Ground, Listener, Random, Stream, Task};
use rand::Rng;

use crate::kernel::{MachineId, Owner};
use crate::process::Facts;
use crate::socket::{Port, Socket};
use crate::state::Shared;
use crate::task::Governed;
use crate::trace::Happening;

/// One life of a process, from its start to its death.
pub(crate) struct Life {
    pub(crate) shared: Arc<Shared>,
    pub(crate) facts: Arc<Facts>,
    pub(crate) incarnation: u32,
    seed: u64,
    status: AtomicU8,
    tasks: Mutex<Tasks>,
}

#[derive(Default)]
struct Tasks {
    last: u64,
    wakers: BTreeMap<u64, Waker>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Status {
    Running,
    Paused,
    Dead,
}

impl Life {
    pub(crate) fn begin(shared: &Arc<Shared>, facts: &Arc<Facts>, incarnation: u32) -> Arc<Self> {
        let process = facts.name.clone();
        shared.with(|state| state.happen(Happening::Started { process }));
        let label = format!("process {} {incarnation}", facts.name);
        Arc::new(Self {
            shared: shared.clone(),
            facts: facts.clone(),
            incarnation,
            seed: Random::derive(shared.seed, &label).next_u64(),
            status: AtomicU8::new(Status::Running as u8),
            tasks: Mutex::default(),
        })
    }

    pub(crate) fn status(&self) -> Status {
        match self.status.load(Ordering::Relaxed) {
            status if status == Status::Running as u8 => Status::Running,
            status if status == Status::Paused as u8 => Status::Paused,
            _ => Status::Dead,
        }
    }

    /// Goes from one status to another; false if it was not in the first.
    pub(crate) fn switch(&self, from: Status, to: Status) -> bool {
        self.status
            .compare_exchange(from as u8, to as u8, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    /// Declares it dead; false if it was before.
    pub(crate) fn end(&self) -> bool {
        self.status.swap(Status::Dead as u8, Ordering::Relaxed) != Status::Dead as u8
    }

    /// Lets each task find out how things stand.
    pub(crate) fn wake_all(&self) {
        let wakers: Vec<Waker> = lock(&self.tasks).wakers.values().cloned().collect();
        for waker in wakers {
            waker.wake();
        }
    }

    pub(crate) fn remember(&self, task: u64, waker: Waker) {
        lock(&self.tasks).wakers.insert(task, waker);
    }

    pub(crate) fn forget(&self, task: u64) {
        let forgotten = lock(&self.tasks).wakers.remove(&task);
        drop(forgotten);
    }

    pub(crate) fn count_poll(&self) {
        let now = self.shared.clock.now();
        self.facts.polls.add(now);
        self.shared.watchdog.poll(now);
    }

    pub(crate) fn owner(&self) -> Owner {
        Owner {
            process: self.facts.id,
            incarnation: self.incarnation,
        }
    }

    fn is_dead(&self) -> bool {
        self.status() == Status::Dead
    }

    fn kernel(&self) -> (Arc<Shared>, Owner, MachineId) {
        (self.shared.clone(), self.owner(), self.facts.machine)
    }
}

/// What a program sees of its life.
pub(crate) struct ProcessGround(pub(crate) Arc<Life>);

/// A dead program's host does nothing, and what is asked of it never comes: nobody is left to see it.
impl Ground for ProcessGround {
    fn listen(&self, address: SocketAddr) -> BoxFuture<io::Result<Listener>> {
        if self.0.is_dead() {
            return Box::pin(std::future::pending());
        }
        let (shared, owner, machine) = self.0.kernel();
        Box::pin(async move {
            let port = Port::open(shared, owner, machine, address)?;
            Ok(Listener::Virtual(Box::new(port)))
        })
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<io::Result<Stream>> {
        if self.0.is_dead() {
            return Box::pin(std::future::pending());
        }
        let (shared, owner, machine) = self.0.kernel();
        Box::pin(async move {
            let socket = Socket::connect(shared, owner, machine, address).await?;
            Ok(Stream::Virtual(Box::new(socket)))
        })
    }

    fn spawn(&self, task: BoxFuture<()>) -> Task {
        let mut tasks = lock(&self.0.tasks);
        tasks.last += 1;
        let number = tasks.last;
        drop(tasks);
        if !self.0.is_dead() {
            let process = self.0.facts.name.clone();
            self.0.shared.with(|state| {
                state.happen(Happening::Spawned {
                    process,
                    task: number,
                })
            });
        }
        self.0.shared.spawn(Governed::new(self.0.clone(), number, task))
    }

    fn wall_clock(&self) -> SystemTime {
        self.0.shared.wall_clock(self.0.facts.machine)
    }

    fn seed(&self) -> u64 {
        self.0.seed
    }

    fn record(&self, line: String) {
        if self.0.is_dead() {
            return;
        }
        for sink in lock(&self.0.facts.sinks).iter_mut() {
            sink(&line);
        }
        let process = self.0.facts.name.clone();
        self.0
            .shared
            .with(|state| state.happen(Happening::Recorded { process, line }));
    }
}

/// After a panic, which ends the simulation, what was locked is only dropped.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
