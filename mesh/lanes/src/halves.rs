//! The halves of an exchange, for those who take part in it.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http::response::Parts;
use http_body::{Body, Frame, SizeHint};

use crate::error::Error;
use crate::frame::Reason;
use crate::state::Shared;

/// What is received: the body of a request or of a response. Dropping it before its end cancels the exchange of a client; a server goes on answering.
#[derive(Debug)]
pub struct Receiving {
    shared: Shared,
    number: u32,
}

/// What is sent: a body. Dropping it before its end ends the exchange before its end.
#[derive(Debug)]
pub struct Sending {
    shared: Shared,
    number: u32,
}

/// A request that waits for its answer. Dropping it ends the exchange.
#[derive(Debug)]
pub struct Respond(Sending);

/// An answer that was not yet received. Dropping it cancels the exchange.
#[derive(Debug)]
pub struct Answer(Receiving);

/// Why a body was not sent to its end.
#[derive(Debug, thiserror::Error)]
pub enum Unsent<E: std::error::Error> {
    /// It broke off by itself; the peer was told.
    #[error("{0}")]
    Body(E),
    /// The exchange is over.
    #[error("{0}")]
    Exchange(Error),
}

/// Both halves of exchange `number`.
pub(crate) fn halves(shared: &Shared, number: u32) -> (Receiving, Sending) {
    let receiving = Receiving {
        shared: shared.clone(),
        number,
    };
    let sending = Sending {
        shared: shared.clone(),
        number,
    };
    (receiving, sending)
}

impl Answer {
    pub(crate) fn new(receiving: Receiving) -> Self {
        Self(receiving)
    }

    /// Waits for the response.
    ///
    /// # Errors
    /// When the exchange is over before it.
    pub async fn response(self) -> Result<Response<Receiving>, Error> {
        let Self(receiving) = self;
        let response = poll_fn(|context| {
            let mut state = receiving.shared.lock();
            state.poll_response(context, receiving.number)
        });
        let response = response.await?;
        Ok(response.map(|()| receiving))
    }
}

impl Respond {
    pub(crate) fn new(sending: Sending) -> Self {
        Self(sending)
    }

    /// Waits until the client takes back its request, or is gone.
    pub fn poll_reset(&mut self, context: &mut Context<'_>) -> Poll<Error> {
        let Self(sending) = self;
        sending.shared.lock().poll_reset(context, sending.number)
    }

    /// Sends the head of the response; if it does not end with it, its body follows.
    ///
    /// # Errors
    /// When the exchange is over.
    pub async fn respond(self, head: &Parts, ends: bool) -> Result<Sending, Error> {
        let Self(sending) = self;
        poll_fn(|context| {
            let mut state = sending.shared.lock();
            state.poll_respond(context, sending.number, head, ends)
        })
        .await?;
        Ok(sending)
    }
}

impl Sending {
    /// Sends `body`, at the pace at which the peer takes it.
    ///
    /// # Errors
    /// [`Unsent`].
    pub async fn send<B>(self, body: B) -> Result<(), Unsent<B::Error>>
    where
        B: Body<Data = Bytes>,
        B::Error: std::error::Error,
    {
        let mut body = pin!(body);
        loop {
            match self.next_frame(body.as_mut()).await {
                None => return self.send_data(Bytes::new(), true).await.map_err(Unsent::Exchange),
                Some(Err(unsent)) => return Err(unsent),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        let last = body.is_end_stream();
                        self.send_data(data, last).await.map_err(Unsent::Exchange)?;
                        if last {
                            return Ok(());
                        }
                    }
                    Err(frame) => {
                        let trailers = frame.into_trailers().unwrap_or_default();
                        let sent = self.shared.lock().send_trailers(self.number, &trailers);
                        return sent.map_err(Unsent::Exchange);
                    }
                },
            }
        }
    }

    /// The next frame of `body`, unless the exchange is over before.
    async fn next_frame<B>(&self, mut body: Pin<&mut B>) -> Option<Result<Frame<Bytes>, Unsent<B::Error>>>
    where
        B: Body<Data = Bytes>,
        B::Error: std::error::Error,
    {
        poll_fn(|context| match body.as_mut().poll_frame(context) {
            Poll::Ready(Some(Err(error))) => {
                self.shared.lock().reset(self.number, Reason::Broken);
                Poll::Ready(Some(Err(Unsent::Body(error))))
            }
            Poll::Ready(frame) => Poll::Ready(frame.map(|frame| frame.map_err(Unsent::Body))),
            Poll::Pending => {
                let over = self.shared.lock().poll_reset(context, self.number);
                over.map(|error| Some(Err(Unsent::Exchange(error))))
            }
        })
        .await
    }

    async fn send_data(&self, mut data: Bytes, last: bool) -> Result<(), Error> {
        poll_fn(|context| {
            let mut state = self.shared.lock();
            state.poll_send_data(context, self.number, &mut data, last)
        })
        .await
    }
}

impl Body for Receiving {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.shared.lock().poll_frame(context, self.number)
    }

    fn is_end_stream(&self) -> bool {
        self.shared.lock().is_taken(self.number)
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.shared.lock().left(self.number);
        left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        self.shared.lock().drop_receiver(self.number);
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.shared.lock().drop_sender(self.number);
    }
}
