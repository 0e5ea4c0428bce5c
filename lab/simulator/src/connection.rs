//! One TCP connection, as the kernels of both its ends see it.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::task::Waker;

use tokio::io::ReadBuf;

use crate::kernel::{MachineId, Owner};
use crate::queue::Ticket;
use crate::transport::{Flight, Travel};

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

impl Phase {
    /// Whether it is on its way through the listener with this number.
    pub(crate) fn waits_for(self, listener: u64) -> bool {
        matches!(self, Self::Handshaking(of) | Self::Queued(of) if of == listener)
    }
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
    pub(crate) unacknowledged: usize,
    pub(crate) reset_on_close: bool,
}

/// One segment's bytes, read up to a place.
pub(crate) struct Received {
    bytes: Vec<u8>,
    read: usize,
}

/// How many bytes may be on their way or unread, in one direction of one connection.
pub(crate) const WINDOW: usize = 256 * 1024;

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
    pub(crate) fn is_over(&self) -> bool {
        [&self.client, &self.server]
            .into_iter()
            .all(|end| matches!(end.phase, Phase::Closed | Phase::Gone))
    }
}

impl End {
    pub(crate) fn new(machine: MachineId, address: SocketAddr, owner: Option<Owner>, phase: Phase) -> Self {
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
    pub(crate) fn take_received(&mut self, buffer: &mut ReadBuf<'_>) -> usize {
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
