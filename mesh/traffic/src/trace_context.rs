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
    trace_id: String,
    parent: Option<String>,
    flags: u8,
}

impl TraceContext {
    /// Reads a `traceparent`; none when it is malformed, in which case a new trace begins.
    pub fn parse(value: &HeaderValue) -> Option<Self> {
        let text = value.to_str().ok()?;
        let mut fields = text.splitn(5, '-');
        let version = fields.next().filter(|field| is_hexadecimal(field, 2))?;
        let trace_id = fields.next().filter(|field| is_id(field, 32))?;
        let parent = fields.next().filter(|field| is_id(field, 16))?;
        let flags = fields.next().filter(|field| is_hexadecimal(field, 2))?;
        let has_more = fields.next().is_some();
        // A later version may say more; version ff is forbidden, and version 00 ends here.
        if version == "ff" || (version == "00" && has_more) {
            return None;
        }
        Some(Self {
            trace_id: trace_id.to_owned(),
            parent: Some(parent.to_owned()),
            flags: u8::from_str_radix(flags, 16).ok()? & KNOWN_FLAGS,
        })
    }

    /// A new, sampled trace.
    pub fn start(random: &mut impl Rng) -> Self {
        let trace_id: u128 = random.random_range(1..=u128::MAX);
        Self {
            trace_id: format!("{trace_id:032x}"),
            parent: None,
            flags: KNOWN_FLAGS,
        }
    }

    /// The trace, 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        &self.trace_id
    }

    /// The span of the caller, 16 hexadecimal digits; none when the trace begins here.
    pub fn parent(&self) -> Option<&str> {
        self.parent.as_deref()
    }

    /// The `traceparent` that makes the upstream a child of `span`.
    ///
    /// # Panics
    /// When `span` is not from [`mint_span`].
    pub fn header(&self, span: &str) -> HeaderValue {
        let text = format!("00-{}-{span}-{:02x}", self.trace_id, self.flags);
        HeaderValue::from_str(&text).expect("hexadecimal digits are a header value")
    }
}

/// A new span id, 16 hexadecimal digits.
pub fn mint_span(random: &mut impl Rng) -> String {
    format!("{:016x}", random.random_range(1..=u64::MAX))
}

fn is_hexadecimal(field: &str, length: usize) -> bool {
    field.len() == length
        && field
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_id(field: &str, length: usize) -> bool {
    is_hexadecimal(field, length) && field.bytes().any(|byte| byte != b'0')
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
        let header = context.header("1111111111111111");
        assert_eq!(header, format!("00-{TRACE}-1111111111111111-01"));
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let context = parse(&format!("cc-{TRACE}-{PARENT}-ff-what-comes")).expect("well-formed");
        assert_eq!(context.header(PARENT), format!("00-{TRACE}-{PARENT}-03"));
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
