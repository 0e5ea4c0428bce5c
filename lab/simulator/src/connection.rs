//! One TCP connection, as the kernels of both its ends see it, and what programs do with it.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll, Waker};

use tokio::io::ReadBuf;

use crate::kernel::{MachineId, Owner};
use crate::queue::{Due, Ticket};
use crate::state::State;
use crate::trace::Happening;
use crate::transport::{Flight, Payload, Travel};

/// One end of a connection.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct EndId {
    pub(crate) connection: u64,
    pub(crate) side: Side,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Side {
    Client,
    Server,
}

pub(crate) struct Connection {
    pub(crate) client: End,
    pub(crate) server: End,
}

/// How far one end has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    /// The server's end before anything has arrived there.
    Absent,
    /// The client has asked for the connection.
    Connecting,
    /// The server has granted it to the listener with this number.
    Handshaking(u64),
    /// It waits to be accepted from the listener with this number.
    Queued(u64),
    /// A program holds it.
    Open,
    /// No program holds it any more.
    Closed,
    /// The machine went down, and remembers nothing.
    Gone,
}

/// One end of a connection, with what is on its way to it.
pub(crate) struct End {
    pub(crate) machine: MachineId,
    pub(crate) address: SocketAddr,
    pub(crate) owner: Option<Owner>,
    pub(crate) phase: Phase,
    /// What the peer has sent and has not arrived yet, in order.
    pub(crate) flying: VecDeque<Flight>,
    pub(crate) travel: Travel,
    /// What has arrived and has not been read yet.
    pub(crate) received: VecDeque<Received>,
    /// The peer will send no more.
    pub(crate) ended: bool,
    /// How many bytes may still be sent.
    pub(crate) window: usize,
    /// This end will send no more.
    pub(crate) finished: bool,
    /// Nothing passes any more, in either direction.
    pub(crate) broken: bool,
    /// What the next operation of the program will hear, once.
    pub(crate) error: Option<ErrorKind>,
    pub(crate) connect_timeout: Option<Ticket>,
    pub(crate) reader: Option<Waker>,
    pub(crate) writer: Option<Waker>,
    /// How often the client has asked in vain.
    pub(crate) attempts: u32,
    /// Bytes that were read since the peer was last told.
    unacknowledged: usize,
    reset_on_close: bool,
}

/// One segment's bytes, read up to a place.
pub(crate) struct Received {
    bytes: Vec<u8>,
    read: usize,
}

/// How many bytes may be on their way or unread, in one direction of one connection.
pub(crate) const WINDOW: usize = 256 * 1024;

/// How long Linux tries to open a connection (`tcp_syn_retries` = 6): 1 + 2 + 4 + … + 64 seconds.
const CONNECT_TIMEOUT: u64 = 127_000_000_000;

impl EndId {
    pub(crate) fn peer(self) -> Self {
        let side = match self.side {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        };
        Self { side, ..self }
    }
}

impl Connection {
    pub(crate) fn end(&self, side: Side) -> &End {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    pub(crate) fn end_mut(&mut self, side: Side) -> &mut End {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// Nobody will ever ask for it again.
    fn is_over(&self) -> bool {
        [&self.client, &self.server]
            .into_iter()
            .all(|end| matches!(end.phase, Phase::Closed | Phase::Gone))
    }
}

impl End {
    fn new(machine: MachineId, address: SocketAddr, owner: Option<Owner>, phase: Phase) -> Self {
        Self {
            machine,
            address,
            owner,
            phase,
            flying: VecDeque::new(),
            travel: Travel::Idle,
            received: VecDeque::new(),
            ended: false,
            window: WINDOW,
            finished: false,
            broken: false,
            error: None,
            connect_timeout: None,
            reader: None,
            writer: None,
            attempts: 0,
            unacknowledged: 0,
            reset_on_close: false,
        }
    }

    /// What has arrived, as much as there is room for.
    fn take_received(&mut self, buffer: &mut ReadBuf<'_>) -> usize {
        let room = buffer.remaining();
        while let Some(first) = self.received.front_mut()
            && buffer.remaining() > 0
        {
            let rest = &first.bytes[first.read..];
            let taken = rest.len().min(buffer.remaining());
            buffer.put_slice(&rest[..taken]);
            first.read += taken;
            if first.read == first.bytes.len() {
                self.received.pop_front();
            }
        }
        room - buffer.remaining()
    }
}

impl Received {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, read: 0 }
    }
}

/// What programs ask of the kernel.
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
            && (server.broken || matches!(server.travel, Travel::Held { .. }))
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
