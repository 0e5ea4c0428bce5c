//! What segments do on arrival (RFC 9293, section 3.10.7, as Linux does it).

use std::io::ErrorKind;

use crate::connection::{EndId, Phase, Received};
use crate::state::State;
use crate::trace::Happening;
use crate::transport::{Flight, Payload};

/// When a client first repeats its request to a listener whose backlog is full; the time doubles.
const FIRST_REPETITION: u64 = 1_000_000_000;

impl State {
    pub(crate) fn receive(&mut self, to: EndId, payload: Payload) {
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
