//! How segments travel.

use std::io::ErrorKind;
use std::time::Duration;

use crate::connection::{EndId, Phase};
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
        if end.broken || matches!(end.phase, Phase::Closed | Phase::Gone) {
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
        let again = self.now + GIVE_UP;
        let Some(end) = self.end(to) else { return };
        if end.travel != (Travel::Held { since }) {
            return;
        }
        // Kernels repeat nothing else, so they cannot miss the answer to it.
        if end
            .flying
            .iter()
            .any(|flight| matches!(flight.payload, Payload::Data(_) | Payload::Fin))
        {
            end.flying.clear();
            end.travel = Travel::Idle;
            self.fail(to.peer(), ErrorKind::TimedOut);
        } else {
            self.queue.add(again, Due::GiveUp { to, since });
        }
    }
}
