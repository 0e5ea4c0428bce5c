//! One lane: what one side knows of the exchange that travels in it.

use std::collections::VecDeque;
use std::task::{Context, Waker};

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use crate::frame::Reason;
use crate::{EXCHANGE_WINDOW, LANES};

/// A lane. It is used by one exchange after the other.
#[derive(Debug)]
pub(crate) struct Lane {
    /// The number of the exchange; 0 while there is none.
    pub(crate) number: u32,
    /// How many exchanges it has had; the client's business.
    turns: u32,
    /// Whether the peer's head has arrived.
    pub(crate) received_head: bool,
    /// The head of the response, until somebody takes it.
    pub(crate) response: Option<Response<()>>,
    /// What has arrived of the body, until somebody takes it.
    pub(crate) data: VecDeque<Bytes>,
    pub(crate) trailers: Option<HeaderMap>,
    /// How many bytes of the body are still to arrive, where the head has said it.
    pub(crate) announced: Option<u64>,
    /// Whether the request was one for a head alone.
    pub(crate) only_head: bool,
    /// How many bytes the peer may still send.
    pub(crate) receivable: u32,
    /// How many were taken, and the peer not yet told.
    pub(crate) taken: u32,
    /// How many bytes may still be sent.
    pub(crate) sendable: u32,
    /// Whether the peer's side has ended.
    pub(crate) received_all: bool,
    /// Whether a piece of a body was sent.
    pub(crate) sent_data: bool,
    /// Whether this side has ended.
    pub(crate) sent_all: bool,
    /// Why the exchange is over before its end.
    pub(crate) reset: Option<Reason>,
    /// Whether somebody holds the receiving half.
    pub(crate) has_receiver: bool,
    /// Whether somebody holds the sending half.
    pub(crate) has_sender: bool,
    receiver: Option<Waker>,
    sender: Option<Waker>,
}

impl Lane {
    /// One that is free.
    pub(crate) fn free() -> Self {
        Self {
            number: 0,
            turns: 0,
            received_head: false,
            response: None,
            data: VecDeque::new(),
            trailers: None,
            announced: None,
            only_head: false,
            receivable: 0,
            taken: 0,
            sendable: 0,
            received_all: false,
            sent_data: false,
            sent_all: false,
            reset: None,
            has_receiver: false,
            has_sender: false,
            receiver: None,
            sender: None,
        }
    }

    /// Begins exchange `number`.
    pub(crate) fn begin(&mut self, number: u32) {
        *self = Self {
            number,
            turns: self.turns,
            receivable: EXCHANGE_WINDOW,
            sendable: EXCHANGE_WINDOW,
            has_receiver: true,
            has_sender: true,
            data: self.emptied(),
            ..Self::free()
        };
    }

    /// Ends whatever it was used for.
    pub(crate) fn clear(&mut self) {
        *self = Self {
            turns: self.turns,
            data: self.emptied(),
            ..Self::free()
        };
    }

    /// The queue, whose memory is used again.
    fn emptied(&mut self) -> VecDeque<Bytes> {
        self.data.clear();
        std::mem::take(&mut self.data)
    }

    /// The number of the next exchange in this lane, which is lane `index`.
    pub(crate) fn next_number(&mut self, index: u8) -> u32 {
        const TURNS: u32 = u32::MAX / LANES as u32;
        self.turns = self.turns % TURNS + 1;
        self.turns * LANES as u32 + u32::from(index)
    }

    /// Which lane the exchange with this number travels in.
    pub(crate) fn of(number: u32) -> usize {
        number as usize % LANES
    }

    /// Whether nothing more will be said of the exchange.
    pub(crate) fn is_over(&self) -> bool {
        self.reset.is_some() || (self.received_all && self.sent_all)
    }

    /// Whether nobody here is interested in it any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        !self.has_receiver && !self.has_sender
    }

    /// Whether there is nothing more to take.
    pub(crate) fn is_taken(&self) -> bool {
        self.received_all && self.data.is_empty() && self.trailers.is_none()
    }

    /// How many bytes wait to be taken.
    pub(crate) fn unread(&self) -> usize {
        self.data.iter().map(Bytes::len).sum()
    }

    /// Notes what a head says of its body, which begins, and maybe `ends`, with it. False when that cannot be.
    pub(crate) fn announce(&mut self, headers: &HeaderMap, status: Option<StatusCode>, ends: bool) -> bool {
        let mut lengths = headers.get_all(CONTENT_LENGTH).iter().map(length);
        let Some(first) = lengths.next() else {
            return true;
        };
        let Some(length) = first.filter(|_| lengths.all(|other| other == first)) else {
            return false;
        };
        let has_no_body = matches!(status, Some(StatusCode::NOT_MODIFIED | StatusCode::NO_CONTENT));
        if ends && (has_no_body || self.only_head) {
            return true;
        }
        self.announced = Some(length);
        self.keeps_to(0, ends)
    }

    /// Whether `arrived` more bytes of the body, and its end with them if it `ends`, are what was announced.
    pub(crate) fn keeps_to(&mut self, arrived: usize, ends: bool) -> bool {
        let Some(announced) = &mut self.announced else {
            return true;
        };
        match announced.checked_sub(arrived as u64) {
            Some(left) => {
                *announced = left;
                !ends || left == 0
            }
            None => false,
        }
    }

    /// Waits for something to receive.
    pub(crate) fn await_receiving(&mut self, context: &Context<'_>) {
        replace(&mut self.receiver, context);
    }

    /// Waits for leave to send, or for a reset.
    pub(crate) fn await_sending(&mut self, context: &Context<'_>) {
        replace(&mut self.sender, context);
    }

    /// There is something to receive.
    pub(crate) fn wake_receiver(&mut self) {
        if let Some(waker) = self.receiver.take() {
            waker.wake();
        }
    }

    /// There is leave to send.
    pub(crate) fn wake_sender(&mut self) {
        if let Some(waker) = self.sender.take() {
            waker.wake();
        }
    }

    /// The exchange is over.
    pub(crate) fn wake_all(&mut self) {
        self.wake_receiver();
        self.wake_sender();
    }
}

/// A length as `Content-Length` writes it: in digits only, where `parse` would take a sign (RFC 9110 §8.6).
fn length(value: &HeaderValue) -> Option<u64> {
    let digits = value.to_str().ok()?;
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| digits.parse().ok()).flatten()
}

/// Whether requests of this method are answered with a head alone (RFC 9110 §9.3.2).
pub(crate) fn asks_for_head(method: &Method) -> bool {
    *method == Method::HEAD
}

fn replace(waiting: &mut Option<Waker>, context: &Context<'_>) {
    match waiting {
        Some(waker) => waker.clone_from(context.waker()),
        None => *waiting = Some(context.waker().clone()),
    }
}
