//! A running program: tasks, sockets and records, which live and die together.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hallway_host::Host;

use crate::kernel::MachineId;
use crate::life::{Life, ProcessGround, Status, lock};
use crate::socket::{OpenPort, Port};
use crate::state::Shared;
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
    pub(crate) id: usize,
    pub(crate) machine: MachineId,
    pub(crate) sinks: Mutex<Vec<Sink>>,
}

type Sink = Box<dyn FnMut(&str) + Send>;

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
        let mut processes = lock(&shared.processes);
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

    /// Opens a port for another process of its machine.
    ///
    /// # Errors
    /// As for [`Host::listen`].
    pub fn open(&self, address: SocketAddr) -> io::Result<OpenPort> {
        let owner = self.inner.current().owner();
        let port = Port::open(self.shared.clone(), owner, self.inner.facts.machine, address)?;
        Ok(OpenPort::new(port))
    }

    /// Takes over a port that another process of its machine has opened: the program that runs now gets it, with everybody who waits there,
    /// when it listens at that address.
    pub fn inherit(&self, port: OpenPort) {
        port.hand_over(self.inner.current().owner());
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
        if self.inner.current().switch(from, to) {
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

impl fmt::Debug for Process {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Process({})", self.name())
    }
}
