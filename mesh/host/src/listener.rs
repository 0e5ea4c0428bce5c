//! The accepting side of connections, real or virtual.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

#[expect(
    clippy::disallowed_types,
    reason = "the real variant wraps the kernel's socket"
)]
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::Stream;

/// Accepts connections at one address.
pub enum Listener {
    /// A kernel socket.
    #[expect(
        clippy::disallowed_types,
        reason = "the real variant wraps the kernel's socket"
    )]
    Tcp(TcpListener),
    /// A listener of a virtual ground, which hands over established connections. Dropping it refuses further ones.
    Virtual {
        /// The address that it listens on.
        address: SocketAddr,
        /// Connections waiting to be accepted.
        backlog: mpsc::Receiver<Stream>,
    },
}

/// How long to wait before accepting again when the machine is out of file descriptors: accepting at once would
/// only burn the processor that has to close some.
const PAUSE_WHEN_EXHAUSTED: Duration = Duration::from_millis(50);

impl Listener {
    #[expect(
        clippy::disallowed_types,
        reason = "the real variant wraps the kernel's socket"
    )]
    pub(crate) async fn bind(address: SocketAddr) -> io::Result<Self> {
        TcpListener::bind(address).await.map(Self::Tcp)
    }

    /// The address that it listens on, with the port that was taken.
    ///
    /// # Errors
    /// When the kernel does not know it.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(socket) => socket.local_addr(),
            Self::Virtual { address, .. } => Ok(*address),
        }
    }

    /// The next connection and its peer's address. Errors that concern one connection only are passed over; when
    /// the machine has no descriptor left, it waits a moment instead of failing.
    pub async fn accept(&mut self) -> (Stream, SocketAddr) {
        loop {
            match self.try_accept().await {
                Ok(accepted) => return accepted,
                Err(error) if concerns_one_connection(&error) => {}
                Err(_) => tokio::time::sleep(PAUSE_WHEN_EXHAUSTED).await,
            }
        }
    }

    async fn try_accept(&mut self) -> io::Result<(Stream, SocketAddr)> {
        match self {
            Self::Tcp(socket) => {
                let (accepted, peer) = socket.accept().await?;
                Ok((Stream::from_tcp(accepted)?, peer))
            }
            Self::Virtual { backlog, .. } => match backlog.recv().await {
                Some(stream) => stream.peer_address().map(|peer| (stream, peer)),
                // The machine is gone, and this task is about to be dropped with it.
                None => std::future::pending().await,
            },
        }
    }
}

fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::NotConnected
            | io::ErrorKind::InvalidInput
    )
}

impl axum::serve::Listener for Listener {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        Listener::accept(self).await
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.local_address()
    }
}
