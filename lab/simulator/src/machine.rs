//! A machine: an address, a kernel and a wall clock, on which processes run.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::kernel::MachineId;
use crate::process::Process;
use crate::state::Shared;
use crate::trace::{Happening, Name};

/// A machine. Its processes share its address, and reach each other over its loopback addresses too (`127.0.0.0/8` and `::1`, which are
/// different ones on every machine). Cheap to clone.
#[derive(Clone)]
pub struct Machine {
    shared: Arc<Shared>,
    pub(crate) id: MachineId,
    name: Name,
    address: IpAddr,
}

/// How a wall clock differs from the time that has passed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Skew {
    /// It shows a later time.
    Ahead(Duration),
    /// It shows an earlier time.
    Behind(Duration),
}

impl Default for Skew {
    fn default() -> Self {
        Self::Ahead(Duration::ZERO)
    }
}

impl Machine {
    pub(crate) fn new(shared: Arc<Shared>, id: MachineId, name: Name, address: IpAddr) -> Self {
        Self {
            shared,
            id,
            name,
            address,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address on the network: `10.0.0.1` for the first machine, and so on.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// The process of that name on this machine, started when it is first asked for.
    ///
    /// # Panics
    /// When the process does not exist yet and the machine is down.
    pub fn process(&self, name: &str) -> Process {
        let full_name: Name = format!("{}/{name}", self.name).into();
        let existing = self
            .shared
            .processes()
            .into_iter()
            .find(|process| process.facts.name == full_name);
        match existing {
            Some(inner) => Process::existing(self.shared.clone(), inner),
            None => {
                assert!(
                    self.is_up(),
                    "{full_name} cannot start: its machine is down; boot it first"
                );
                Process::start(self.shared.clone(), self.id, full_name)
            }
        }
    }

    /// Sets its wall clock. Monotonic time is the same on all machines.
    pub fn set_clock(&self, skew: Skew) {
        self.shared.with(|state| state.kernels[self.id].skew = skew);
    }

    /// Its time of day.
    pub fn wall_clock(&self) -> SystemTime {
        self.shared.wall_clock(self.id)
    }

    /// Pulls the plug: its processes die with their sockets, and nobody is told. What is sent to it stays unanswered, until it is
    /// up again or the sender gives up. Compare [`Process::kill`], after which the kernel says goodbye.
    pub fn lose(&self) {
        if !self.is_up() {
            return;
        }
        let processes = self.shared.processes();
        let ours = processes
            .iter()
            .filter(|process| process.facts.machine == self.id);
        let lives: Vec<_> = ours.map(|process| process.current()).collect();
        for life in &lives {
            life.end();
        }
        let machine = self.name.clone();
        self.shared.with(|state| {
            state.happen(Happening::Lost { machine });
            state.lose(self.id);
        });
        for life in lives {
            life.wake_all();
        }
    }

    /// Boots it, with no process running: restart those that should. Who still sends to its former connections gets a reset.
    pub fn boot(&self) {
        if !self.is_up() {
            let machine = self.name.clone();
            self.shared.with(|state| {
                state.happen(Happening::Booted { machine });
                state.boot(self.id);
            });
        }
    }

    /// Whether it is up.
    pub fn is_up(&self) -> bool {
        self.shared.with(|state| !state.kernels[self.id].down)
    }
}

impl Shared {
    pub(crate) fn wall_clock(&self, machine: MachineId) -> SystemTime {
        let now = self.start + Duration::from_nanos(self.clock.now());
        match self.with(|state| state.kernels[machine].skew) {
            Skew::Ahead(skew) => now + skew,
            Skew::Behind(skew) => now - skew,
        }
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Machine({} at {})", self.name, self.address)
    }
}
