//! Lanes towards an upstream: many requests at a time.

use hallway_host::Host;
use hallway_host::task::TaskGuard;
use hallway_identity::HandshakeFailure;
use hallway_lanes::client::{Connection, Requests, open as open_lanes};
use hallway_lanes::{Error, RequestHead};
use http::Response;
use http_body::Body;
use tokio::time::Instant;

use super::{SendError, life};
use crate::incoming::Incoming;
use crate::outgoing::Outgoing;
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
        &self,
        host: &Host,
        request: Outgoing<'a>,
        upload: &mut Option<TaskGuard>,
    ) -> Result<Response<Incoming>, SendError<'a>> {
        let head = RequestHead {
            method: &request.head.method,
            authority: &request.head.authority,
            target: &request.head.target,
            headers: &request.head.headers,
            takes_trailers: request.head.takes_trailers,
        };
        let is_empty = request.body.is_end_stream();
        let (answer, sending) = match self.0.begin(head, is_empty).await {
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
            // Whatever stops it reaches the request as the end of its exchange.
            let sending = async move { drop(sending.send(request.body).await) };
            *upload = super::upload(host, sending).await;
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
