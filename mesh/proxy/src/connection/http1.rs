//! HTTP/1.1 towards an upstream: one request at a time.

use std::error::Error;
use std::io;

use hallway_identity::HandshakeFailure;
use http::Response;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::{SendError, life};
use crate::body::RequestBody;
use crate::incoming::Incoming;
use crate::outgoing::Outgoing;
use crate::pool::Condition;
use crate::transport::Transport;

pub(super) struct Sender(http1::SendRequest<RequestBody>);

/// What does the connection's work.
pub(super) type Driver = http1::Connection<TokioIo<Transport>, RequestBody>;

/// Opens HTTP/1.1 on `transport`; heads of responses are limited to `header_bytes`.
pub(super) async fn open(transport: Transport, header_bytes: usize) -> (super::Sender, life::Driver) {
    let (sender, driver) = http1::Builder::new()
        .max_header_size(header_bytes)
        // As towards the downstream: one small copy is cheaper than two pieces for the kernel.
        .writev(false)
        .handshake(TokioIo::new(transport))
        .await
        .expect("nothing is exchanged before the first request");
    let driver = life::Driver::Http1(Box::new(driver));
    (super::Sender::Http1(Sender(sender)), driver)
}

impl Sender {
    pub(super) async fn send<'a>(
        &mut self,
        request: Outgoing<'a>,
    ) -> Result<Response<Incoming>, SendError<'a>> {
        let (message, on_its_way) = request.into_http1();
        let sent = self.0.try_send_request(message).await;
        sent.map(|response| response.map(Incoming::Http1))
            .map_err(|mut failed| {
                let unsent = failed
                    .take_message()
                    .map(|message| Box::new(on_its_way.come_back(message)));
                let error = failed.into_error();
                SendError {
                    may_be_executed: unsent.is_none(),
                    unsent,
                    refusal: causes(&error)
                        .filter_map(|cause| cause.downcast_ref::<io::Error>())
                        .find_map(HandshakeFailure::from_io),
                    cause: described(&error),
                }
            })
    }

    pub(super) fn condition(&self) -> Condition {
        if self.0.is_closed() {
            Condition::Spent
        } else if self.0.is_ready() {
            Condition::Ready
        } else {
            Condition::Busy
        }
    }
}

fn causes<'a>(error: &'a hyper::Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause: &&'a (dyn Error + 'static)| {
        (*cause).source()
    })
}

/// An error with its causes: hyper's own words name only the outermost.
fn described(error: &hyper::Error) -> String {
    causes(error).fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
