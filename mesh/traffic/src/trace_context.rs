//! `traceparent`: which trace a request belongs to, and whose child it is.
//! Source: W3C Trace Context Level 2 (<https://www.w3.org/TR/trace-context-2/>).

use http::{HeaderName, HeaderValue};
use rand::{Rng, RngExt};

/// The header that names the trace and the parent.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The header that vendors add to; it goes along with a valid [`TRACEPARENT`] and is dropped without one.
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The flags that this version defines: `sampled` (1) and `random trace id` (2).
const KNOWN_FLAGS: u8 = 0b11;

/// The trace that a request belongs to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TraceContext {
    trace_id: Hexadecimal<32>,
    parent: Option<SpanId>,
    flags: u8,
}

/// So many lower-case hexadecimal digits.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Hexadecimal<const DIGITS: usize>([u8; DIGITS]);

/// The id of a span.
pub type SpanId = Hexadecimal<16>;

impl TraceContext {
    /// Reads a `traceparent`; none when it is malformed, in which case a new trace begins.
    pub fn parse(value: &HeaderValue) -> Option<Self> {
        // Every field has its place: version, trace, parent and flags, with a dash between them.
        let (fields, more) = value.as_bytes().split_first_chunk::<55>()?;
        let dashes = [2, 35, 52].iter().all(|&dash| fields[dash] == b'-');
        let version = Hexadecimal::<2>::parse(&fields[..2])?;
        let trace_id = Hexadecimal::parse(&fields[3..35])?;
        let parent = Hexadecimal::parse(&fields[36..52])?;
        let flags = Hexadecimal::<2>::parse(&fields[53..])?;
        // A later version may say more; version ff is forbidden, and version 00 ends here.
        let ends = match &version.0 {
            b"ff" => false,
            b"00" => more.is_empty(),
            _ => matches!(more.first(), None | Some(b'-')),
        };
        let valid = dashes && ends && !trace_id.is_zero() && !parent.is_zero();
        valid.then(|| Self {
            trace_id,
            parent: Some(parent),
            flags: flags.low_nibble() & KNOWN_FLAGS,
        })
    }

    /// A new, sampled trace.
    pub fn start(random: &mut impl Rng) -> Self {
        let trace_id: u128 = random.random_range(1..=u128::MAX);
        Self {
            trace_id: Hexadecimal::of(trace_id),
            parent: None,
            flags: KNOWN_FLAGS,
        }
    }

    /// The trace, 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        self.trace_id.as_str()
    }

    /// The span of the caller, 16 hexadecimal digits; none when the trace begins here.
    pub fn parent(&self) -> Option<&str> {
        self.parent.as_ref().map(Hexadecimal::as_str)
    }

    /// The `traceparent` that makes the upstream a child of `span`. No two are alike, so HPACK is told not to remember it.
    pub fn header(&self, span: &SpanId) -> HeaderValue {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        text[3..35].copy_from_slice(&self.trace_id.0);
        text[36..52].copy_from_slice(&span.0);
        text[53..].copy_from_slice(&Hexadecimal::<2>::of(u128::from(self.flags)).0);
        let mut header = HeaderValue::from_bytes(&text).expect("hexadecimal digits are a header value");
        header.set_sensitive(true);
        header
    }
}

/// A new span id.
pub fn mint_span(random: &mut impl Rng) -> SpanId {
    Hexadecimal::of(u128::from(random.random_range(1..=u64::MAX)))
}

impl<const DIGITS: usize> Hexadecimal<DIGITS> {
    /// The last digits of `number`.
    pub(crate) fn of(number: u128) -> Self {
        Self(std::array::from_fn(|position| {
            let nibble = (number >> (4 * (DIGITS - 1 - position))) & 0xf;
            b"0123456789abcdef"[nibble as usize]
        }))
    }

    /// Reads exactly so many lower-case digits.
    fn parse(text: &[u8]) -> Option<Self> {
        let digits: [u8; DIGITS] = text.try_into().ok()?;
        let is_digit = |byte: u8| byte.is_ascii_digit() | (b'a'..=b'f').contains(&byte);
        // Without a way out in the middle it is done for many digits at once.
        let all_digits = digits.iter().fold(true, |all, &byte| all & is_digit(byte));
        all_digits.then_some(Self(digits))
    }

    fn is_zero(&self) -> bool {
        self.0 == [b'0'; DIGITS]
    }

    /// The value of the last digit.
    fn low_nibble(&self) -> u8 {
        match self.0[DIGITS - 1] {
            letter @ b'a'..=b'f' => letter - b'a' + 10,
            digit => digit - b'0',
        }
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("digits are ASCII")
    }
}

impl<const DIGITS: usize> std::fmt::Debug for Hexadecimal<DIGITS> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use hallway_host::Random;
    use proptest::prelude::*;

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";

    fn parse(text: &str) -> Option<TraceContext> {
        TraceContext::parse(&HeaderValue::from_str(text).expect("a header value"))
    }

    #[test]
    fn a_trace_is_continued_with_this_hop_as_the_parent() {
        let context = parse(&format!("00-{TRACE}-{PARENT}-01")).expect("well-formed");
        assert_eq!((context.trace_id(), context.parent()), (TRACE, Some(PARENT)));
        let header = context.header(&Hexadecimal::of(0x1111_1111_1111_1111));
        assert_eq!(header, format!("00-{TRACE}-1111111111111111-01"));
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let context = parse(&format!("cc-{TRACE}-{PARENT}-ff-what-comes")).expect("well-formed");
        assert_eq!(
            context.header(&Hexadecimal::parse(PARENT.as_bytes()).expect("digits")),
            format!("00-{TRACE}-{PARENT}-03")
        );
    }

    #[test]
    fn what_is_malformed_is_not_continued() {
        let zeros = "0".repeat(32);
        for bad in [
            String::new(),
            format!("ff-{TRACE}-{PARENT}-01"),
            format!("00-{TRACE}-{PARENT}-01-more"),
            format!("00-{zeros}-{PARENT}-01"),
            format!("00-{TRACE}-{}-01", &zeros[..16]),
            format!("00-{}-{PARENT}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{PARENT}"),
            format!("00-{TRACE}-{PARENT}-1"),
        ] {
            assert_eq!(parse(&bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_started_here_is_continued_there(seed: u64) {
            let mut random = Random::derive(seed, "trace");
            let started = TraceContext::start(&mut random);
            let span = mint_span(&mut random);
            let continued = TraceContext::parse(&started.header(&span)).expect("our own header is well-formed");
            prop_assert_eq!(continued.trace_id(), started.trace_id());
            prop_assert_eq!(continued.parent(), Some(span.as_str()));
        }
    }
}
