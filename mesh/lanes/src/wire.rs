//! A connection as bytes: read, taken apart, and written.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::io::poll_read_buf;

use crate::error::Error;
use crate::frame::Decoder;
use crate::receive::Begun;
use crate::state::Shared;

/// What moves the bytes of one side.
#[derive(Debug)]
pub(crate) struct Wire<T> {
    transport: T,
    decoder: Decoder,
    input: BytesMut,
    shared: Shared,
}

/// For how much there is room whenever something is read, in bytes: a record of TLS.
const READ: usize = 16 * 1024;

/// Less room than this is not worth a read, in bytes.
const LEAST_READ: usize = 4 * 1024;

impl<T: AsyncRead + AsyncWrite + Unpin> Wire<T> {
    pub(crate) fn new(transport: T, shared: Shared) -> Self {
        let limit = shared.lock().limit;
        Self {
            transport,
            decoder: Decoder::new(limit),
            input: BytesMut::new(),
            shared,
        }
    }

    /// Does all there is to do, up to the next request. Ready without one when the connection has ended as it should.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Begun>, Error>> {
        let polled = self.poll_connection(context);
        match &polled {
            Poll::Ready(Err(error)) => self.shared.lock().end(error.clone()),
            Poll::Ready(Ok(None)) => self.shared.lock().end(Error::Closed),
            Poll::Ready(Ok(Some(_))) | Poll::Pending => {}
        }
        polled
    }

    fn poll_connection(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Begun>, Error>> {
        self.shared.lock().begin_turn();
        loop {
            if let Some(request) = self.take_apart()? {
                return Poll::Ready(Ok(Some(request)));
            }
            if self.shared.lock().is_clogged() {
                ready!(self.poll_send(context))?;
                continue;
            }
            match self.poll_read(context) {
                Poll::Pending => break,
                Poll::Ready(read) => match read? {
                    0 => return Poll::Ready(self.closed_by_the_peer()),
                    _ => self.shared.lock().heard(),
                },
            }
        }
        ready!(self.poll_send(context))?;
        self.poll_finish(context).map_ok(|()| None)
    }

    /// Takes all frames that are there, up to the next request.
    fn take_apart(&mut self) -> Result<Option<Begun>, Error> {
        let mut state = self.shared.lock();
        while let Some(frame) = self.decoder.next(&mut self.input)? {
            if let Some(request) = state.receive(frame)? {
                return Ok(Some(request));
            }
        }
        Ok(None)
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.input.capacity() - self.input.len() < LEAST_READ {
            self.input.reserve(READ);
        }
        poll_read_buf(Pin::new(&mut self.transport), context, &mut self.input)
    }

    fn closed_by_the_peer(&self) -> Result<Option<Begun>, Error> {
        match self.input.is_empty() && !self.shared.lock().has_exchanges() {
            true => Ok(None),
            false => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the peer has closed it").into()),
        }
    }

    /// Sends all there is to send.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let mut state = self.shared.lock();
        let sent = state.poll_send(context, Pin::new(&mut self.transport))?;
        if sent.is_pending() {
            state.end_turn(context);
        }
        sent.map(Ok)
    }

    /// Closes the connection once there will be no further exchange, and until then waits for something to do.
    fn poll_finish(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let mut state = self.shared.lock();
        if state.is_finished() {
            drop(state);
            return Pin::new(&mut self.transport)
                .poll_shutdown(context)
                .map_err(Error::from);
        }
        if self.input.is_empty() && !state.is_busy() {
            self.input = BytesMut::new();
        }
        state.end_turn(context);
        Poll::Pending
    }
}

impl<T> Drop for Wire<T> {
    fn drop(&mut self) {
        self.shared.lock().end(Error::Closed);
    }
}
