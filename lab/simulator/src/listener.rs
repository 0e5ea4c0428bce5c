//! Who accepts connections on a machine.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, Waker};

use crate::connection::{EndId, Phase};
use crate::kernel::{MachineId, Owner};
use crate::state::State;
use crate::trace::Happening;
use crate::transport::Payload;

/// A listener, as the kernel sees it.
pub(crate) struct Backlog {
    pub(crate) id: u64,
    pub(crate) owner: Owner,
    /// Established connections that wait to be accepted.
    pub(crate) ready: VecDeque<EndId>,
    /// Connections in the middle of their handshake.
    pub(crate) handshaking: usize,
    pub(crate) waker: Option<Waker>,
    /// Whether its owner, to whom it was handed over, has yet to listen.
    inherited: bool,
    limit: usize,
}

impl Backlog {
    pub(crate) fn new(id: u64, owner: Owner, limit: usize) -> Self {
        Self {
            id,
            owner,
            ready: VecDeque::new(),
            handshaking: 0,
            waker: None,
            inherited: false,
            limit,
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.ready.len() + self.handshaking >= self.limit
    }
}

impl State {
    /// Opens a port, or takes one that was handed over, and says under which number and address.
    pub(crate) fn listen(
        &mut self,
        owner: Owner,
        machine: MachineId,
        address: SocketAddr,
    ) -> io::Result<(u64, SocketAddr)> {
        let here = self.kernels[machine].listeners.get_mut(&address);
        if let Some(backlog) = here.filter(|backlog| backlog.inherited && backlog.owner == owner) {
            backlog.inherited = false;
            let id = backlog.id;
            let process = self.processes[owner.process].clone();
            self.happen(Happening::Listening { process, address });
            return Ok((id, address));
        }
        self.last_listener += 1;
        let id = self.last_listener;
        let backlog = Backlog::new(id, owner, self.backlog_limit);
        let address = self.kernels[machine].listen(address, backlog)?;
        let process = self.processes[owner.process].clone();
        self.happen(Happening::Listening { process, address });
        Ok((id, address))
    }

    pub(crate) fn backlog(&mut self, machine: MachineId, id: u64) -> Option<&mut Backlog> {
        self.kernels[machine]
            .listeners
            .values_mut()
            .find(|backlog| backlog.id == id)
    }

    pub(crate) fn poll_accept(&mut self, machine: MachineId, id: u64, context: &Context<'_>) -> Poll<EndId> {
        let Some(backlog) = self.backlog(machine, id) else {
            return Poll::Pending;
        };
        let Some(accepted) = backlog.ready.pop_front() else {
            backlog.waker = Some(context.waker().clone());
            return Poll::Pending;
        };
        let process = backlog.owner.process;
        if let Some(end) = self.end(accepted) {
            end.phase = Phase::Open;
        }
        let process = self.processes[process].clone();
        let connection = accepted.connection;
        self.happen(Happening::Accepted { process, connection });
        Poll::Ready(accepted)
    }

    /// Tells whether somebody waits to be accepted.
    pub(crate) fn poll_called(&mut self, machine: MachineId, id: u64, context: &Context<'_>) -> Poll<()> {
        match self.backlog(machine, id) {
            Some(backlog) if backlog.ready.is_empty() => {
                backlog.waker = Some(context.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }

    /// Gives a port to another process of the machine, with everybody who waits there. It gets another number, so that whoever opened it can
    /// no longer close it.
    pub(crate) fn hand_over(&mut self, machine: MachineId, id: u64, to: Owner) {
        self.last_listener += 1;
        let new = self.last_listener;
        let Some(backlog) = self.backlog(machine, id) else {
            return;
        };
        (backlog.id, backlog.owner, backlog.inherited) = (new, to, true);
        backlog.waker = None;
        for end in self.ends(|end| end.machine == machine && end.phase.waits_for(id)) {
            let Some(end) = self.end(end) else { continue };
            end.owner = Some(to);
            end.phase = match end.phase {
                Phase::Handshaking(_) => Phase::Handshaking(new),
                _ => Phase::Queued(new),
            };
        }
    }

    /// Closes a port, and resets the connections that nobody has accepted.
    pub(crate) fn close_listener(&mut self, machine: MachineId, id: u64) {
        if self.backlog(machine, id).is_none() {
            return;
        }
        self.kernels[machine]
            .listeners
            .retain(|_, backlog| backlog.id != id);
        for end in self.ends(|end| end.machine == machine && end.phase.waits_for(id)) {
            self.refuse(end);
        }
    }

    fn refuse(&mut self, id: EndId) {
        let Some(end) = self.end(id) else { return };
        end.phase = Phase::Closed;
        end.received.clear();
        if !end.broken {
            self.send(id, Payload::Rst);
        }
        self.retire(id.connection);
    }
}
