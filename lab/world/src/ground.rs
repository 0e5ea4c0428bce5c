//! What a mesh is started on: real processes, or simulated machines. The start sequence, the traffic and the evidence are the
//! same on both; here is what differs.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use hallway_host::Host;
use hallway_model::bootstrap::{ControlBootstrap, ProxyBootstrap};
use hallway_model::telemetry::{ControlRecord, ProxyRecord};
use hallway_service::contract::{Bootstrap, Record};

use crate::child::Child;
use crate::error::WorldError;
use crate::outbound_socket::{OUTBOUND, OpenSocket, TakenPort};
use crate::plan::Workload;
use crate::processes::Processes;
use crate::simulated::Machines;

/// What a mesh is started on.
pub(crate) enum Ground {
    /// Every program is a process of this machine, and the lab is its parent.
    Processes(Processes),
    /// Every workload has a machine of its own in one simulation, and so has the control plane.
    Simulated(Machines),
}

impl Ground {
    /// What it is called in the evidence.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Processes(_) => "processes",
            Self::Simulated(_) => "simulated",
        }
    }

    /// The lab's own machine.
    pub(crate) fn lab(&self) -> &Host {
        match self {
            Self::Processes(processes) => processes.host(),
            Self::Simulated(machines) => machines.lab(),
        }
    }

    /// Somebody on the machine of that name, who reaches the loopback addresses of its programs: the load generator beside a sidecar, and the
    /// operator who scrapes it.
    pub(crate) fn beside(&self, machine: &str) -> Host {
        match self {
            Self::Processes(processes) => processes.host().clone(),
            Self::Simulated(machines) => machines.beside(machine),
        }
    }

    /// The address at which the programs of the machine of that name are reached by others.
    pub(crate) fn address(&self, machine: &str) -> IpAddr {
        match self {
            Self::Processes(_) => Ipv4Addr::LOCALHOST.into(),
            Self::Simulated(machines) => machines.address(machine),
        }
    }

    /// Starts the control plane.
    ///
    /// # Errors
    /// [`WorldError::Spawn`].
    pub(crate) fn start_control_plane(
        &self,
        bootstrap: ControlBootstrap,
    ) -> Result<Child<ControlRecord>, WorldError> {
        match self {
            Self::Processes(processes) => processes.start_control_plane(&bootstrap),
            Self::Simulated(machines) => Ok(machines.start_control_plane(bootstrap)),
        }
    }

    /// Starts the sidecar of `workload`, with the socket that was opened for its application's calls, if there is one.
    ///
    /// # Errors
    /// [`WorldError::Spawn`].
    pub(crate) fn start_sidecar(
        &self,
        workload: &Workload,
        bootstrap: ProxyBootstrap,
        socket: Option<OpenSocket>,
    ) -> Result<Child<ProxyRecord>, WorldError> {
        match self {
            Self::Processes(processes) => {
                let socket = socket.map(OpenSocket::into_real);
                processes.start_sidecar(workload, &bootstrap, socket)
            }
            Self::Simulated(machines) => {
                let port = socket.map(OpenSocket::into_simulated);
                Ok(machines.start_sidecar(workload, bootstrap, port))
            }
        }
    }

    /// Starts the gateway that is called `name`.
    ///
    /// # Errors
    /// [`WorldError::Spawn`].
    pub(crate) fn start_gateway(
        &self,
        name: &str,
        bootstrap: ProxyBootstrap,
    ) -> Result<Child<ProxyRecord>, WorldError> {
        match self {
            Self::Processes(processes) => processes.start_gateway(name, &bootstrap),
            Self::Simulated(machines) => Ok(machines.start_gateway(name, bootstrap)),
        }
    }

    /// Opens the socket of a sidecar of `workload` that is yet to start, on loopback: connections wait there for it.
    ///
    /// # Errors
    /// [`WorldError::Listen`].
    pub(crate) fn open_socket(&self, workload: &str) -> Result<OpenSocket, WorldError> {
        let opened = match self {
            Self::Processes(_) => OpenSocket::open(),
            Self::Simulated(machines) => machines.open_port(workload).map(OpenSocket::Simulated),
        };
        opened.map_err(|source| cannot_listen(workload, source))
    }

    /// Takes a port of loopback for a sidecar of `workload` that is yet to start. Nobody listens there: connections are refused.
    ///
    /// # Errors
    /// [`WorldError::Listen`].
    pub(crate) fn take_port(&self, workload: &str) -> Result<TakenPort, WorldError> {
        match self {
            Self::Processes(_) => TakenPort::take().map_err(|source| cannot_listen(workload, source)),
            // Nobody else is on the machine.
            Self::Simulated(_) => Ok(TakenPort::free(OUTBOUND)),
        }
    }

    /// Starts the application of `workload`.
    ///
    /// # Errors
    /// [`WorldError::Spawn`].
    pub(crate) fn start_application(
        &self,
        workload: &Workload,
        bootstrap: Bootstrap,
    ) -> Result<Child<Record>, WorldError> {
        match self {
            Self::Processes(processes) => processes.start_application(workload, &bootstrap),
            Self::Simulated(machines) => Ok(machines.start_application(workload, bootstrap)),
        }
    }

    /// Stops every program that still runs, and returns when none does.
    pub(crate) async fn stop(&self) {
        match self {
            Self::Processes(processes) => processes.stop().await,
            Self::Simulated(machines) => machines.stop().await,
        }
    }
}

fn cannot_listen(workload: &str, source: io::Error) -> WorldError {
    let purpose = format!("the sidecar of {workload}, before it starts");
    WorldError::Listen { purpose, source }
}
