//! How segments travel, and what they do on arrival.

use std::io::ErrorKind;
use std::time::Duration;

use crate::connection::{EndId, Phase, Received};
use crate::kernel::MachineId;
use crate::link::nanoseconds;
use crate::queue::Due;
use crate::state::State;
use crate::trace::{Happening, Segment, SegmentKind};

/// A segment on its way.
pub(crate) struct Flight {
    pub(crate) arrival: u64,
    pub(crate) payload: Payload,
}

/// What a segment brings.
pub(crate) enum Payload {
    Syn,
    SynAck,
    /// So many bytes may be sent in addition.
    Ack(usize),
    Data(Vec<u8>),
    Fin,
    Rst,
}

/// What becomes of the first segment on its way to an end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Travel {
    /// There is none.
    Idle,
    /// Its arrival is due.
    Due,
    /// It is held back, since this moment.
    Held { since: u64 },
}

/// How long Linux repeats a segment that nobody acknowledges (`tcp_retries2` = 15).
const GIVE_UP: u64 = 924_600_000_000;
/// When a client first repeats its request to a listener whose backlog is full; the time doubles.
const FIRST_REPETITION: u64 = 1_000_000_000;

impl Payload {
    fn kind(&self) -> SegmentKind {
        match self {
            Self::Syn => SegmentKind::Syn,
            Self::SynAck => SegmentKind::SynAck,
            Self::Ack(_) => SegmentKind::Ack,
            Self::Data(_) => SegmentKind::Data,
            Self::Fin => SegmentKind::Fin,
            Self::Rst => SegmentKind::Rst,
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Data(bytes) => bytes,
            _ => &[],
        }
    }
}

impl State {
    /// Sends bytes, in as many segments as they need.
    pub(crate) fn send_bytes(&mut self, from: EndId, bytes: Vec<u8>) {
        let Some(connection) = self.connections.get(&from.connection) else {
            return;
        };
        let ends = (
            connection.end(from.side).machine,
            connection.end(from.peer().side).machine,
        );
        let largest = self.wire(ends.0, ends.1).largest_segment();
        if bytes.len() <= largest {
            self.send(from, Payload::Data(bytes));
            return;
        }
        for chunk in bytes.chunks(largest) {
            self.send(from, Payload::Data(chunk.to_vec()));
        }
    }

    pub(crate) fn send(&mut self, from: EndId, payload: Payload) {
        let Some(connection) = self.connections.get_mut(&from.connection) else {
            return;
        };
        let sender = connection.end(from.side);
        let (from_machine, from_address) = (sender.machine, sender.address);
        let to = from.peer();
        let receiver = connection.end_mut(to.side);
        let from_name = &self.kernels[from_machine].name;
        let to_name = &self.kernels[receiver.machine].name;
        self.trace.segment(&Segment {
            at: Duration::from_nanos(self.now),
            connection: from.connection,
            from_machine: from_name,
            to_machine: to_name,
            from: from_address,
            to: receiver.address,
            kind: payload.kind(),
            bytes: payload.bytes(),
        });
        let wire = self
            .wires
            .get((from_machine, from_name), (receiver.machine, to_name));
        let opening = matches!(payload, Payload::Syn | Payload::SynAck);
        let arrival = wire.arrival(self.now, payload.bytes().len(), opening);
        let arrival = receiver
            .flying
            .back()
            .map_or(arrival, |last| last.arrival.max(arrival));
        receiver.flying.push_back(Flight { arrival, payload });
        if receiver.travel == Travel::Idle {
            receiver.travel = Travel::Due;
            self.queue.add(arrival, Due::Arrival(to));
        }
    }

    /// Does what is due now.
    pub(crate) fn deliver(&mut self) {
        while let Some(due) = self.queue.pop(self.now) {
            match due {
                Due::Arrival(to) => self.arrive(to),
                Due::ConnectTimeout(end) => self.fail(end, ErrorKind::TimedOut),
                Due::GiveUp { to, since } => self.give_up(to, since),
            }
        }
    }

    /// Holds back what travels from one machine to the other, and what will.
    pub(crate) fn cut(&mut self, from: MachineId, to: MachineId) {
        self.wire(from, to).cut = true;
    }

    /// Lets pass what was held back.
    pub(crate) fn heal(&mut self, from: MachineId, to: MachineId) {
        let wire = self.wire(from, to);
        wire.cut = false;
        let latency = nanoseconds(wire.link.latency);
        let held = std::mem::take(&mut wire.held);
        self.release(held, latency);
    }

    /// Lets those segments travel again.
    pub(crate) fn release(&mut self, held: impl IntoIterator<Item = EndId>, latency: u64) {
        let earliest = self.now + latency;
        for to in held {
            let Some(end) = self.end(to) else { continue };
            for flight in &mut end.flying {
                flight.arrival = flight.arrival.max(earliest);
            }
            self.schedule(to);
        }
    }

    /// The connection of this end has failed: both directions are over, and its program is told.
    pub(crate) fn fail(&mut self, id: EndId, error: ErrorKind) {
        let Some(end) = self.end(id) else { return };
        if end.broken {
            return;
        }
        end.broken = true;
        end.error = Some(error);
        end.connect_timeout = None;
        let wakers = [end.reader.take(), end.writer.take()];
        if let Some(owner) = end.owner {
            let process = self.processes[owner.process].clone();
            self.happen(Happening::Failed {
                process,
                connection: id.connection,
                error,
            });
        }
        self.wakers.extend(wakers.into_iter().flatten());
    }

    fn arrive(&mut self, to: EndId) {
        let Some(connection) = self.connections.get(&to.connection) else {
            return;
        };
        let (from_machine, to_machine) = (
            connection.end(to.peer().side).machine,
            connection.end(to.side).machine,
        );
        let down = self.kernels[to_machine].down;
        let now = self.now;
        let wire = self.wire(from_machine, to_machine);
        if wire.cut || down {
            wire.held.insert(to);
            self.hold(to);
            return;
        }
        while let Some(end) = self.end(to)
            && end.flying.front().is_some_and(|flight| flight.arrival <= now)
            && let Some(flight) = end.flying.pop_front()
        {
            self.receive(to, flight.payload);
        }
        self.schedule(to);
    }

    fn schedule(&mut self, to: EndId) {
        let Some(end) = self.end(to) else { return };
        match end.flying.front().map(|flight| flight.arrival) {
            Some(arrival) => {
                end.travel = Travel::Due;
                self.queue.add(arrival, Due::Arrival(to));
            }
            None => end.travel = Travel::Idle,
        }
    }

    fn hold(&mut self, to: EndId) {
        let since = self.now;
        let Some(end) = self.end(to) else { return };
        end.travel = Travel::Held { since };
        self.queue.add(since + GIVE_UP, Due::GiveUp { to, since });
    }

    fn give_up(&mut self, to: EndId, since: u64) {
        if let Some(end) = self.end(to)
            && end.travel == (Travel::Held { since })
        {
            end.flying.clear();
            end.travel = Travel::Idle;
            self.fail(to.peer(), ErrorKind::TimedOut);
        }
    }

    fn receive(&mut self, to: EndId, payload: Payload) {
        match payload {
            Payload::Syn => self.receive_syn(to),
            Payload::SynAck => self.receive_syn_ack(to),
            Payload::Ack(opened) => self.receive_ack(to, opened),
            Payload::Data(bytes) => self.receive_data(to, bytes),
            Payload::Fin => self.receive_fin(to),
            Payload::Rst => self.receive_rst(to),
        }
    }

    fn receive_syn(&mut self, to: EndId) {
        let now = self.now;
        let Some(connection) = self.connections.get_mut(&to.connection) else {
            return;
        };
        let (opened, end) = (&connection.client.phase, &mut connection.server);
        let kernel = &mut self.kernels[end.machine];
        let Some(address) = kernel.listener(end.address) else {
            end.phase = Phase::Closed;
            self.send(to, Payload::Rst);
            self.retire(to.connection);
            return;
        };
        let backlog = kernel
            .listeners
            .get_mut(&address)
            .expect("it was found a moment ago");
        if backlog.is_full() {
            // Linux ignores the request; the client repeats it while it still wants to.
            if *opened == Phase::Connecting {
                let waited = end.attempts;
                end.attempts += 1;
                let arrival = now + (FIRST_REPETITION << waited.min(16));
                end.flying.push_front(Flight {
                    arrival,
                    payload: Payload::Syn,
                });
            } else {
                end.phase = Phase::Closed;
                self.retire(to.connection);
            }
            return;
        }
        backlog.handshaking += 1;
        end.owner = Some(backlog.owner);
        end.phase = Phase::Handshaking(backlog.id);
        self.send(to, Payload::SynAck);
    }

    fn receive_syn_ack(&mut self, to: EndId) {
        let Some(end) = self.end(to) else { return };
        if end.phase != Phase::Connecting || end.broken {
            self.send(to, Payload::Rst);
            return;
        }
        end.phase = Phase::Open;
        let waker = end.writer.take();
        let timeout = end.connect_timeout.take();
        let owner = end.owner.expect("a program has opened it");
        self.wakers.extend(waker);
        if let Some(timeout) = timeout {
            self.queue.remove(timeout);
        }
        let process = self.processes[owner.process].clone();
        self.happen(Happening::Connected {
            process,
            connection: to.connection,
        });
        self.send(to, Payload::Ack(0));
    }

    fn receive_ack(&mut self, to: EndId, opened: usize) {
        let Some(end) = self.end(to) else { return };
        end.window += opened;
        let waker = end.writer.take();
        if let Phase::Handshaking(listener) = end.phase {
            end.phase = Phase::Queued(listener);
            let machine = end.machine;
            if let Some(backlog) = self.backlog(machine, listener) {
                backlog.handshaking -= 1;
                backlog.ready.push_back(to);
                let waker = backlog.waker.take();
                self.wakers.extend(waker);
            }
        }
        self.wakers.extend(waker);
    }

    fn receive_data(&mut self, to: EndId, bytes: Vec<u8>) {
        let Some(end) = self.end(to) else { return };
        match end.phase {
            Phase::Closed | Phase::Gone => self.send(to, Payload::Rst),
            _ if end.broken => {}
            _ => {
                end.received.push_back(Received::new(bytes));
                let waker = end.reader.take();
                self.wakers.extend(waker);
            }
        }
    }

    fn receive_fin(&mut self, to: EndId) {
        let Some(end) = self.end(to) else { return };
        if end.phase == Phase::Gone {
            self.send(to, Payload::Rst);
            return;
        }
        end.ended = true;
        let waker = end.reader.take();
        self.wakers.extend(waker);
    }

    pub(crate) fn receive_rst(&mut self, to: EndId) {
        let Some(end) = self.end(to) else { return };
        let machine = end.machine;
        match end.phase {
            Phase::Connecting => self.fail(to, ErrorKind::ConnectionRefused),
            Phase::Handshaking(listener) => {
                end.phase = Phase::Closed;
                if let Some(backlog) = self.backlog(machine, listener) {
                    backlog.handshaking -= 1;
                }
                self.retire(to.connection);
            }
            // A program that has read the end of the stream is not told of a reset when it reads again, only when it writes.
            Phase::Open | Phase::Queued(_) if end.ended => self.fail(to, ErrorKind::BrokenPipe),
            Phase::Open | Phase::Queued(_) => self.fail(to, ErrorKind::ConnectionReset),
            Phase::Absent | Phase::Closed | Phase::Gone => {}
        }
    }
}
