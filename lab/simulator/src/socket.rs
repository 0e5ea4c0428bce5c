//! What programs hold of the network: connections and listeners.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hallway_host::{Accept, Io, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop;

use crate::connection::EndId;
use crate::kernel::{MachineId, Owner};
use crate::state::Shared;

/// A program's end of a connection. Dropping it closes it, in whatever state it is.
pub(crate) struct Socket {
    shared: Arc<Shared>,
    id: EndId,
    local: SocketAddr,
    peer: SocketAddr,
}

/// A program's listener. Dropping it closes the port.
pub(crate) struct Port {
    shared: Arc<Shared>,
    machine: MachineId,
    id: u64,
    address: SocketAddr,
}

/// A port that a process has opened for another one, which is yet to start (socket activation): connections are established, and
/// wait. [`Process::inherit`](crate::Process::inherit) hands it over; dropping it closes the port.
pub struct OpenPort(Port);

impl Socket {
    /// Opens a connection. Dropping the future gives up.
    pub(crate) async fn connect(
        shared: Arc<Shared>,
        owner: Owner,
        machine: MachineId,
        to: SocketAddr,
    ) -> io::Result<Self> {
        let id = shared.with(|state| state.connect(owner, machine, to))?;
        let socket = Self::new(shared, id);
        std::future::poll_fn(|context| socket.shared.with(|state| state.poll_connected(id, context))).await?;
        Ok(socket)
    }

    fn new(shared: Arc<Shared>, id: EndId) -> Self {
        let (local, peer) = shared.with(|state| {
            let connection = &state.connections[&id.connection];
            (
                connection.end(id.side).address,
                connection.end(id.peer().side).address,
            )
        });
        Self {
            shared,
            id,
            local,
            peer,
        }
    }
}

impl Io for Socket {
    fn local_address(&self) -> SocketAddr {
        self.local
    }

    fn peer_address(&self) -> SocketAddr {
        self.peer
    }

    fn reset_on_close(&self) {
        self.shared.with(|state| state.reset_on_close(self.id));
    }
}

// Each operation takes part in tokio's cooperative scheduling, as those of real sockets do.
impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let turn = ready!(coop::poll_proceed(context));
        let result = self
            .shared
            .with(|state| state.poll_read(self.id, context, buffer));
        if result.is_ready() {
            turn.made_progress();
        }
        result
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let turn = ready!(coop::poll_proceed(context));
        let result = self
            .shared
            .with(|state| state.poll_write(self.id, context, slices));
        if result.is_ready() {
            turn.made_progress();
        }
        result
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shared.with(|state| state.shutdown(self.id));
        Poll::Ready(Ok(()))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.shared.with(|state| state.close(self.id));
    }
}

impl Port {
    pub(crate) fn open(
        shared: Arc<Shared>,
        owner: Owner,
        machine: MachineId,
        address: SocketAddr,
    ) -> io::Result<Self> {
        let (id, address) = shared.with(|state| state.listen(owner, machine, address))?;
        Ok(Self {
            shared,
            machine,
            id,
            address,
        })
    }
}

impl OpenPort {
    pub(crate) fn new(port: Port) -> Self {
        Self(port)
    }

    /// Where it is.
    pub fn local_address(&self) -> SocketAddr {
        self.0.address
    }

    /// Waits until a connection waits to be accepted, and leaves it there.
    pub async fn called(&self) {
        let Port {
            shared, machine, id, ..
        } = &self.0;
        std::future::poll_fn(|context| shared.with(|state| state.poll_called(*machine, *id, context))).await;
    }

    pub(crate) fn hand_over(self, to: Owner) {
        let Port {
            shared, machine, id, ..
        } = &self.0;
        shared.with(|state| state.hand_over(*machine, *id, to));
    }
}

impl Accept for Port {
    fn local_address(&self) -> SocketAddr {
        self.address
    }

    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<Stream> {
        let turn = ready!(coop::poll_proceed(context));
        let accepted = ready!(
            self.shared
                .with(|state| state.poll_accept(self.machine, self.id, context))
        );
        turn.made_progress();
        Poll::Ready(Stream::Virtual(Box::new(Socket::new(
            self.shared.clone(),
            accepted,
        ))))
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.shared
            .with(|state| state.close_listener(self.machine, self.id));
    }
}
