//! Everything that changes, in one place.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::time::{Duration, SystemTime};

use hallway_host::Task;
use tokio::runtime::Handle;

use crate::clock::Clock;
use crate::connection::{Connection, End, EndId, Phase, Side};
use crate::kernel::{Kernel, MachineId, Owner};
use crate::link::{Wire, Wires};
use crate::process::Inner;
use crate::queue::Queue;
use crate::simulation::Options;
use crate::task::Governed;
use crate::trace::{Happening, Name, Trace};
use crate::watchdog::{Fatal, Watchdog};

/// What all handles of one simulation share.
pub(crate) struct Shared {
    pub(crate) seed: u64,
    pub(crate) start: SystemTime,
    pub(crate) clock: Clock,
    pub(crate) watchdog: Watchdog,
    pub(crate) processes: Mutex<Vec<Arc<Inner>>>,
    /// Where tasks are spawned; nothing once the simulation is over.
    pub(crate) runtime: Mutex<Option<Handle>>,
    state: Mutex<State>,
}

/// The machines, the network between them, and what has happened so far. Programs never run while it is borrowed.
pub(crate) struct State {
    pub(crate) now: u64,
    pub(crate) kernels: Vec<Kernel>,
    pub(crate) addresses: BTreeMap<IpAddr, MachineId>,
    pub(crate) processes: Vec<Name>,
    pub(crate) connections: BTreeMap<u64, Connection>,
    pub(crate) last_connection: u64,
    pub(crate) last_listener: u64,
    pub(crate) backlog_limit: usize,
    pub(crate) wires: Wires,
    pub(crate) queue: Queue,
    pub(crate) trace: Trace,
    /// Whom to wake once the state is no longer borrowed.
    pub(crate) wakers: Vec<Waker>,
}

impl Shared {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            seed: options.seed,
            start: options.start,
            clock: Clock::new(),
            watchdog: Watchdog::new(options.polls_per_instant),
            processes: Mutex::default(),
            runtime: Mutex::default(),
            state: Mutex::new(State {
                now: 0,
                kernels: Vec::new(),
                addresses: BTreeMap::new(),
                processes: Vec::new(),
                connections: BTreeMap::new(),
                last_connection: 0,
                last_listener: 0,
                backlog_limit: options.backlog,
                wires: Wires::new(options.seed, options.link, options.local),
                queue: Queue::default(),
                trace: Trace::default(),
                wakers: Vec::new(),
            }),
        }
    }

    /// Works on the state, and then wakes those who are concerned: waking may run code of theirs, which may come back here.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        // After a panic, which ends the simulation, tasks are still dropped, and close their sockets.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.now = self.clock.now();
        let result = work(&mut state);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        for waker in wakers {
            waker.wake();
        }
        result
    }

    pub(crate) fn processes(&self) -> Vec<Arc<Inner>> {
        self.processes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Starts a task, from inside an experiment or before the first.
    pub(crate) fn spawn(&self, task: Governed) -> Task {
        let runtime = self
            .runtime
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let runtime = runtime.expect("a program outlived its simulation");
        let _context = runtime.enter();
        Task::start(task)
    }

    /// Ends the simulation if a task has found a reason to.
    pub(crate) fn raise(&self) {
        match self.watchdog.take_fatal() {
            None => {}
            Some(Fatal::Panic(payload)) => std::panic::resume_unwind(payload),
            Some(Fatal::Livelock) => panic!("{}", self.describe_livelock()),
        }
    }

    fn describe_livelock(&self) -> String {
        let now = self.clock.now();
        let mut polls: Vec<_> = self
            .processes()
            .into_iter()
            .map(|process| (process.facts.polls.at(now), process.facts.name.clone()))
            .filter(|(count, _)| *count > 0)
            .collect();
        polls.sort_by(|left, right| right.cmp(left));
        let by: Vec<_> = polls
            .iter()
            .take(5)
            .map(|(count, name)| format!("{name} ({count})"))
            .collect();
        let by = if by.is_empty() {
            "the experiment itself".to_owned()
        } else {
            by.join(", ")
        };
        format!(
            "livelock at {:?}: {} polls without any progress of the virtual clock, most of them by {by}; \
             look there for a loop that never waits",
            Duration::from_nanos(now),
            self.watchdog.polls(now),
        )
    }
}

impl State {
    pub(crate) fn happen(&mut self, happening: Happening) {
        self.trace.event(self.now, happening);
    }

    pub(crate) fn end(&mut self, id: EndId) -> Option<&mut End> {
        self.connections
            .get_mut(&id.connection)
            .map(|connection| connection.end_mut(id.side))
    }

    /// The ends that are `wanted`, in order.
    pub(crate) fn ends(&self, wanted: impl Fn(&End) -> bool) -> Vec<EndId> {
        let ids = self.connections.iter().flat_map(|(number, connection)| {
            [Side::Client, Side::Server].map(|side| {
                (
                    EndId {
                        connection: *number,
                        side,
                    },
                    connection.end(side),
                )
            })
        });
        ids.filter(|(_, end)| wanted(end)).map(|(id, _)| id).collect()
    }

    pub(crate) fn wire(&mut self, from: MachineId, to: MachineId) -> &mut Wire {
        let (from_name, to_name) = (&self.kernels[from].name, &self.kernels[to].name);
        self.wires.get((from, from_name), (to, to_name))
    }

    /// What the kernel does when a process dies: it closes everything, as if the program had.
    pub(crate) fn kill(&mut self, machine: MachineId, owner: Owner) {
        let listeners: Vec<u64> = self.kernels[machine]
            .listeners
            .values()
            .filter(|backlog| backlog.owner == owner)
            .map(|backlog| backlog.id)
            .collect();
        for listener in listeners {
            self.close_listener(machine, listener);
        }
        for end in self.ends(|end| end.owner == Some(owner)) {
            self.close(end);
        }
    }

    /// A machine vanishes, and nobody is told.
    pub(crate) fn lose(&mut self, machine: MachineId) {
        self.kernels[machine].down = true;
        self.kernels[machine].listeners.clear();
        let lost = self.ends(|end| end.machine == machine && end.phase != Phase::Absent);
        for id in lost {
            if let Some(end) = self.end(id) {
                end.phase = Phase::Gone;
                (end.reader, end.writer) = (None, None);
            }
            self.retire(id.connection);
        }
    }

    /// A machine comes back. What its peers kept on sending now arrives.
    pub(crate) fn boot(&mut self, machine: MachineId) {
        self.kernels[machine].down = false;
        let held: Vec<_> = self
            .wires
            .towards(machine)
            .filter(|wire| !wire.cut)
            .map(|wire| (std::mem::take(&mut wire.held), wire.link.latency))
            .collect();
        for (held, latency) in held {
            self.release(held, crate::link::nanoseconds(latency));
        }
    }

    /// Breaks all connections between two machines, as an impatient middlebox does: both ends get a reset.
    pub(crate) fn reset(&mut self, one: MachineId, other: MachineId) {
        let between: Vec<u64> = self
            .connections
            .iter()
            .filter(|(_, connection)| {
                let ends = (connection.client.machine, connection.server.machine);
                ends == (one, other) || ends == (other, one)
            })
            .map(|(number, _)| *number)
            .collect();
        for connection in between {
            for side in [Side::Client, Side::Server] {
                self.receive_rst(EndId { connection, side });
            }
        }
    }
}
