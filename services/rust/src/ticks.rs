//! Answers that are a stream of server-sent events.
//!
//! Source: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.

use std::time::Duration;

use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, StreamBody};

use crate::contract::{Answer, Tick, Ticks};
use crate::message::{self, Body};

/// The answer with `status` that is a stream of `ticks`, in place of `echo`.
pub(crate) fn answer(status: StatusCode, echo: &Answer, ticks: &Ticks) -> Response<Body> {
    let tick = Tick {
        service: echo.service.clone(),
        version: echo.version.clone(),
        instance: echo.instance.clone(),
        number: 0,
    };
    let event = move |index| {
        let number = index as u32 + 1;
        let tick = Tick {
            number,
            ..tick.clone()
        };
        let data = serde_json::to_string(&tick).expect("the contract's types are plain data");
        format!("id: {number}\ndata: {data}\n\n").into()
    };
    let every = Duration::from_secs_f64(ticks.every_ms / 1000.0);
    let events = message::paced(ticks.count as usize, every, event);
    let mut answer = Response::new(StreamBody::new(events).boxed_unsync());
    *answer.status_mut() = status;
    let content_type = HeaderValue::from_static("text/event-stream");
    answer.headers_mut().insert(header::CONTENT_TYPE, content_type);
    answer
}
