//! The accepting side of connections, real or virtual.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use rustix::net::{self, AddressFamily, SocketType};
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

/// How many connections may wait to be accepted: as many as tokio lets.
const BACKLOG: i32 = 1024;

/// How often the kernel is asked whether somebody waits.
const ASK_EVERY: Duration = Duration::from_millis(1);

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

/// A socket at an address of this machine, from which no runtime accepts yet. One can be had for a program that is yet to start, and be handed
/// to it (socket activation).
#[derive(Debug)]
pub struct Socket(std::net::TcpListener);

impl Socket {
    /// Opens a socket at `address`; port 0 takes a free one. The kernel establishes connections to it, which wait for a program to accept them.
    ///
    /// # Errors
    /// What the machine says: the port is in use, or not ours to take.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        Self::new(std::net::TcpListener::bind(address)?)
    }

    /// Takes `address` without listening there: nobody else can have it, and the kernel refuses connections until [`Socket::listen`].
    ///
    /// # Errors
    /// What the machine says: the port is in use, or not ours to take.
    pub fn take(address: SocketAddr) -> io::Result<Self> {
        let family = match address {
            SocketAddr::V4(_) => AddressFamily::INET,
            SocketAddr::V6(_) => AddressFamily::INET6,
        };
        let socket = net::socket(family, SocketType::STREAM, None)?;
        fcntl_setfd(&socket, FdFlags::CLOEXEC)?;
        net::bind(&socket, &address)?;
        Self::new(socket.into())
    }

    /// A socket that another program has opened.
    ///
    /// # Errors
    /// When the kernel refuses to make its operations those of a runtime (non-blocking).
    pub fn new(socket: std::net::TcpListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self(socket))
    }

    /// Where it is, with the port that was taken.
    ///
    /// # Errors
    /// When the kernel does not know it.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Waits until a connection waits to be accepted, and leaves it there. It asks the kernel every millisecond.
    ///
    /// # Errors
    /// When the kernel refuses to tell.
    pub async fn called(&self) -> io::Result<()> {
        while !self.is_called()? {
            tokio::time::sleep(ASK_EVERY).await;
        }
        Ok(())
    }

    fn is_called(&self) -> io::Result<bool> {
        let mut watched = [PollFd::new(&self.0, PollFlags::IN)];
        match poll(&mut watched, Some(&Timespec::default())) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Listens, and lets the runtime of the calling thread watch it.
    ///
    /// # Errors
    /// When the kernel refuses to.
    #[expect(
        clippy::disallowed_types,
        reason = "the real variant wraps the kernel's socket"
    )]
    pub fn listen(self) -> io::Result<Listener> {
        net::listen(&self.0, BACKLOG)?;
        TcpListener::from_std(self.0).map(Listener::Tcp)
    }
}

impl From<Socket> for OwnedFd {
    fn from(socket: Socket) -> Self {
        socket.0.into()
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

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;

    use super::Socket;
    use crate::{Host, Output};

    #[tokio::test]
    async fn a_program_gets_what_was_opened_for_it_with_whoever_called_before() {
        let free = "127.0.0.1:0".parse().expect("an address");
        let socket = Socket::open(free).expect("a free port");
        let address = socket.local_address().expect("an address");
        let client = Host::real_unseeded();
        let early = timeout(Duration::from_millis(20), socket.called()).await;
        assert!(early.is_err(), "nobody has called yet");
        let mut calling = client.connect(address).await.expect("the kernel answers");
        calling.write_all(b"hello").await.expect("a connection");
        socket.called().await.expect("a call");

        let program = Host::activated(1, Output::discard(), vec![socket]);
        let mut listener = program.listen(address).await.expect("its socket");
        let (mut called, _) = listener.accept().await;
        let mut heard = [0; 5];
        called.read_exact(&mut heard).await.expect("what was said before");
        assert_eq!(&heard, b"hello");
        let again = program.listen(address).await;
        assert!(again.is_err(), "the socket is given once");
    }

    #[tokio::test]
    async fn a_taken_address_refuses_until_somebody_listens_there() {
        let free = "127.0.0.1:0".parse().expect("an address");
        let socket = Socket::take(free).expect("a free port");
        let address = socket.local_address().expect("an address");
        let (client, program) = (
            Host::real_unseeded(),
            Host::activated(1, Output::discard(), vec![socket]),
        );
        let refused = client.connect(address).await.err().expect("nobody listens");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let taken = client.listen(address).await.err().expect("it is taken");
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        let mut listener = program.listen(address).await.expect("its socket");
        let _calling = client.connect(address).await.expect("somebody listens");
        listener.accept().await;
    }
}
