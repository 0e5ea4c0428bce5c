//! What an HTTP/2 connection writes while it is polled once, sent as one.
//!
//! h2 flushes after each larger DATA frame. Over TLS that makes a record and a system call of every frame, although a busy
//! connection has the frames of many requests to send. So flushes are put off until h2 has nothing more to do.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use hallway_identity::HandshakeFailure;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::transport::Transport;

/// The transport of one HTTP/2 connection: one clone is h2's to read and write, the other belongs to whoever polls h2.
#[derive(Clone)]
pub(crate) struct Cork(Arc<Mutex<Inner>>);

struct Inner {
    transport: Transport,
    unsent: BytesMut,
    /// Whether the transport has taken bytes that it may still hold itself, as TLS does when the socket is full.
    unflushed: bool,
    /// Why nothing can be sent any more; h2 learns it with its next read.
    broken: Option<io::Error>,
    last_read: Instant,
    refusal: Option<HandshakeFailure>,
}

/// How much is held back at most, in bytes; beyond it h2 has to wait for the peer.
const LIMIT: usize = 64 * 1024;

/// A buffer that has grown beyond this is not kept, in bytes.
const KEPT: usize = 16 * 1024;

impl Cork {
    /// Puts a cork on `transport`.
    pub(crate) fn on(transport: Transport) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            transport,
            unsent: BytesMut::new(),
            unflushed: false,
            broken: None,
            last_read: Instant::now(),
            refusal: None,
        })))
    }

    /// Polls the connection, and then sends what it has written meanwhile.
    pub(crate) fn poll_then_send<T>(
        &self,
        context: &mut Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let polled = poll(context);
        let mut inner = self.lock();
        if let Poll::Ready(Err(error)) = inner.poll_send(context) {
            inner.broken = Some(error);
            context.waker().wake_by_ref();
        }
        polled
    }

    /// When the peer was last heard of.
    pub(crate) fn last_read(&self) -> Instant {
        self.lock().last_read
    }

    /// Why the peer has ended TLS, if it gave a reason.
    pub(crate) fn refusal(&self) -> Option<HandshakeFailure> {
        self.lock().refusal.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("reading and writing do not panic")
    }
}

impl Inner {
    /// Sends what was held back.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.unflushed |= !self.unsent.is_empty();
        if !self.unflushed {
            return Poll::Ready(Ok(()));
        }
        while !self.unsent.is_empty() {
            let transport = Pin::new(&mut self.transport);
            match ready!(transport.poll_write(context, &self.unsent))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                sent => self.unsent.advance(sent),
            }
        }
        if self.unsent.capacity() > KEPT {
            self.unsent = BytesMut::new();
        }
        ready!(Pin::new(&mut self.transport).poll_flush(context))?;
        self.unflushed = false;
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Cork {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut inner = self.lock();
        if let Some(error) = inner.broken.take() {
            return Poll::Ready(Err(error));
        }
        let read = ready!(Pin::new(&mut inner.transport).poll_read(context, buffer));
        match &read {
            Ok(()) => inner.last_read = Instant::now(),
            Err(error) => inner.refusal = HandshakeFailure::from_io(error),
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for Cork {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut inner = self.lock();
        if inner.unsent.len() >= LIMIT {
            ready!(inner.poll_send(context))?;
        }
        let some = bytes.len().min(LIMIT);
        inner.unsent.extend_from_slice(&bytes[..some]);
        Poll::Ready(Ok(some))
    }

    /// Nothing yet: see [`Cork::poll_then_send`].
    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.lock();
        ready!(inner.poll_send(context))?;
        Pin::new(&mut inner.transport).poll_shutdown(context)
    }
}
