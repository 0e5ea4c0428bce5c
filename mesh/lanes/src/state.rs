//! What both halves of one side share: the exchanges in their lanes, and what is to be sent.

use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, Response};
use http_body::Frame as BodyFrame;
use tokio::time::Instant;

use crate::error::Error;
use crate::fields::{self, RequestHead};
use crate::frame::{self, MOST_DATA, Reason};
use crate::lane::{Lane, asks_for_head};
use crate::{CONNECTION_WINDOW, EXCHANGE_WINDOW, LANES};

/// One side of a connection, shared by whoever drives it and those who take part in its exchanges.
#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<Mutex<State>>);

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) side: Side,
    pub(crate) lanes: Vec<Lane>,
    /// The lanes in which an exchange may begin; the client's business.
    free: Vec<u8>,
    /// How long heads and trailers may be, in bytes as RFC 9113 §6.5.2 counts them.
    pub(crate) limit: usize,
    /// What is to be sent.
    pub(crate) out: Vec<u8>,
    /// How many bytes of it are sent already.
    pub(crate) sent: usize,
    /// Whether the transport has taken bytes that it may still hold itself, as TLS does when the socket is full.
    pub(crate) unflushed: bool,
    /// How many bytes of all bodies together the peer may still send, and how many were taken without its knowing.
    pub(crate) receivable: u32,
    taken: u32,
    /// How many may still be sent.
    pub(crate) sendable: u32,
    /// How many handles could begin an exchange; the client's business.
    pub(crate) handles: usize,
    /// How many halves of exchanges somebody here holds.
    pub(crate) halves: usize,
    pub(crate) said_goodbye: bool,
    pub(crate) heard_goodbye: bool,
    /// Why the connection has ended.
    pub(crate) ended: Option<Error>,
    pub(crate) last_read: Instant,
    pub(crate) driver: Option<Waker>,
    /// Those who wait for room, a lane, or the connection's window.
    waiting: Vec<Waker>,
}

/// Which side of the connection this is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// How much is held back to be sent, in bytes, before those who would send more have to wait.
const ROOM: usize = 64 * 1024;

/// How much of a body is sent together with its head, in bytes. The head of a longer one goes ahead: TLS would make one record of both, and
/// on a slow line nothing of it could be read before all of it is there.
const WITH_ITS_HEAD: usize = 4 * 1024;

/// How many halves of exchanges are held here at most. Those of exchanges that were reset count until they are dropped.
pub(crate) const MOST_HALVES: usize = 4 * LANES;

impl Shared {
    pub(crate) fn new(side: Side, limit: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            side,
            lanes: Vec::new(),
            free: (0..=u8::MAX).rev().collect(),
            limit,
            out: Vec::new(),
            sent: 0,
            unflushed: false,
            receivable: CONNECTION_WINDOW,
            taken: 0,
            sendable: CONNECTION_WINDOW,
            handles: 0,
            halves: 0,
            said_goodbye: false,
            heard_goodbye: false,
            ended: None,
            last_read: Instant::now(),
            driver: None,
            waiting: Vec::new(),
        })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nothing panics while it holds the lock")
    }
}

impl State {
    /// Begins an exchange, which is over for this side already if it `ends` with its head, and gives its number.
    pub(crate) fn poll_begin(
        &mut self,
        context: &Context<'_>,
        head: &RequestHead<'_>,
        ends: bool,
    ) -> Poll<Result<u32, Error>> {
        if let Some(error) = &self.ended {
            return Poll::Ready(Err(error.clone()));
        }
        if self.heard_goodbye {
            return Poll::Ready(Err(Error::Closed));
        }
        let lane = match self.free.last() {
            Some(&lane) if self.out.len() < ROOM => lane,
            _ => return self.wait(context),
        };
        let number = self.lane_at(usize::from(lane)).next_number(lane);
        let written = frame::head(&mut self.out, number, ends, |out| {
            fields::write_request(out, head)
        });
        if written.is_err() {
            return Poll::Ready(Err(Error::TooLong));
        }
        self.free.pop();
        self.halves += 2;
        let lane = self.lane_at(usize::from(lane));
        lane.begin(number);
        lane.only_head = asks_for_head(head.method);
        lane.sent_all = ends;
        self.wake_driver();
        Poll::Ready(Ok(number))
    }

    /// The head of the response.
    pub(crate) fn poll_response(
        &mut self,
        context: &Context<'_>,
        number: u32,
    ) -> Poll<Result<Response<()>, Error>> {
        if let Some(response) = self.lane(number).and_then(|lane| lane.response.take()) {
            return Poll::Ready(Ok(response));
        }
        self.open(number)?.await_receiving(context);
        Poll::Pending
    }

    /// The next piece of a body, or its trailers.
    pub(crate) fn poll_frame(
        &mut self,
        context: &Context<'_>,
        number: u32,
    ) -> Poll<Option<Result<BodyFrame<Bytes>, Error>>> {
        if let Some(lane) = self.lane(number) {
            if let Some(data) = lane.data.pop_front() {
                self.take(number, data.len());
                return Poll::Ready(Some(Ok(BodyFrame::data(data))));
            }
            if lane.received_all {
                return Poll::Ready(
                    lane.trailers
                        .take()
                        .map(|trailers| Ok(BodyFrame::trailers(trailers))),
                );
            }
        }
        match self.open(number) {
            Ok(lane) => lane.await_receiving(context),
            Err(error) => return Poll::Ready(Some(Err(error))),
        }
        Poll::Pending
    }

    /// Whether nothing more of a body will come.
    pub(crate) fn is_taken(&mut self, number: u32) -> bool {
        self.lane(number).is_some_and(|lane| lane.is_taken())
    }

    /// How many bytes of a body are still to be taken, where that is known.
    pub(crate) fn left(&mut self, number: u32) -> Option<u64> {
        let lane = self.lane(number)?;
        let arrived = lane.unread();
        let coming = if lane.received_all {
            Some(0)
        } else {
            lane.announced
        };
        coming.map(|coming| coming + arrived as u64)
    }

    /// Sends the head of a response, and with it all of it if it `ends` so.
    pub(crate) fn poll_respond(
        &mut self,
        context: &Context<'_>,
        number: u32,
        head: &Parts,
        ends: bool,
    ) -> Poll<Result<(), Error>> {
        self.open(number)?.await_sending(context);
        if self.out.len() >= ROOM {
            return self.wait(context);
        }
        let fields = |out: &mut Vec<u8>| fields::write_response(out, head.status, &head.headers);
        if frame::head(&mut self.out, number, ends, fields).is_err() {
            return Poll::Ready(Err(Error::TooLong));
        }
        self.open(number)?.sent_all = ends;
        self.wake_driver();
        Poll::Ready(Ok(()))
    }

    /// Sends `data`, and the end of the body after it if it is the `last`, as far as the peer and the connection can take it.
    pub(crate) fn poll_send_data(
        &mut self,
        context: &Context<'_>,
        number: u32,
        data: &mut Bytes,
        last: bool,
    ) -> Poll<Result<(), Error>> {
        loop {
            let lane = self.open(number)?;
            let (lane_sendable, is_first) = (lane.sendable, !lane.sent_data);
            if data.is_empty() && !last {
                return Poll::Ready(Ok(()));
            }
            let most = lane_sendable.min(self.sendable) as usize;
            let length = data.len().min(most).min(MOST_DATA);
            let head_goes_ahead = is_first && length > WITH_ITS_HEAD && !self.out.is_empty();
            if self.out.len() >= ROOM || head_goes_ahead || (length == 0 && !data.is_empty()) {
                self.open(number)?.await_sending(context);
                return self.wait(context);
            }
            let piece = data.split_to(length);
            let ends = last && data.is_empty();
            frame::data(&mut self.out, number, &piece, ends);
            self.sendable -= piece.len() as u32;
            let lane = self.open(number)?;
            lane.sendable -= piece.len() as u32;
            lane.sent_all = ends;
            lane.sent_data = true;
            self.wake_driver();
            if data.is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Sends trailers, and with them the end of the body.
    pub(crate) fn send_trailers(&mut self, number: u32, trailers: &HeaderMap) -> Result<(), Error> {
        self.open(number)?;
        frame::trailers(&mut self.out, number, |out| fields::write_headers(out, trailers))
            .map_err(|_| Error::TooLong)?;
        self.open(number)?.sent_all = true;
        self.wake_driver();
        Ok(())
    }

    /// Waits until the exchange is over before its end.
    pub(crate) fn poll_reset(&mut self, context: &Context<'_>, number: u32) -> Poll<Error> {
        match self.open(number) {
            Ok(lane) => lane.await_sending(context),
            Err(error) => return Poll::Ready(error),
        }
        Poll::Pending
    }

    /// Ends an exchange before its end.
    pub(crate) fn reset(&mut self, number: u32, reason: Reason) {
        let Ok(lane) = self.open(number) else {
            return;
        };
        lane.reset = Some(reason);
        lane.wake_all();
        frame::reset(&mut self.out, number, reason);
        self.wake_driver();
    }

    /// Nobody waits for the rest of a body any more.
    pub(crate) fn drop_receiver(&mut self, number: u32) {
        self.halves -= 1;
        let side = self.side;
        let Some(lane) = self.lane(number) else {
            return;
        };
        lane.has_receiver = false;
        let unread = lane.unread();
        lane.data.clear();
        if side == Side::Client && !lane.received_all {
            self.reset(number, Reason::Cancelled);
        }
        self.credit(unread);
        self.leave_if_abandoned(number);
    }

    /// Nobody sends the rest of a body any more.
    pub(crate) fn drop_sender(&mut self, number: u32) {
        self.halves -= 1;
        let reason = match self.side {
            Side::Client => Reason::Cancelled,
            Side::Server => Reason::Broken,
        };
        let Some(lane) = self.lane(number) else {
            return;
        };
        lane.has_sender = false;
        if !lane.sent_all {
            self.reset(number, reason);
        }
        self.leave_if_abandoned(number);
    }

    /// Frees the lane of an exchange in which nobody here takes part any more.
    fn leave_if_abandoned(&mut self, number: u32) {
        if !self.lane(number).is_some_and(|lane| lane.is_abandoned()) {
            return;
        }
        if self.lane(number).is_some_and(|lane| !lane.is_over()) {
            self.reset(number, Reason::Cancelled);
        }
        self.clear(number);
        if self.side == Side::Client {
            self.free
                .push(u8::try_from(Lane::of(number)).expect("there are no more lanes"));
            self.wake_waiting();
        }
    }

    /// Frees a lane.
    pub(crate) fn clear(&mut self, number: u32) {
        if let Some(lane) = self.lane(number) {
            let unread = lane.unread();
            lane.clear();
            self.credit(unread);
        }
    }

    /// `length` bytes of a body were taken: the peer may send as many more.
    fn take(&mut self, number: u32, length: usize) {
        self.credit(length);
        let Some(lane) = self.lane(number).filter(|lane| !lane.received_all) else {
            return;
        };
        lane.taken += length as u32;
        if lane.taken >= EXCHANGE_WINDOW / 2 {
            let taken = std::mem::take(&mut lane.taken);
            lane.receivable += taken;
            frame::window(&mut self.out, number, taken);
            self.wake_driver();
        }
    }

    /// The same for the connection as a whole.
    pub(crate) fn credit(&mut self, length: usize) {
        self.taken += length as u32;
        if self.taken >= CONNECTION_WINDOW / 2 {
            let taken = std::mem::take(&mut self.taken);
            self.receivable += taken;
            frame::window(&mut self.out, 0, taken);
            self.wake_driver();
        }
    }

    pub(crate) fn wake_driver(&mut self) {
        if let Some(driver) = self.driver.take() {
            driver.wake();
        }
    }

    fn wait<T>(&mut self, context: &Context<'_>) -> Poll<T> {
        if !self.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            self.waiting.push(context.waker().clone());
        }
        Poll::Pending
    }

    pub(crate) fn wake_waiting(&mut self) {
        for waker in self.waiting.drain(..) {
            waker.wake();
        }
    }

    /// The lane of an exchange that takes its course.
    fn open(&mut self, number: u32) -> Result<&mut Lane, Error> {
        if let Some(error) = &self.ended {
            return Err(error.clone());
        }
        match self.lane(number) {
            // Its lane is used by another one, so it was over for the peer.
            None => Err(Error::Reset(Reason::Cancelled)),
            Some(Lane {
                reset: Some(reason), ..
            }) => Err(Error::Reset(*reason)),
            Some(lane) => Ok(lane),
        }
    }

    /// The lane of an exchange that is still known.
    pub(crate) fn lane(&mut self, number: u32) -> Option<&mut Lane> {
        let lane = self.lanes.get_mut(Lane::of(number))?;
        (lane.number == number && number != 0).then_some(lane)
    }

    /// Lane `index`, whatever is in it.
    pub(crate) fn lane_at(&mut self, index: usize) -> &mut Lane {
        while self.lanes.len() <= index {
            self.lanes.push(Lane::free());
        }
        &mut self.lanes[index]
    }
}
