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
use crate::outbound_socket::OutboundSocket;
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

    /// Starts the sidecar of `workload`, with the socket for its application's calls, if there is one already.
    ///
    /// # Errors
    /// [`WorldError::Spawn`].
    pub(crate) fn start_sidecar(
        &self,
        workload: &Workload,
        bootstrap: ProxyBootstrap,
        socket: Option<OutboundSocket>,
    ) -> Result<Child<ProxyRecord>, WorldError> {
        match self {
            Self::Processes(processes) => {
                let socket = socket.and_then(OutboundSocket::into_real);
                processes.start_sidecar(workload, &bootstrap, socket)
            }
            Self::Simulated(machines) => {
                let port = socket.and_then(OutboundSocket::into_simulated);
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

    /// Opens the socket of a sidecar of `workload` that is yet to start: connections wait there for it.
    ///
    /// # Errors
    /// [`WorldError::Listen`].
    pub(crate) fn open_outbound(&self, workload: &Workload) -> Result<OutboundSocket, WorldError> {
        let opened = match self {
            Self::Processes(_) => OutboundSocket::open(),
            Self::Simulated(machines) => machines.open_port(workload).map(OutboundSocket::Simulated),
        };
        opened.map_err(|source| cannot_listen(workload, source))
    }

    /// Takes the port of a sidecar of `workload` that is yet to start: connections are refused.
    ///
    /// # Errors
    /// [`WorldError::Listen`].
    pub(crate) fn take_outbound(&self, workload: &Workload) -> Result<OutboundSocket, WorldError> {
        match self {
            Self::Processes(_) => OutboundSocket::take().map_err(|source| cannot_listen(workload, source)),
            Self::Simulated(_) => Ok(OutboundSocket::Nobody),
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

fn cannot_listen(workload: &Workload, source: io::Error) -> WorldError {
    let purpose = format!("the {}, before it starts", workload.sidecar());
    WorldError::Listen { purpose, source }
}
