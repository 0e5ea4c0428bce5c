//! A connection, real or virtual.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
#[expect(
    clippy::disallowed_types,
    reason = "the real variant wraps the kernel's socket"
)]
use tokio::net::TcpStream;

/// What a virtual connection offers: bytes both ways, and the addresses of its ends.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {
    /// The address of this end.
    fn local_address(&self) -> SocketAddr;
    /// The address of the other end.
    fn peer_address(&self) -> SocketAddr;
    /// Makes the close of this connection a reset (RST).
    fn reset_on_close(&self);
}

/// A connection. Dropping it closes it; unread data then resets it, as TCP does.
pub enum Stream {
    /// A kernel socket.
    #[expect(
        clippy::disallowed_types,
        reason = "the real variant wraps the kernel's socket"
    )]
    Tcp(TcpStream),
    /// A connection of a virtual ground.
    Virtual(Box<dyn Io>),
}

impl Stream {
    #[expect(
        clippy::disallowed_types,
        reason = "the real variant wraps the kernel's socket"
    )]
    pub(crate) async fn dial(address: SocketAddr) -> io::Result<Self> {
        TcpStream::connect(address).await.and_then(Self::from_tcp)
    }

    #[expect(
        clippy::disallowed_types,
        reason = "the real variant wraps the kernel's socket"
    )]
    pub(crate) fn from_tcp(socket: TcpStream) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        Ok(Self::Tcp(socket))
    }

    /// The address of this end.
    ///
    /// # Errors
    /// When the kernel no longer knows it, because the connection is gone.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(socket) => socket.local_addr(),
            Self::Virtual(io) => Ok(io.local_address()),
        }
    }

    /// The address of the other end.
    ///
    /// # Errors
    /// When the kernel no longer knows it, because the connection is gone.
    pub fn peer_address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(socket) => socket.peer_addr(),
            Self::Virtual(io) => Ok(io.peer_address()),
        }
    }

    /// Makes the close of this connection a reset (RST), as a crashed peer or an impatient middlebox sends it.
    ///
    /// # Errors
    /// When the kernel refuses the option.
    pub fn reset_on_close(&self) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.set_zero_linger(),
            Self::Virtual(io) => {
                io.reset_on_close();
                Ok(())
            }
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_read(context, buffer),
            Self::Virtual(io) => Pin::new(io).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_write(context, bytes),
            Self::Virtual(io) => Pin::new(io).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_write_vectored(context, slices),
            Self::Virtual(io) => Pin::new(io).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(socket) => socket.is_write_vectored(),
            Self::Virtual(io) => io.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_flush(context),
            Self::Virtual(io) => Pin::new(io).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_shutdown(context),
            Self::Virtual(io) => Pin::new(io).poll_shutdown(context),
        }
    }
}
