//! Where an application sends its calls before its sidecar has started: a socket that is open already, or a port where nobody listens yet.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;

use hallway_host::Socket;
use hallway_simulator::OpenPort;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, getsockname, socket_with};

/// Where simulated sidecars that start late are called: the port of Istio's outbound listener.
pub(crate) const OUTBOUND: SocketAddr = local(15001);

/// An open socket of a sidecar that is yet to start: whoever connects waits there for it.
pub(crate) enum OpenSocket {
    /// To be handed to a process.
    Real(Socket),
    /// To be handed to a simulated one.
    Simulated(OpenPort),
}

/// A port of a sidecar that is yet to start, kept from everybody else: whoever connects is refused, until this is dropped and the sidecar listens.
pub(crate) struct TakenPort {
    address: SocketAddr,
    /// Bound to the address, but without a listener.
    _socket: Option<OwnedFd>,
}

impl OpenSocket {
    /// Opens one at a free port of this machine.
    pub(crate) fn open() -> io::Result<Self> {
        Socket::open(local(0)).map(Self::Real)
    }

    /// Where it is.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Real(socket) => socket.local_address(),
            Self::Simulated(port) => Ok(port.local_address()),
        }
    }

    /// Waits until somebody has connected.
    pub(crate) async fn called(&self) -> io::Result<()> {
        match self {
            Self::Real(socket) => socket.called().await,
            Self::Simulated(port) => {
                port.called().await;
                Ok(())
            }
        }
    }

    /// # Panics
    /// When it is a simulated one.
    pub(crate) fn into_real(self) -> Socket {
        match self {
            Self::Real(socket) => socket,
            Self::Simulated(_) => unreachable!("a ground hands out sockets of its own"),
        }
    }

    /// # Panics
    /// When it is a real one.
    pub(crate) fn into_simulated(self) -> OpenPort {
        match self {
            Self::Simulated(port) => port,
            Self::Real(_) => unreachable!("a ground hands out sockets of its own"),
        }
    }
}

impl TakenPort {
    /// Takes a free port of this machine.
    pub(crate) fn take() -> io::Result<Self> {
        let socket = socket_with(
            AddressFamily::INET,
            SocketType::STREAM,
            SocketFlags::empty(),
            None,
        )?;
        rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
        bind(&socket, &local(0))?;
        Ok(Self {
            address: getsockname(&socket)?.try_into()?,
            _socket: Some(socket),
        })
    }

    /// A port that nobody else asks for.
    pub(crate) fn free(address: SocketAddr) -> Self {
        Self {
            address,
            _socket: None,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

const fn local(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}
