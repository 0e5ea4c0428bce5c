//! What programs ask of the kernel: to connect, to read and write, to close.

use std::io::{self, ErrorKind, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll, Waker};

use tokio::io::ReadBuf;

use crate::connection::{Connection, End, EndId, Phase, Side, WINDOW};
use crate::kernel::{MachineId, Owner};
use crate::queue::Due;
use crate::state::State;
use crate::trace::Happening;
use crate::transport::{Payload, Travel};

/// How long Linux tries to open a connection (`tcp_syn_retries` = 6): 1 + 2 + 4 + … + 64 seconds.
const CONNECT_TIMEOUT: u64 = 127_000_000_000;

impl State {
    /// Asks for a connection; [`State::poll_connected`] tells how it went.
    pub(crate) fn connect(&mut self, owner: Owner, machine: MachineId, to: SocketAddr) -> io::Result<EndId> {
        let kernel = &mut self.kernels[machine];
        let target = match to.ip() {
            any if any.is_unspecified() => loopback(to),
            ip => ip,
        };
        let to = SocketAddr::new(target, to.port());
        let (peer, from) = match kernel.is_local(target) {
            true => (machine, target),
            false => (
                *self.addresses.get(&target).ok_or(ErrorKind::HostUnreachable)?,
                kernel.address,
            ),
        };
        let from = SocketAddr::new(from, kernel.take_port()?);
        self.last_connection += 1;
        let connection = self.last_connection;
        let mut client = End::new(machine, from, Some(owner), Phase::Connecting);
        let server = End::new(peer, to, None, Phase::Absent);
        let end = EndId {
            connection,
            side: Side::Client,
        };
        client.connect_timeout = Some(
            self.queue
                .add(self.now + CONNECT_TIMEOUT, Due::ConnectTimeout(end)),
        );
        self.connections.insert(connection, Connection { client, server });
        let process = self.processes[owner.process].clone();
        self.happen(Happening::Connecting {
            process,
            connection,
            from,
            to,
        });
        self.send(end, Payload::Syn);
        Ok(end)
    }

    pub(crate) fn poll_connected(&mut self, id: EndId, context: &Context<'_>) -> Poll<io::Result<()>> {
        let Some(end) = self.end(id) else {
            return Poll::Pending;
        };
        if let Some(error) = end.error.take() {
            return Poll::Ready(Err(error.into()));
        }
        if end.phase == Phase::Open {
            return Poll::Ready(Ok(()));
        }
        remember(&mut end.writer, context);
        Poll::Pending
    }

    /// What a program gets whose process is dead, or whose machine is down, is nothing: it does not run any more.
    pub(crate) fn poll_read(
        &mut self,
        id: EndId,
        context: &Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(end) = self.open_end(id) else {
            return Poll::Pending;
        };
        if !end.received.is_empty() {
            let read = end.take_received(buffer);
            self.acknowledge(id, read);
            return Poll::Ready(Ok(()));
        }
        if end.ended {
            return Poll::Ready(Ok(()));
        }
        if let Some(error) = end.error.take() {
            return Poll::Ready(Err(error.into()));
        }
        if end.broken {
            return Poll::Ready(Ok(()));
        }
        remember(&mut end.reader, context);
        Poll::Pending
    }

    pub(crate) fn poll_write(
        &mut self,
        id: EndId,
        context: &Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Some(end) = self.open_end(id) else {
            return Poll::Pending;
        };
        if let Some(error) = end.error.take() {
            return Poll::Ready(Err(error.into()));
        }
        if end.broken || end.finished {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        let bytes = gather(slices, end.window);
        if bytes.is_empty() && slices.iter().any(|slice| !slice.is_empty()) {
            remember(&mut end.writer, context);
            return Poll::Pending;
        }
        end.window -= bytes.len();
        let written = bytes.len();
        self.send_bytes(id, bytes);
        Poll::Ready(Ok(written))
    }

    /// Says that no more bytes will follow.
    pub(crate) fn shutdown(&mut self, id: EndId) {
        if let Some(end) = self.open_end(id)
            && !end.broken
            && !end.finished
        {
            end.finished = true;
            self.send(id, Payload::Fin);
        }
    }

    pub(crate) fn reset_on_close(&mut self, id: EndId) {
        if let Some(end) = self.open_end(id) {
            end.reset_on_close = true;
        }
    }

    /// What the kernel does when a program drops a connection, or dies.
    pub(crate) fn close(&mut self, id: EndId) {
        let Some(end) = self.end(id) else { return };
        let phase = end.phase;
        if !matches!(phase, Phase::Connecting | Phase::Open | Phase::Queued(_)) {
            return;
        }
        let reset = end.reset_on_close || !end.received.is_empty() || matches!(phase, Phase::Queued(_));
        let (broken, finished) = (end.broken, end.finished);
        end.phase = Phase::Closed;
        end.received.clear();
        (end.reader, end.writer) = (None, None);
        let timeout = end.connect_timeout.take();
        if let Some(owner) = end.owner {
            let process = self.processes[owner.process].clone();
            let connection = id.connection;
            self.happen(Happening::Closed {
                process,
                connection,
                reset: reset && !broken,
            });
        }
        if let Some(timeout) = timeout {
            self.queue.remove(timeout);
        }
        match phase {
            Phase::Connecting => self.forget_held_syn(id),
            _ if broken => {}
            _ if reset => self.send(id, Payload::Rst),
            _ if finished => {}
            _ => self.send(id, Payload::Fin),
        }
        self.retire(id.connection);
    }

    /// Forgets a connection that is over.
    pub(crate) fn retire(&mut self, connection: u64) {
        if self.connections.get(&connection).is_some_and(Connection::is_over)
            && let Some(over) = self.connections.remove(&connection)
        {
            self.kernels[over.client.machine].give_back_port(over.client.address.port());
        }
    }

    /// A client that gave up does not repeat its request, so one that has not come through never will.
    fn forget_held_syn(&mut self, id: EndId) {
        if let Some(server) = self.end(id.peer())
            && server.phase == Phase::Absent
            && matches!(server.travel, Travel::Held { .. })
        {
            server.phase = Phase::Closed;
        }
    }

    /// Opens the peer's window again, at half of it, as kernels do to save segments.
    fn acknowledge(&mut self, id: EndId, read: usize) {
        let Some(end) = self.end(id) else { return };
        end.unacknowledged += read;
        if end.unacknowledged >= WINDOW / 2 && !end.broken {
            let acknowledged = std::mem::take(&mut end.unacknowledged);
            self.send(id, Payload::Ack(acknowledged));
        }
    }

    fn open_end(&mut self, id: EndId) -> Option<&mut End> {
        self.end(id).filter(|end| end.phase == Phase::Open)
    }
}

fn gather(slices: &[IoSlice<'_>], most: usize) -> Vec<u8> {
    let total: usize = slices.iter().map(|slice| slice.len()).sum();
    let mut bytes = Vec::with_capacity(total.min(most));
    for slice in slices {
        let room = most - bytes.len();
        bytes.extend_from_slice(&slice[..slice.len().min(room)]);
    }
    bytes
}

fn remember(slot: &mut Option<Waker>, context: &Context<'_>) {
    match slot {
        Some(waker) => waker.clone_from(context.waker()),
        None => *slot = Some(context.waker().clone()),
    }
}

fn loopback(address: SocketAddr) -> IpAddr {
    match address {
        SocketAddr::V4(_) => IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        SocketAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
    }
}
