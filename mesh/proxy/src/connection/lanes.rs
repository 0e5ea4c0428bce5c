//! Lanes towards an upstream: many requests at a time.

use std::future::poll_fn;
use std::task::Poll;

use hallway_host::Host;
use hallway_host::task::TaskGuard;
use hallway_identity::HandshakeFailure;
use hallway_lanes::client::{Connection, Requests, open as open_lanes};
use hallway_lanes::{Error, RequestHead, Sending};
use http::Response;
use http::header::{HeaderValue, TE};
use http_body::Body;
use tokio::time::Instant;

use super::{SendError, life};
use crate::body::RequestBody;
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
    pub(super) async fn send(
        &mut self,
        host: &Host,
        mut request: Outgoing,
        upload: &mut Option<TaskGuard>,
    ) -> Result<Response<Incoming>, SendError> {
        if request.takes_trailers {
            request.headers.insert(TE, HeaderValue::from_static("trailers"));
        }
        let head = RequestHead {
            method: &request.method,
            authority: &request.authority,
            target: &request.target,
            headers: &request.headers,
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
            *upload = send_body(host, sending, request.body).await;
        }
        let response = answer.response().await.map_err(|error| failure(&error))?;
        Ok(response.map(Incoming::Lane))
    }
}

fn failure(error: &Error) -> SendError {
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
