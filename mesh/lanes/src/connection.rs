//! What concerns a connection as a whole: what it sends, and how it ends.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;
use tokio::time::Instant;

use crate::error::Error;
use crate::frame;
use crate::state::{Side, State};

/// How much is held back before nothing more is read, in bytes: a peer that asks for answers has to take them.
const MOST_HELD_BACK: usize = 1024 * 1024;

/// How long a buffer may be to be kept when it is empty, in bytes.
const KEPT: usize = 32 * 1024;

impl State {
    /// Says that no further exchange will be begun, or that none should.
    pub(crate) fn say_goodbye(&mut self) {
        if !self.said_goodbye {
            self.said_goodbye = true;
            frame::goodbye(&mut self.out);
            self.wake_driver();
        }
    }

    /// One handle less could begin an exchange.
    pub(crate) fn drop_handle(&mut self) {
        self.handles -= 1;
        if self.is_finished() {
            self.wake_driver();
        }
    }

    /// Whether a further exchange can be begun, as far as is known.
    pub(crate) fn is_closed(&self) -> bool {
        self.heard_goodbye || self.ended.is_some()
    }

    /// Whether the connection carries an exchange that is not over.
    pub(crate) fn has_exchanges(&self) -> bool {
        self.lanes.iter().any(|lane| lane.number != 0 && !lane.is_over())
    }

    /// Whether somebody here takes part in an exchange, be it over or not.
    pub(crate) fn is_busy(&self) -> bool {
        self.halves > 0
    }

    /// Whether there will be no further exchange, and the last one is over.
    pub(crate) fn is_finished(&self) -> bool {
        let last = match self.side {
            Side::Client => self.heard_goodbye || self.handles == 0,
            Side::Server => self.said_goodbye && self.heard_goodbye,
        };
        last && !self.has_exchanges()
    }

    /// When the peer was last heard of.
    pub(crate) fn last_read(&self) -> Instant {
        self.last_read
    }

    /// The connection has ended, and with it what it carries.
    pub(crate) fn end(&mut self, error: Error) {
        self.ended.get_or_insert(error);
        for lane in &mut self.lanes {
            lane.wake_all();
        }
        self.wake_waiting();
    }

    /// Something was heard of the peer.
    pub(crate) fn heard(&mut self) {
        self.last_read = Instant::now();
    }

    /// Whether so much is held back that nothing should be read that could be answered.
    pub(crate) fn is_clogged(&self) -> bool {
        self.out.len() >= MOST_HELD_BACK
    }

    /// Sends what is held back.
    pub(crate) fn poll_send(
        &mut self,
        context: &mut Context<'_>,
        mut transport: Pin<&mut impl AsyncWrite>,
    ) -> Poll<io::Result<()>> {
        self.unflushed |= !self.out.is_empty();
        if !self.unflushed {
            return Poll::Ready(Ok(()));
        }
        while self.sent < self.out.len() {
            match ready!(transport.as_mut().poll_write(context, &self.out[self.sent..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                sent => self.sent += sent,
            }
        }
        self.out.clear();
        self.sent = 0;
        if self.out.capacity() > KEPT && !self.is_busy() {
            self.out = Vec::new();
        }
        self.wake_waiting();
        ready!(transport.poll_flush(context))?;
        self.unflushed = false;
        Poll::Ready(Ok(()))
    }

    /// Whoever polls the connection is here: what it finds to send it sends itself.
    pub(crate) fn begin_turn(&mut self) {
        self.driver = None;
    }

    /// Whoever polls the connection leaves, and is to be woken when there is something to send.
    pub(crate) fn end_turn(&mut self, context: &Context<'_>) {
        self.driver = Some(context.waker().clone());
    }
}
