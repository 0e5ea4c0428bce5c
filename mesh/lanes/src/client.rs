//! The side that begins exchanges.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::error::Error;
use crate::fields::RequestHead;
use crate::halves::{Answer, Sending, halves};
use crate::state::{Shared, Side};
use crate::wire::Wire;

/// Begins exchanges on a connection. Clones do so on the same; when all are dropped, it ends with its last exchange.
#[derive(Debug)]
pub struct Requests(Shared);

/// A connection at the work, as a future: it has to be polled, and ends with the connection.
#[derive(Debug)]
pub struct Connection<T>(Wire<T>);

/// Speaks to a server on `transport`. Heads and trailers of responses are limited to `header_bytes`, as RFC 9113 §6.5.2 counts them. Nothing is
/// exchanged before the first request.
pub fn open<T: AsyncRead + AsyncWrite + Unpin>(
    transport: T,
    header_bytes: usize,
) -> (Requests, Connection<T>) {
    let shared = Shared::new(Side::Client, header_bytes);
    shared.lock().handles = 1;
    (Requests(shared.clone()), Connection(Wire::new(transport, shared)))
}

impl Requests {
    /// Begins an exchange, once there is a lane for it; if the request does not end with its head, its body follows.
    ///
    /// # Errors
    /// When it cannot be begun: nothing of it was sent then.
    pub async fn begin(&self, head: RequestHead<'_>, ends: bool) -> Result<(Answer, Sending), Error> {
        let number = poll_fn(|context| self.0.lock().poll_begin(context, &head, ends)).await?;
        let (receiving, sending) = halves(&self.0, number);
        Ok((Answer::new(receiving), sending))
    }

    /// Whether no further exchange can be begun.
    pub fn is_closed(&self) -> bool {
        self.0.lock().is_closed()
    }

    /// When the peer was last heard of.
    pub fn last_read(&self) -> Instant {
        self.0.lock().last_read()
    }
}

impl Clone for Requests {
    fn clone(&self) -> Self {
        self.0.lock().handles += 1;
        Self(self.0.clone())
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        self.0.lock().drop_handle();
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Future for Connection<T> {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_next(context).map_ok(|begun| {
            assert!(begun.is_none(), "only servers take requests");
        })
    }
}
