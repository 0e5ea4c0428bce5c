//! Who is tried, and where: an implementation on a ground.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;

use hallway_host::{Host, Listener};
use hallway_simulator::{Machine, Simulation};

use crate::Failure;
use crate::implementation::Implementation;

/// Where services and suite meet on one real machine.
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// An implementation on a ground, with the suite beside it.
pub(crate) struct Subject {
    pub(crate) implementation: Implementation,
    ground: Ground,
    /// The machine of the suite: its clients and its upstreams.
    host: Host,
}

/// Where services run.
enum Ground {
    /// As processes of this machine, with real sockets.
    Real,
    /// As tasks on a machine of a simulation; the suite has another one.
    Simulated(Site),
}

/// The place of the services in a simulation.
pub(crate) struct Site {
    machine: Machine,
    /// How many programs were started there.
    started: Cell<usize>,
    pub(crate) unasked: Unasked,
    /// The address of the suite's machine.
    suite: IpAddr,
}

/// What belongs to a process of an operating system, so that no simulated program can be asked for it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum OfProcesses {
    /// A first line that is read from standard input.
    StandardInput,
    /// A program whose environment would send its calls elsewhere.
    Environment,
    /// SIGTERM as the order to stop.
    Sigterm,
    /// The number that a program leaves behind.
    ExitCode,
}

/// What could not be asked.
pub(crate) type Unasked = Rc<RefCell<BTreeSet<OfProcesses>>>;

impl Subject {
    /// On real sockets.
    pub(crate) fn real(implementation: Implementation) -> Self {
        Self {
            implementation,
            ground: Ground::Real,
            host: Host::real_unseeded(),
        }
    }

    /// The Rust service on a machine of `simulation`, and the suite on another one.
    pub(crate) fn simulated(simulation: &Simulation) -> Self {
        let suite = simulation.machine("suite");
        Self {
            implementation: Implementation::RUST,
            host: suite.process("suite").host(),
            ground: Ground::Simulated(Site {
                machine: simulation.machine("service"),
                started: Cell::new(0),
                unasked: Unasked::default(),
                suite: suite.address(),
            }),
        }
    }

    /// The machine of the suite.
    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    /// A free port of the suite's machine, which the services can reach.
    pub(crate) fn beside(&self) -> SocketAddr {
        let address = self.site().map_or(LOOPBACK, |site| site.suite);
        SocketAddr::new(address, 0)
    }

    /// A free port of the services' machine, which the suite can reach.
    pub(crate) fn anywhere(&self) -> SocketAddr {
        let address = self.site().map_or(LOOPBACK, |site| site.machine.address());
        SocketAddr::new(address, 0)
    }

    /// A port of the services' machine that is taken for as long as the listener lives.
    pub(crate) async fn taken_port(&self) -> Result<Listener, Failure> {
        let host = self.site().map_or_else(
            || self.host.clone(),
            |site| site.machine.process("another").host(),
        );
        Ok(host.listen(self.anywhere()).await?)
    }

    /// Where the services run, when that is in a simulation.
    pub(crate) fn site(&self) -> Option<&Site> {
        match &self.ground {
            Ground::Real => None,
            Ground::Simulated(site) => Some(site),
        }
    }

    /// Notes that a clause is about this too: who is simulated was not asked for it.
    pub(crate) fn concerns(&self, part: OfProcesses) {
        if let Some(site) = self.site() {
            site.unasked.borrow_mut().insert(part);
        }
    }

    /// What could not be asked so far.
    pub(crate) fn unasked(&self) -> BTreeSet<OfProcesses> {
        self.site()
            .map(|site| site.unasked.borrow().clone())
            .unwrap_or_default()
    }
}

impl Site {
    /// A process in which nothing runs yet.
    pub(crate) fn process(&self) -> hallway_simulator::Process {
        let number = self.started.get() + 1;
        self.started.set(number);
        self.machine.process(&format!("service-{number}"))
    }
}

impl fmt::Display for OfProcesses {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::StandardInput => "standard input",
            Self::Environment => "the environment",
            Self::Sigterm => "SIGTERM",
            Self::ExitCode => "exit codes",
        })
    }
}
