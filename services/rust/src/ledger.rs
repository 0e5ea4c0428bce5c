//! What arrived and how it ended, written down when it happens.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use hallway_host::Host;
use http::{HeaderMap, Request, StatusCode};

use crate::contract::{
    ATTEMPT_HEADER, Bootstrap, CLIENT_CERT_HEADER, CORRELATION_HEADER, CallResult, Effect, Finished,
    FirstCall, Outcome, REQUEST_ID_HEADER, Received, Record,
};
use crate::message;

/// The service's testimony about every request that it handles.
pub(crate) struct Ledger {
    host: Host,
    service: String,
    version: String,
    instance: String,
    handled: AtomicU64,
}

/// A request that has been received and not finished. Dropped unfinished, it is recorded as cancelled: whoever drops it has
/// given the request up.
pub(crate) struct Handling {
    host: Host,
    number: u64,
    finished: bool,
}

impl Ledger {
    pub(crate) fn new(host: Host, bootstrap: &Bootstrap) -> Self {
        Self {
            host,
            service: bootstrap.service.clone(),
            version: bootstrap.version.clone(),
            instance: bootstrap.instance.clone(),
            handled: AtomicU64::new(0),
        }
    }

    /// Records the arrival of `request`.
    pub(crate) fn receive<B>(&self, request: &Request<B>) -> Handling {
        let number = self.handled.fetch_add(1, Ordering::Relaxed) + 1;
        let header = |name| text(request.headers(), name);
        self.host.record(&Record::Received(Received {
            handling: number,
            service: self.service.clone(),
            version: self.version.clone(),
            instance: self.instance.clone(),
            at_us: microseconds(self.host.wall_clock()),
            method: request.method().to_string(),
            path: message::path(request.uri()),
            request_id: header(REQUEST_ID_HEADER),
            correlation: header(CORRELATION_HEADER),
            attempt: header(ATTEMPT_HEADER).and_then(|attempt| attempt.parse().ok()),
            client_cert: header(CLIENT_CERT_HEADER),
            traceparent: header("traceparent"),
        }));
        Handling {
            host: self.host.clone(),
            number,
            finished: false,
        }
    }

    /// Records what came of one of the calls that are made at first.
    pub(crate) fn first_call(&self, number: u64, result: CallResult) {
        self.host.record(&Record::FirstCall(FirstCall {
            number,
            at_us: microseconds(self.host.wall_clock()),
            url: result.url,
            status: result.status,
            error: result.error,
        }));
    }
}

impl Handling {
    /// Records an effect of the request.
    pub(crate) fn effect(&self, number: u64, key: Option<&str>) {
        self.host.record(&Record::Effect(Effect {
            handling: self.number,
            at_us: microseconds(self.host.wall_clock()),
            number,
            key: key.map(str::to_owned),
        }));
    }

    /// Records that an answer is about to leave.
    pub(crate) fn answered(self, status: StatusCode) {
        self.finish(Outcome::Answered, Some(status.as_u16()));
    }

    /// Records that half of an answer is about to leave.
    pub(crate) fn truncated(self, status: StatusCode) {
        self.finish(Outcome::Truncated, Some(status.as_u16()));
    }

    /// Records that the connection is about to be reset.
    pub(crate) fn reset(self, outcome: Outcome) {
        self.finish(outcome, None);
    }

    fn finish(mut self, outcome: Outcome, status: Option<u16>) {
        self.finished = true;
        self.write(outcome, status);
    }

    fn write(&self, outcome: Outcome, status: Option<u16>) {
        let at_us = microseconds(self.host.wall_clock());
        self.host.record(&Record::Finished(Finished {
            handling: self.number,
            at_us,
            outcome,
            status,
        }));
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        if !self.finished {
            self.write(Outcome::Cancelled, None);
        }
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(message::text)
}

fn microseconds(time: SystemTime) -> u64 {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX)
}
