//! How gRPC puts messages and outcomes into HTTP/2: each message has its length before it, and the outcome comes in trailers.
//!
//! Source: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::StatusCode;

/// gRPC with JSON in its messages.
pub const CONTENT_TYPE: &str = "application/grpc+json";
/// The header or trailer with the outcome: a [`code`].
pub const STATUS_HEADER: &str = "grpc-status";
/// The header or trailer that says why, in percent-encoded words.
pub const MESSAGE_HEADER: &str = "grpc-message";

/// What stands before a message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// The outcomes that are used here. Source: <https://github.com/grpc/grpc/blob/master/doc/statuscodes.md>.
pub mod code {
    /// It went well.
    pub const OK: u16 = 0;
    /// What was sent makes no sense.
    pub const INVALID_ARGUMENT: u16 = 3;
    /// There is no such method, or not in this form.
    pub const UNIMPLEMENTED: u16 = 12;
    /// A rule of the protocol was broken.
    pub const INTERNAL: u16 = 13;
    /// Nobody is there to answer; it may be tried again.
    pub const UNAVAILABLE: u16 = 14;
}

/// Why bytes are no sequence of messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum MalformedMessages {
    /// The last message is shorter than its length says.
    #[error("a message ends before its announced end")]
    CutOff,
    /// A message is compressed, which nobody offered to understand.
    #[error("a message is compressed")]
    Compressed,
}

/// `message` with its length before it.
///
/// # Panics
/// When it has 4 GiB or more.
pub fn frame(message: &[u8]) -> Bytes {
    let mut framed = BytesMut::with_capacity(PREFIX + message.len());
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).expect("a message has less than 4 GiB"));
    framed.put_slice(message);
    framed.freeze()
}

/// The messages in a whole body.
///
/// # Errors
/// [`MalformedMessages`].
pub fn messages(mut body: Bytes) -> Result<Vec<Bytes>, MalformedMessages> {
    let mut messages = Vec::new();
    while !body.is_empty() {
        if body.len() < PREFIX {
            return Err(MalformedMessages::CutOff);
        }
        let is_compressed = body.get_u8() != 0;
        let length = body.get_u32() as usize;
        if is_compressed {
            return Err(MalformedMessages::Compressed);
        }
        if body.len() < length {
            return Err(MalformedMessages::CutOff);
        }
        messages.push(body.split_to(length));
    }
    Ok(messages)
}

/// The outcome that stands for an HTTP status. Source: <https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md>.
pub fn code_of(status: StatusCode) -> u16 {
    const UNKNOWN: u16 = 2;
    const PERMISSION_DENIED: u16 = 7;
    const UNAUTHENTICATED: u16 = 16;
    match status.as_u16() {
        200..=299 => code::OK,
        400 => code::INTERNAL,
        401 => UNAUTHENTICATED,
        403 => PERMISSION_DENIED,
        404 => code::UNIMPLEMENTED,
        429 | 502..=504 => code::UNAVAILABLE,
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_as_they_went_in() {
        assert_eq!(frame(b"{}"), &b"\x00\x00\x00\x00\x02{}"[..]);
        let body = [frame(b"one"), frame(b""), frame(b"three")].concat();
        let expected: [&[u8]; 3] = [b"one", b"", b"three"];
        assert_eq!(messages(body.into()).unwrap(), expected);
        assert_eq!(messages(Bytes::new()).unwrap(), [] as [Bytes; 0]);
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for (body, expected) in [
            (&b"\x00\x00\x00"[..], MalformedMessages::CutOff),
            (b"\x00\x00\x00\x00\x03{}", MalformedMessages::CutOff),
            (b"\x00\x00\x00\x00\x02{}\x00", MalformedMessages::CutOff),
            (b"\x01\x00\x00\x00\x02{}", MalformedMessages::Compressed),
        ] {
            assert_eq!(messages(Bytes::from_static(body)), Err(expected), "{body:?}");
        }
    }

    #[test]
    fn statuses_stand_for_outcomes() {
        let codes = [200, 204, 400, 401, 403, 404, 429, 500, 502, 503, 504]
            .map(|status| code_of(StatusCode::from_u16(status).unwrap()));
        assert_eq!(codes, [0, 0, 13, 16, 7, 12, 14, 2, 14, 14, 14]);
    }
}
