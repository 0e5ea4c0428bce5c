//! The accepting side of connections, real or virtual.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::task::{Context, Poll};
use std::time::Duration;

#[expect(
    clippy::disallowed_types,
    reason = "the real variant wraps the kernel's socket"
)]
use tokio::net::TcpListener;

use crate::Stream;

/// What a virtual listener offers. Dropping it closes the port and resets connections that nobody has accepted.
pub trait Accept: Send {
    /// The address that it listens on.
    fn local_address(&self) -> SocketAddr;
    /// The next established connection.
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<Stream>;
}

/// Accepts connections at one address.
pub enum Listener {
    /// A kernel socket.
    #[expect(
        clippy::disallowed_types,
        reason = "the real variant wraps the kernel's socket"
    )]
    Tcp(TcpListener),
    /// A listener of a virtual ground.
    Virtual(Box<dyn Accept>),
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
            Self::Virtual(listener) => Ok(listener.local_address()),
        }
    }

    /// The same socket, to be accepted from by another thread too, with [`Socket::listen`]: the kernel gives each
    /// connection to one of them.
    ///
    /// # Errors
    /// When the machine is out of descriptors. A virtual listener belongs to one thread.
    pub fn duplicate(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(socket) => socket
                .as_fd()
                .try_clone_to_owned()
                .map(|socket| Socket(socket.into())),
            Self::Virtual(_) => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "a virtual machine has one thread",
            )),
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
            Self::Virtual(listener) => {
                let stream = poll_fn(|context| listener.poll_accept(context)).await;
                let peer = stream.peer_address()?;
                Ok((stream, peer))
            }
        }
    }
}

/// A listening socket that no runtime watches yet.
#[derive(Debug)]
pub struct Socket(std::net::TcpListener);

impl Socket {
    /// Lets the runtime of the calling thread watch it.
    ///
    /// # Errors
    /// When the kernel refuses to.
    #[expect(
        clippy::disallowed_types,
        reason = "the real variant wraps the kernel's socket"
    )]
    pub fn listen(self) -> io::Result<Listener> {
        TcpListener::from_std(self.0).map(Listener::Tcp)
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
