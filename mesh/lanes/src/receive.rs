//! What a frame of the peer does.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};

use crate::fields::{self, Unreadable};
use crate::frame::{self, Content, Frame, Reason, Violation};
use crate::lane::{Lane, asks_for_head};
use crate::state::{MOST_HALVES, Side, State};

/// An exchange that the peer has begun.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) request: Request<()>,
    pub(crate) number: u32,
}

/// The largest window that can be granted, in bytes (as in RFC 9113 §6.9.1).
const MOST_WINDOW: u32 = (1 << 31) - 1;

impl State {
    /// Takes a frame, and gives the exchange that begins with it, if one does.
    ///
    /// # Errors
    /// When it should not have been sent.
    pub(crate) fn receive(&mut self, frame: Frame) -> Result<Option<Begun>, Violation> {
        let Frame { number, content } = frame;
        match content {
            Content::Head { fields, end } => match self.side {
                Side::Server => return self.receive_request(number, fields, end),
                Side::Client => self.receive_response(number, fields, end),
            },
            Content::Data { data, end } => self.receive_data(number, data, end)?,
            Content::Trailers { fields } => self.receive_trailers(number, fields)?,
            Content::Reset(reason) => {
                if let Some(lane) = self.lane(number).filter(|lane| !lane.is_over()) {
                    lane.reset = Some(reason);
                    lane.wake_all();
                }
            }
            Content::Window(bytes) => self.receive_window(number, bytes)?,
            Content::Goodbye => {
                self.heard_goodbye = true;
                if self.side == Side::Client {
                    self.say_goodbye();
                    self.wake_waiting();
                }
            }
        }
        Ok(None)
    }

    fn receive_request(
        &mut self,
        number: u32,
        fields: Option<Bytes>,
        ends: bool,
    ) -> Result<Option<Begun>, Violation> {
        if number == 0 || self.heard_goodbye {
            return Err(Violation("it has begun a request that it should not"));
        }
        let before = self.lane_at(Lane::of(number));
        let (before, is_over) = (before.number, before.is_over());
        if before == number || (before != 0 && !is_over) {
            return Err(Violation("it has begun two requests in one lane"));
        }
        self.clear(before);
        if self.halves >= MOST_HALVES {
            self.refuse(number, Reason::Refused);
            return Ok(None);
        }
        let limit = self.limit;
        let request = match fields {
            Some(fields) => fields::read_request(&fields, limit),
            None => Err(Unreadable::TooLong),
        };
        let request = match request {
            Ok(request) => request,
            Err(Unreadable::Malformed) => {
                self.refuse(number, Reason::Malformed);
                return Ok(None);
            }
            Err(Unreadable::TooLong) => {
                self.answer_that_it_is_too_long(number);
                return Ok(None);
            }
        };
        let lane = self.lane_at(Lane::of(number));
        lane.begin(number);
        if !lane.announce(request.headers(), None, ends) {
            lane.clear();
            self.refuse(number, Reason::Malformed);
            return Ok(None);
        }
        lane.received_head = true;
        lane.received_all = ends;
        lane.only_head = asks_for_head(request.method());
        self.halves += 2;
        Ok(Some(Begun { request, number }))
    }

    fn receive_response(&mut self, number: u32, fields: Option<Bytes>, ends: bool) {
        let limit = self.limit;
        let Some(lane) = self.lane(number).filter(|lane| lane.reset.is_none()) else {
            return;
        };
        let response = match fields {
            _ if lane.received_head => Err(Unreadable::Malformed),
            Some(fields) => fields::read_response(&fields, limit),
            None => Err(Unreadable::TooLong),
        };
        match response {
            Ok(response) if lane.announce(response.headers(), Some(response.status()), ends) => {
                lane.received_head = true;
                lane.received_all = ends;
                lane.response = Some(response);
                lane.wake_receiver();
            }
            Ok(_) | Err(Unreadable::Malformed) => self.reset(number, Reason::Malformed),
            Err(Unreadable::TooLong) => self.reset(number, Reason::TooLong),
        }
    }

    fn receive_data(&mut self, number: u32, data: Bytes, ends: bool) -> Result<(), Violation> {
        let length = data.len() as u32;
        let excess = Violation("it has sent more of its bodies than it may");
        self.receivable = self.receivable.checked_sub(length).ok_or(excess)?;
        let Some(lane) = self.lane(number).filter(|lane| lane.reset.is_none()) else {
            self.credit(data.len());
            return Ok(());
        };
        lane.receivable = lane.receivable.checked_sub(length).ok_or(excess)?;
        if !lane.received_head || lane.received_all || !lane.keeps_to(data.len(), ends) {
            self.credit(data.len());
            self.reset(number, Reason::Malformed);
            return Ok(());
        }
        lane.received_all = ends;
        if !lane.has_receiver {
            self.credit(data.len());
        } else if !data.is_empty() || ends {
            if !data.is_empty() {
                lane.data.push_back(data);
            }
            lane.wake_receiver();
        }
        Ok(())
    }

    fn receive_trailers(&mut self, number: u32, fields: Option<Bytes>) -> Result<(), Violation> {
        let limit = self.limit;
        let Some(lane) = self.lane(number).filter(|lane| lane.reset.is_none()) else {
            return Ok(());
        };
        let trailers: Result<HeaderMap, Unreadable> = match fields {
            _ if !lane.received_head || lane.received_all || !lane.keeps_to(0, true) => {
                Err(Unreadable::Malformed)
            }
            Some(fields) => fields::read_trailers(&fields, limit),
            None => Err(Unreadable::TooLong),
        };
        match trailers {
            Ok(trailers) => {
                lane.trailers = Some(trailers);
                lane.received_all = true;
                lane.wake_receiver();
            }
            Err(Unreadable::Malformed) => self.reset(number, Reason::Malformed),
            Err(Unreadable::TooLong) => self.reset(number, Reason::TooLong),
        }
        Ok(())
    }

    fn receive_window(&mut self, number: u32, bytes: u32) -> Result<(), Violation> {
        let larger = |window: u32| {
            let larger = window.checked_add(bytes).filter(|window| *window <= MOST_WINDOW);
            larger.ok_or(Violation("it has granted more than can be counted"))
        };
        if number == 0 {
            self.sendable = larger(self.sendable)?;
            self.wake_waiting();
        } else if let Some(lane) = self.lane(number) {
            lane.sendable = larger(lane.sendable)?;
            lane.wake_sender();
        }
        Ok(())
    }

    /// Ends an exchange that was not even begun here.
    fn refuse(&mut self, number: u32, reason: Reason) {
        frame::reset(&mut self.out, number, reason);
    }

    /// Answers as RFC 6585 §5 says, and hears no more of it.
    fn answer_that_it_is_too_long(&mut self, number: u32) {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        let fields = |out: &mut _| fields::write_response(out, status, &HeaderMap::new());
        frame::head(&mut self.out, number, true, fields).expect("it is short");
        frame::reset(&mut self.out, number, Reason::Cancelled);
    }
}
