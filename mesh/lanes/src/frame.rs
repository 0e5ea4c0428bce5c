//! Frames: what a connection consists of.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// The most bytes of a body in one frame: with its prefix, one record of TLS (RFC 8446 §5.1).
pub(crate) const MOST_DATA: usize = 16 * 1024 - PREFIX;

/// How many bytes precede the payload of each frame: the kind, the length of the payload in three bytes, and the number of the exchange in four.
pub(crate) const PREFIX: usize = 8;

/// The longest payload that the prefix can announce, in bytes.
pub(crate) const MOST_PAYLOAD: usize = (1 << 24) - 1;

/// Set in the kind of a head or of data with which its side of the exchange ends.
const END: u8 = 0x80;

const HEAD: u8 = 1;
const HEAD_AND_END: u8 = HEAD | END;
const DATA: u8 = 2;
const DATA_AND_END: u8 = DATA | END;
const TRAILERS: u8 = 3;
const RESET: u8 = 4;
const WINDOW: u8 = 5;
const GOODBYE: u8 = 6;

/// One frame, as it was received.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Frame {
    /// Which exchange it is about; 0 for the connection as a whole.
    pub(crate) number: u32,
    pub(crate) content: Content,
}

/// What a frame says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Content {
    /// How a request or a response begins. Without its fields when it is too long to be looked at.
    Head { fields: Option<Bytes>, end: bool },
    /// A piece of a body.
    Data { data: Bytes, end: bool },
    /// The end, with trailers; without them when they are too long to be looked at.
    Trailers { fields: Option<Bytes> },
    /// The exchange is over before its end.
    Reset(Reason),
    /// So many more bytes of bodies may be sent.
    Window(u32),
    /// A server wants no further exchange; a client will begin none.
    Goodbye,
}

/// Why an exchange is over before its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reason {
    /// Nobody waits for the rest.
    Cancelled,
    /// A body broke off.
    Broken,
    /// Nothing was done for it: it can be begun anew elsewhere.
    Refused,
    /// It is no HTTP.
    Malformed,
    /// The head or the trailers of an answer are too long.
    TooLong,
}

/// How the peer has broken the protocol, which ends the connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Violation(pub(crate) &'static str);

/// A head is longer than a frame can be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Unwritable;

impl Reason {
    /// All of them, in the order of their numbers, from 0.
    const ALL: [Self; 5] = [
        Self::Cancelled,
        Self::Broken,
        Self::Refused,
        Self::Malformed,
        Self::TooLong,
    ];

    fn number(self) -> u8 {
        self as u8
    }

    fn numbered(number: u8) -> Result<Self, Violation> {
        let known = Self::ALL.get(usize::from(number)).copied();
        known.ok_or(Violation("it has given a reason that there is not"))
    }

    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "nobody waits for the rest",
            Self::Broken => "its body broke off",
            Self::Refused => "it was refused unseen",
            Self::Malformed => "it is malformed",
            Self::TooLong => "its head is too long",
        }
    }
}

/// Takes frames off the bytes that arrive.
#[derive(Debug)]
pub(crate) struct Decoder {
    /// The longest head that is looked at, in bytes as it is written.
    most_fields: usize,
    /// How many bytes of one that is longer are still to be passed over.
    skip: usize,
}

impl Decoder {
    pub(crate) fn new(most_fields: usize) -> Self {
        Self { most_fields, skip: 0 }
    }

    /// The next frame in `input`; none when it is not yet there whole. Of what is longer than a piece of a body, or than a head that is looked at,
    /// `input` need not hold more than the prefix.
    ///
    /// # Errors
    /// When this is no frame.
    pub(crate) fn next(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, Violation> {
        let skipped = self.skip.min(input.len());
        input.advance(skipped);
        self.skip -= skipped;
        let Some(&[kind, l0, l1, l2, n0, n1, n2, n3]) = input.first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes([0, l0, l1, l2]) as usize;
        let number = u32::from_be_bytes([n0, n1, n2, n3]);
        let is_long = match (kind & !END, length) {
            (HEAD | TRAILERS, _) => length > self.most_fields,
            (DATA, ..=MOST_DATA) | (RESET, 1) | (WINDOW, 4) | (GOODBYE, 0) => false,
            _ => return Err(Violation("it has sent a malformed frame")),
        };
        if is_long {
            self.skip = length;
        } else if input.len() < PREFIX + length {
            return Ok(None);
        }
        input.advance(PREFIX);
        let fields = |input: &mut BytesMut| (!is_long).then(|| taken(input, length));
        let content = match kind {
            HEAD | HEAD_AND_END => Content::Head {
                fields: fields(input),
                end: kind == HEAD_AND_END,
            },
            TRAILERS => Content::Trailers {
                fields: fields(input),
            },
            DATA | DATA_AND_END => Content::Data {
                data: taken(input, length),
                end: kind == DATA_AND_END,
            },
            RESET => Content::Reset(Reason::numbered(input.get_u8())?),
            WINDOW => Content::Window(input.get_u32()),
            GOODBYE if number == 0 => Content::Goodbye,
            _ => return Err(Violation("it has sent a malformed frame")),
        };
        Ok(Some(Frame { number, content }))
    }
}

/// The next `length` bytes of `input`.
fn taken(input: &mut BytesMut, length: usize) -> Bytes {
    match length {
        0 => Bytes::new(),
        _ => input.split_to(length).freeze(),
    }
}

/// Writes a frame with a piece of a body.
pub(crate) fn data(out: &mut Vec<u8>, number: u32, data: &[u8], end: bool) {
    let kind = if end { DATA_AND_END } else { DATA };
    prefix(out, kind, data.len(), number);
    out.put_slice(data);
}

/// Writes a frame with a head, of which `fields` writes the payload.
///
/// # Errors
/// [`Unwritable`]; nothing is written then.
pub(crate) fn head(
    out: &mut Vec<u8>,
    number: u32,
    end: bool,
    fields: impl FnOnce(&mut Vec<u8>),
) -> Result<(), Unwritable> {
    with_fields(out, if end { HEAD_AND_END } else { HEAD }, number, fields)
}

/// Writes a frame with trailers, of which `fields` writes the payload.
///
/// # Errors
/// [`Unwritable`]; nothing is written then.
pub(crate) fn trailers(
    out: &mut Vec<u8>,
    number: u32,
    fields: impl FnOnce(&mut Vec<u8>),
) -> Result<(), Unwritable> {
    with_fields(out, TRAILERS, number, fields)
}

/// Writes a frame that ends an exchange before its end.
pub(crate) fn reset(out: &mut Vec<u8>, number: u32, reason: Reason) {
    prefix(out, RESET, 1, number);
    out.put_u8(reason.number());
}

/// Writes a frame that allows the peer to send so many more bytes of bodies; of all bodies together with number 0.
pub(crate) fn window(out: &mut Vec<u8>, number: u32, bytes: u32) {
    prefix(out, WINDOW, 4, number);
    out.put_u32(bytes);
}

/// Writes a frame that says goodbye.
pub(crate) fn goodbye(out: &mut Vec<u8>) {
    prefix(out, GOODBYE, 0, 0);
}

fn with_fields(
    out: &mut Vec<u8>,
    kind: u8,
    number: u32,
    fields: impl FnOnce(&mut Vec<u8>),
) -> Result<(), Unwritable> {
    let start = out.len();
    prefix(out, kind, 0, number);
    fields(out);
    let length = out.len() - start - PREFIX;
    if length > MOST_PAYLOAD {
        out.truncate(start);
        return Err(Unwritable);
    }
    out[start..start + 4].copy_from_slice(&first_half(kind, length));
    Ok(())
}

fn prefix(out: &mut Vec<u8>, kind: u8, length: usize, number: u32) {
    out.put_slice(&first_half(kind, length));
    out.put_u32(number);
}

/// The kind and the length.
fn first_half(kind: u8, length: usize) -> [u8; 4] {
    let length = u32::try_from(length).expect("no payload is longer than its prefix can say");
    (u32::from(kind) << 24 | length).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MOST_FIELDS: usize = 300;

    fn frames() -> impl Strategy<Value = Vec<Frame>> {
        let bytes = |most| prop::collection::vec(any::<u8>(), 0..most).prop_map(Bytes::from);
        let content = prop_oneof![
            (bytes(MOST_FIELDS + 1), any::<bool>()).prop_map(|(fields, end)| Content::Head {
                fields: Some(fields),
                end
            }),
            (bytes(2000), any::<bool>()).prop_map(|(data, end)| Content::Data { data, end }),
            bytes(MOST_FIELDS + 1).prop_map(|fields| Content::Trailers { fields: Some(fields) }),
            prop::sample::select(Reason::ALL.to_vec()).prop_map(Content::Reset),
            any::<u32>().prop_map(Content::Window),
        ];
        let frame = (any::<u32>(), content).prop_map(|(number, content)| Frame { number, content });
        let goodbye = Just(Frame {
            number: 0,
            content: Content::Goodbye,
        });
        prop::collection::vec(prop_oneof![9 => frame, 1 => goodbye], 0..10)
    }

    fn write(out: &mut Vec<u8>, frame: &Frame) {
        let number = frame.number;
        let put = |fields: &Option<Bytes>| fields.clone().unwrap_or_default();
        let written = match &frame.content {
            Content::Head { fields, end } => head(out, number, *end, |out| out.extend(put(fields))),
            Content::Trailers { fields } => trailers(out, number, |out| out.extend(put(fields))),
            Content::Data { data: piece, end } => {
                data(out, number, piece, *end);
                Ok(())
            }
            Content::Reset(reason) => {
                reset(out, number, *reason);
                Ok(())
            }
            Content::Window(bytes) => {
                window(out, number, *bytes);
                Ok(())
            }
            Content::Goodbye => {
                goodbye(out);
                Ok(())
            }
        };
        written.expect("no payload is too long");
    }

    /// What a decoder makes of bytes that arrive in pieces, and the most that it has held back of them.
    fn decoded(bytes: &[u8], piece: usize) -> (Result<Vec<Frame>, Violation>, usize) {
        let mut decoder = Decoder::new(MOST_FIELDS);
        let (mut input, mut frames, mut held) = (BytesMut::new(), Vec::new(), 0);
        for piece in bytes.chunks(piece) {
            input.extend_from_slice(piece);
            loop {
                match decoder.next(&mut input) {
                    Ok(Some(frame)) => frames.push(frame),
                    Ok(None) => break,
                    Err(violation) => return (Err(violation), held),
                }
            }
            held = held.max(input.len());
        }
        (Ok(frames), held)
    }

    proptest! {
        #[test]
        fn frames_are_read_as_they_were_written_however_they_arrive(frames in frames(), piece in 1usize..3000) {
            let mut bytes = Vec::new();
            frames.iter().for_each(|frame| write(&mut bytes, frame));
            prop_assert_eq!(decoded(&bytes, piece).0, Ok(frames));
        }

        #[test]
        fn any_bytes_are_frames_or_a_violation(bytes in prop::collection::vec(any::<u8>(), 0..500), piece in 1usize..100) {
            let (_, held) = decoded(&bytes, piece);
            prop_assert!(held < PREFIX + MOST_DATA);
        }

        /// With kinds that exist and lengths that fit, so that it is not the first byte that ends it.
        #[test]
        fn likely_bytes_are_frames_or_a_violation(likely in prop::collection::vec((0u8..8, any::<bool>(), 0u8..6, any::<u8>()), 0..100)) {
            let bytes: Vec<u8> = likely
                .into_iter()
                .flat_map(|(kind, end, length, last)| {
                    let kind = kind | if end { END } else { 0 };
                    let payload = vec![last % 8; usize::from(length)];
                    [vec![kind, 0, 0, length, 0, 0, 0, last], payload].concat()
                })
                .collect();
            let whole = decoded(&bytes, usize::MAX).0;
            prop_assert_eq!(decoded(&bytes, 1).0, whole);
        }
    }

    #[test]
    fn a_head_that_is_too_long_is_passed_over_and_what_follows_is_read() {
        let mut bytes = Vec::new();
        head(&mut bytes, 256, true, |out| out.extend(vec![7; 100_000])).expect("it fits");
        data(&mut bytes, 512, b"next", true);
        let expected = [
            Frame {
                number: 256,
                content: Content::Head {
                    fields: None,
                    end: true,
                },
            },
            Frame {
                number: 512,
                content: Content::Data {
                    data: Bytes::from_static(b"next"),
                    end: true,
                },
            },
        ];
        for piece in [1, 1000, usize::MAX] {
            let (frames, held) = decoded(&bytes, piece);
            assert_eq!(frames.as_deref(), Ok(&expected[..]));
            assert!(held < MOST_FIELDS + 1000, "{held}");
        }
    }

    #[test]
    fn what_cannot_be_is_a_violation_at_its_first_bytes() {
        let cases: [[u8; PREFIX]; 7] = [
            [0, 0, 0, 0, 0, 0, 1, 0],
            [7, 0, 0, 0, 0, 0, 1, 0],
            // More data than fits into a record.
            [DATA, 0, 0x40, 0, 0, 0, 1, 0],
            [RESET, 0, 0, 2, 0, 0, 1, 0],
            [WINDOW, 0, 0, 3, 0, 0, 1, 0],
            [GOODBYE, 0, 0, 1, 0, 0, 0, 0],
            [TRAILERS | END, 0, 0, 0, 0, 0, 1, 0],
        ];
        for case in cases {
            assert!(decoded(&case, PREFIX).0.is_err(), "{case:?}");
        }
        // A reason that there is not.
        assert!(decoded(&[RESET, 0, 0, 1, 0, 0, 1, 0, 99], 9).0.is_err());
    }
}
