//! A running program: tasks, sockets and records, which live and die together.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::time::SystemTime;

use hallway_host::host::BoxFuture;
use hallway_host::{Ground, Host, Listener, Random, Stream, Task};
use rand::Rng;

use crate::kernel::{MachineId, Owner};
use crate::socket::{Port, Socket};
use crate::state::Shared;
use crate::task::Governed;
use crate::trace::{Happening, Name};
use crate::watchdog::Polls;

/// A program's place on a machine. It can die and start again, under the same name. Cheap to clone.
///
/// A panic in one of its tasks ends the whole simulation: it is a bug, and must not pass for a fault that was to be simulated.
#[derive(Clone)]
pub struct Process {
    shared: Arc<Shared>,
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) facts: Arc<Facts>,
    current: Mutex<Arc<Life>>,
}

/// What outlasts a process's death.
pub(crate) struct Facts {
    pub(crate) name: Name,
    pub(crate) polls: Polls,
    id: usize,
    pub(crate) machine: MachineId,
    sinks: Mutex<Vec<Sink>>,
}

type Sink = Box<dyn FnMut(&str) + Send>;

/// One life of a process, from its start to its death.
pub(crate) struct Life {
    pub(crate) shared: Arc<Shared>,
    facts: Arc<Facts>,
    incarnation: u32,
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

impl Process {
    pub(crate) fn start(shared: Arc<Shared>, machine: MachineId, name: Name) -> Self {
        let id = shared.with(|state| {
            state.processes.push(name.clone());
            state.processes.len() - 1
        });
        let facts = Arc::new(Facts {
            name,
            polls: Polls::default(),
            id,
            machine,
            sinks: Mutex::default(),
        });
        let current = Mutex::new(Life::begin(&shared, &facts, 0));
        let inner = Arc::new(Inner { facts, current });
        let mut processes = shared.processes.lock().unwrap_or_else(PoisonError::into_inner);
        processes.push(inner.clone());
        drop(processes);
        Self { shared, inner }
    }

    pub(crate) fn existing(shared: Arc<Shared>, inner: Arc<Inner>) -> Self {
        Self { shared, inner }
    }

    /// Its full name: the machine's, a slash, and its own.
    pub fn name(&self) -> &str {
        &self.inner.facts.name
    }

    /// What the program that runs now gets from its machine. After [`Process::restart`] it is another one, and this one is dead:
    /// it connects to nothing, records nothing, and its tasks are gone.
    pub fn host(&self) -> Host {
        Host::Virtual(Arc::new(ProcessGround(self.inner.current())))
    }

    /// Hands each record of this process, in this life and all that follow, to `sink`. The sink must not call into the simulation.
    pub fn on_record(&self, sink: impl FnMut(&str) + Send + 'static) {
        lock(&self.inner.facts.sinks).push(Box::new(sink));
    }

    /// Kills it, as SIGKILL does: its tasks end where they are, and the kernel closes its sockets, with resets where data was unread.
    pub fn kill(&self) {
        let life = self.inner.current();
        if life.end() {
            let process = life.facts.name.clone();
            self.shared.with(|state| {
                state.happen(Happening::Killed { process });
                state.kill(life.facts.machine, life.owner());
            });
            life.wake_all();
        }
    }

    /// Starts it again, after killing it if it still runs. Its addresses are free at once. The program is to be spawned anew, on
    /// the new [`Process::host`]; its random streams differ from those of its former lives, so that it does not repeat the ids that it made.
    ///
    /// # Panics
    /// When its machine is down.
    pub fn restart(&self) {
        self.kill();
        let machine = self.inner.facts.machine;
        assert!(
            !self.shared.with(|state| state.kernels[machine].down),
            "{} cannot start: its machine is down; boot it first",
            self.name()
        );
        let incarnation = self.inner.current().incarnation + 1;
        *lock(&self.inner.current) = Life::begin(&self.shared, &self.inner.facts, incarnation);
    }

    /// Stops running its tasks, as SIGSTOP does. Its kernel still accepts connections and buffers what arrives.
    pub fn pause(&self) {
        self.switch(Status::Running, Status::Paused, |process| Happening::Paused {
            process,
        });
    }

    /// Runs its tasks again, as SIGCONT does.
    pub fn resume(&self) {
        self.switch(Status::Paused, Status::Running, |process| Happening::Resumed {
            process,
        });
        self.inner.current().wake_all();
    }

    fn switch(&self, from: Status, to: Status, happening: impl FnOnce(Name) -> Happening) {
        let changed = self.inner.current().status.compare_exchange(
            from as u8,
            to as u8,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        if changed.is_ok() {
            let happening = happening(self.inner.facts.name.clone());
            self.shared.with(|state| state.happen(happening));
        }
    }
}

impl Inner {
    pub(crate) fn current(&self) -> Arc<Life> {
        lock(&self.current).clone()
    }
}

impl Facts {
    /// Lets go of everything that belongs to the experiment.
    pub(crate) fn clear(&self) {
        lock(&self.sinks).clear();
    }
}

impl Life {
    fn begin(shared: &Arc<Shared>, facts: &Arc<Facts>, incarnation: u32) -> Arc<Self> {
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

    fn owner(&self) -> Owner {
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
struct ProcessGround(Arc<Life>);

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

impl fmt::Debug for Process {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Process({})", self.name())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
