//! Lanes towards an upstream: many requests at a time.

use std::future::poll_fn;
use std::task::Poll;

use hallway_host::Host;
use hallway_host::task::TaskGuard;
use hallway_identity::HandshakeFailure;
use hallway_lanes::client::{Connection, Requests, open as open_lanes};
use hallway_lanes::{Error, RequestHead, Sending};
use http::Response;
use http::header::TE;
use http_body::Body;
use tokio::time::Instant;

use super::{SendError, life};
use crate::body::RequestBody;
use crate::incoming::Incoming;
use crate::outgoing::{Outgoing, TRAILERS};
use crate::transport::Transport;

#[derive(Clone)]
pub(super) struct Sender(Requests);

/// What does the connection's work.
pub(super) type Driver = Connection<Transport>;

/// Opens lanes on `transport`; heads of responses are limited to `header_bytes`.
pub(super) fn open(transport: Transport, header_bytes: usize) -> (super::Sender, life::Driver) {
    let (requests, driver) = open_lanes(transport, header_bytes);
    let driver = life::Driver::Lanes(Box::new(driver));
    (super::Sender::Lanes(Sender(requests)), driver)
}

impl Sender {
    /// Whether it no longer takes requests.
    pub(super) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// When the peer was last heard of.
    pub(super) fn last_read(&self) -> Instant {
        self.0.last_read()
    }

    /// Sends a request; a body that has to wait for the peer goes on in `upload`.
    pub(super) async fn send<'a>(
        &mut self,
        host: &Host,
        request: Outgoing<'a>,
        upload: &mut Option<TaskGuard>,
    ) -> Result<Response<Incoming>, SendError<'a>> {
        let head = &mut *request.head;
        if head.takes_trailers {
            head.headers.insert(TE, TRAILERS);
        }
        let written = RequestHead {
            method: &head.method,
            authority: &head.authority,
            target: &head.target,
            headers: &head.headers,
        };
        let is_empty = request.body.is_end_stream();
        let begun = self.0.begin(written, is_empty).await;
        if head.takes_trailers {
            // A connection of another kind says it in another way.
            head.headers.remove(TE);
        }
        let (answer, sending) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                return Err(SendError {
                    unsent: Some(Box::new(request)),
                    may_be_executed: false,
                    ..failure(&error)
                });
            }
        };
        if !is_empty {
            *upload = send_body(host, sending, request.body).await;
        }
        let response = answer.response().await.map_err(|error| failure(&error))?;
        Ok(response.map(Incoming::Lane))
    }
}

fn failure<'a>(error: &Error) -> SendError<'a> {
    SendError {
        unsent: None,
        may_be_executed: !error.is_refusal(),
        refusal: error.as_io().and_then(HandshakeFailure::from_io),
        cause: error.to_string(),
    }
}

/// Sends a body: at once if the peer can take it whole, otherwise in a task, since the peer may answer before it was sent to
/// its end.
async fn send_body(host: &Host, sending: Sending, body: RequestBody) -> Option<TaskGuard> {
    // Whatever stops it reaches the request as the end of its exchange.
    let mut sending = Box::pin(async move { drop(sending.send(body).await) });
    let is_sent = poll_fn(|context| Poll::Ready(sending.as_mut().poll(context).is_ready())).await;
    (!is_sent).then(|| host.spawn(sending).abort_on_drop())
}
