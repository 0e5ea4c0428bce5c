//! Where an application sends its calls before its sidecar has started: a socket that the lab has for the sidecar, and hands to it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use hallway_host::Socket;
use hallway_simulator::OpenPort;

/// Where simulated sidecars that start late are called: the port of Istio's outbound listener.
pub(crate) const OUTBOUND: SocketAddr = local(15001);

/// A socket of a sidecar that is yet to start.
pub(crate) enum OutboundSocket {
    /// To be handed to a process. It is open, or only keeps its port from everybody else.
    Real(Socket),
    /// Open, and to be handed to a simulated process.
    Simulated(OpenPort),
    /// A port of a simulated machine, where nobody else is who could take it. Nobody listens.
    Nobody,
}

impl OutboundSocket {
    /// An open socket of this machine: whoever connects waits there.
    pub(crate) fn open() -> io::Result<Self> {
        Socket::open(local(0)).map(Self::Real)
    }

    /// A port of this machine: whoever connects is refused.
    pub(crate) fn take() -> io::Result<Self> {
        Socket::take(local(0)).map(Self::Real)
    }

    /// Where it is.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Real(socket) => socket.local_address(),
            Self::Simulated(port) => Ok(port.local_address()),
            Self::Nobody => Ok(OUTBOUND),
        }
    }

    /// Waits until somebody has connected, who never does where nobody listens.
    pub(crate) async fn called(&self) -> io::Result<()> {
        match self {
            Self::Real(socket) => socket.called().await,
            Self::Simulated(port) => {
                port.called().await;
                Ok(())
            }
            Self::Nobody => std::future::pending().await,
        }
    }

    /// What a process is handed.
    pub(crate) fn into_real(self) -> Option<Socket> {
        match self {
            Self::Real(socket) => Some(socket),
            Self::Simulated(_) | Self::Nobody => None,
        }
    }

    /// What a simulated process is handed.
    pub(crate) fn into_simulated(self) -> Option<OpenPort> {
        match self {
            Self::Simulated(port) => Some(port),
            Self::Real(_) | Self::Nobody => None,
        }
    }
}

const fn local(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}
