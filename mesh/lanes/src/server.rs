//! The side that answers.

use std::task::{Context, Poll};

use http::Request;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::error::Error;
use crate::halves::{Receiving, Respond, halves};
use crate::receive::Begun;
use crate::state::{Shared, Side};
use crate::wire::Wire;

/// A connection, which has to be polled for its next request.
#[derive(Debug)]
pub struct Connection<T> {
    wire: Wire<T>,
    shared: Shared,
}

/// An exchange that the client has begun.
#[derive(Debug)]
pub struct Exchange {
    /// The request, with its body still to come.
    pub request: Request<Receiving>,
    /// By which it is answered.
    pub respond: Respond,
}

/// Answers a client on `transport`. Heads and trailers of requests are limited to `header_bytes`, as RFC 9113 §6.5.2 counts them; a request with a
/// longer head is answered with 431.
pub fn open<T: AsyncRead + AsyncWrite + Unpin>(transport: T, header_bytes: usize) -> Connection<T> {
    let shared = Shared::new(Side::Server, header_bytes);
    Connection {
        wire: Wire::new(transport, shared.clone()),
        shared,
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Connection<T> {
    /// The next exchange; none when the connection has ended as it should. While this waits, it does the work of all exchanges.
    pub fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Exchange, Error>>> {
        self.wire.poll_next(context).map(|next| {
            let next = next.transpose()?;
            Some(next.map(|Begun { request, number }| {
                let (receiving, sending) = halves(&self.shared, number);
                Exchange {
                    request: request.map(|()| receiving),
                    respond: Respond::new(sending),
                }
            }))
        })
    }

    /// Asks the client to begin no further exchange. The connection ends with the last one that it has begun.
    pub fn say_goodbye(&mut self) {
        self.shared.lock().say_goodbye();
    }

    /// Whether an exchange is not over.
    pub fn has_exchanges(&self) -> bool {
        self.shared.lock().has_exchanges()
    }
}
