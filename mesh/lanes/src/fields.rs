//! Heads and trailers as the payload of a frame.
//!
//! A text is its length, in one byte below 128 and otherwise in four with the highest bit set, and its bytes. A header is the number of its name
//! (`names`), or 0 and the name as a text, and the value as a text; the highest bit of the number marks a value that must not be
//! remembered. A request is its method, authority and target as texts, and its headers; a response is its status in two bytes, and its
//! headers; trailers are headers. Before headers stands how many there are, as the length of a text is written.

use bytes::{BufMut, Bytes};
use http::header::TE;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};

use crate::names;

/// The head of a request that is to be sent.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// The method.
    pub method: &'a Method,
    /// Whom it is for.
    pub authority: &'a Authority,
    /// What of it.
    pub target: &'a PathAndQuery,
    /// The headers, without those that concern one connection.
    pub headers: &'a HeaderMap,
    /// Whether trailers are taken, which the server reads as `te: trailers` (RFC 9110 §10.1.4).
    pub takes_trailers: bool,
}

/// Why fields cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unreadable {
    /// They are no HTTP.
    Malformed,
    /// They are longer than the limit.
    TooLong,
}

/// What each header counts beside the bytes of its name and its value (RFC 9113 §6.5.2).
const OVERHEAD: usize = 32;

/// The only value that `te` may have here (RFC 9113 §8.2.2).
const TRAILERS: HeaderValue = HeaderValue::from_static("trailers");

/// Set in the number of a name whose value must not be remembered.
const SENSITIVE: u8 = 0x80;

/// Set in the first of four bytes of a length.
const LONG: u32 = 1 << 31;

/// Room for headers that are added on the way through a proxy, so that its table need not grow.
const SPARE: usize = 4;

pub(crate) fn write_request(out: &mut Vec<u8>, head: &RequestHead<'_>) {
    write_text(out, head.method.as_str().as_bytes());
    write_text(out, head.authority.as_str().as_bytes());
    write_text(out, head.target.as_str().as_bytes());
    write_length(out, head.headers.len() + usize::from(head.takes_trailers));
    if head.takes_trailers {
        write_header(out, &TE, &TRAILERS);
    }
    write_each(out, head.headers);
}

pub(crate) fn write_response(out: &mut Vec<u8>, status: StatusCode, headers: &HeaderMap) {
    out.put_u16(status.as_u16());
    write_headers(out, headers);
}

pub(crate) fn write_headers(out: &mut Vec<u8>, headers: &HeaderMap) {
    write_length(out, headers.len());
    write_each(out, headers);
}

fn write_each(out: &mut Vec<u8>, headers: &HeaderMap) {
    for (name, value) in headers {
        write_header(out, name, value);
    }
}

fn write_header(out: &mut Vec<u8>, name: &HeaderName, value: &HeaderValue) {
    let sensitive = if value.is_sensitive() { SENSITIVE } else { 0 };
    match names::number(name) {
        Some(number) => out.put_u8(number | sensitive),
        None => {
            out.put_u8(sensitive);
            write_text(out, name.as_str().as_bytes());
        }
    }
    write_text(out, value.as_bytes());
}

fn write_text(out: &mut Vec<u8>, text: &[u8]) {
    write_length(out, text.len());
    out.put_slice(text);
}

/// Lengths that do not fit make a payload that does not fit either.
fn write_length(out: &mut Vec<u8>, length: usize) {
    match u8::try_from(length) {
        Ok(short @ ..0x80) => out.put_u8(short),
        _ => out.put_u32(u32::try_from(length).unwrap_or(u32::MAX) | LONG),
    }
}

/// Reads a request, of no more than `limit` bytes as RFC 9113 §6.5.2 counts them.
pub(crate) fn read_request(payload: &Bytes, limit: usize) -> Result<Request<()>, Unreadable> {
    let mut reader = Reader::of(payload, limit);
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(reader.text()?).map_err(malformed)?;
    let mut uri = http::uri::Parts::default();
    // The scheme is that of the application's own request, whatever is between the sidecars.
    uri.scheme = Some(Scheme::HTTP);
    uri.authority = Some(Authority::from_maybe_shared(reader.shared_text()?).map_err(malformed)?);
    let target = reader.shared_text()?;
    if target.first() != Some(&b'/') && target != "*" {
        return Err(Unreadable::Malformed);
    }
    uri.path_and_query = Some(PathAndQuery::from_maybe_shared(target).map_err(malformed)?);
    *request.uri_mut() = Uri::from_parts(uri).map_err(malformed)?;
    *request.headers_mut() = reader.headers()?;
    reader.end()?;
    Ok(request)
}

/// Reads a response, with the same limit.
pub(crate) fn read_response(payload: &Bytes, limit: usize) -> Result<Response<()>, Unreadable> {
    let mut reader = Reader::of(payload, limit);
    let mut response = Response::new(());
    let status = reader.bytes(2)?;
    let status = StatusCode::from_u16(u16::from_be_bytes([status[0], status[1]])).map_err(malformed)?;
    if status.is_informational() {
        return Err(Unreadable::Malformed);
    }
    *response.status_mut() = status;
    *response.headers_mut() = reader.headers()?;
    reader.end()?;
    Ok(response)
}

/// Reads trailers, with the same limit.
pub(crate) fn read_trailers(payload: &Bytes, limit: usize) -> Result<HeaderMap, Unreadable> {
    let mut reader = Reader::of(payload, limit);
    let trailers = reader.headers()?;
    reader.end()?;
    Ok(trailers)
}

/// Reads a payload from its start to its end. Values share its memory.
struct Reader<'a> {
    payload: &'a Bytes,
    at: usize,
    /// How many bytes of the limit are left.
    left: usize,
}

impl<'a> Reader<'a> {
    fn of(payload: &'a Bytes, limit: usize) -> Self {
        Self {
            payload,
            at: 0,
            left: limit,
        }
    }

    fn headers(&mut self) -> Result<HeaderMap, Unreadable> {
        let count = self.length()?;
        self.count(count.saturating_mul(OVERHEAD))?;
        let mut headers = HeaderMap::try_with_capacity(count + SPARE).map_err(|_| Unreadable::TooLong)?;
        for _ in 0..count {
            let kind = self.bytes(1)?[0];
            let name = self.name(kind & !SENSITIVE)?;
            let value = self.shared_text()?;
            let mut value = HeaderValue::from_maybe_shared(value).map_err(malformed)?;
            if name == TE && value != TRAILERS {
                return Err(Unreadable::Malformed);
            }
            value.set_sensitive(kind & SENSITIVE != 0);
            headers.try_append(name, value).map_err(|_| Unreadable::TooLong)?;
        }
        Ok(headers)
    }

    fn name(&mut self, number: u8) -> Result<HeaderName, Unreadable> {
        if number > 0 {
            let name = names::named(number).ok_or(Unreadable::Malformed)?;
            self.count(name.as_str().len())?;
            return Ok(name.clone());
        }
        let text = self.text()?;
        if is_of_one_connection(text) {
            return Err(Unreadable::Malformed);
        }
        HeaderName::from_lowercase(text).map_err(malformed)
    }

    /// A text, which counts.
    fn text(&mut self) -> Result<&'a [u8], Unreadable> {
        let length = self.length()?;
        self.count(length)?;
        self.bytes(length)
    }

    /// The same, as a share of the payload.
    fn shared_text(&mut self) -> Result<Bytes, Unreadable> {
        let text = self.text()?;
        Ok(self.payload.slice(self.at - text.len()..self.at))
    }

    fn length(&mut self) -> Result<usize, Unreadable> {
        let first = self.bytes(1)?[0];
        if first < 0x80 {
            return Ok(usize::from(first));
        }
        let rest = self.bytes(3)?;
        let length = u32::from_be_bytes([first, rest[0], rest[1], rest[2]]) & !LONG;
        Ok(length as usize)
    }

    fn bytes(&mut self, count: usize) -> Result<&'a [u8], Unreadable> {
        let rest = &self.payload[self.at..];
        let bytes = rest.get(..count).ok_or(Unreadable::Malformed)?;
        self.at += count;
        Ok(bytes)
    }

    /// Counts bytes towards the limit.
    fn count(&mut self, bytes: usize) -> Result<(), Unreadable> {
        self.left = self.left.checked_sub(bytes).ok_or(Unreadable::TooLong)?;
        Ok(())
    }

    fn end(&self) -> Result<(), Unreadable> {
        match self.at == self.payload.len() {
            true => Ok(()),
            false => Err(Unreadable::Malformed),
        }
    }
}

/// Whether a header concerns one connection only, and has nothing to say here (RFC 9113 §8.2.2).
fn is_of_one_connection(name: &[u8]) -> bool {
    matches!(
        name,
        b"connection" | b"keep-alive" | b"proxy-connection" | b"transfer-encoding" | b"upgrade"
    )
}

fn malformed(_: impl std::error::Error) -> Unreadable {
    Unreadable::Malformed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 64 * 1024;

    fn headers() -> impl Strategy<Value = HeaderMap> {
        let known = prop::sample::select(vec!["accept", "content-type", "x-request-id", "traceparent"]);
        let name = prop_oneof![known.prop_map(str::to_owned), "x-[a-z0-9_-]{0,200}"];
        let value = prop_oneof![
            "[ -~]{0,40}".prop_map(String::into_bytes),
            prop::collection::vec(0x80..=0xffu8, 0..300),
        ];
        prop::collection::vec((name, value, any::<bool>()), 0..20).prop_map(|fields| {
            let mut headers = HeaderMap::new();
            for (name, value, sensitive) in fields {
                let mut value = HeaderValue::from_bytes(&value).expect("a value");
                value.set_sensitive(sensitive);
                headers.append(name.parse::<HeaderName>().expect("a name"), value);
            }
            headers
        })
    }

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
        let mut out = Vec::new();
        write(&mut out);
        out.into()
    }

    /// What a limit counts of headers.
    fn size(headers: &HeaderMap) -> usize {
        let sizes = headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + OVERHEAD);
        sizes.sum()
    }

    /// The same headers, in the same order, marked alike.
    fn alike(one: &HeaderMap, other: &HeaderMap) -> bool {
        let listed = |headers: &HeaderMap| -> Vec<_> {
            let marked = headers
                .iter()
                .map(|(name, value)| (name.clone(), value.clone(), value.is_sensitive()));
            marked.collect()
        };
        listed(one) == listed(other)
    }

    proptest! {
        #[test]
        fn a_request_is_read_as_it_was_written(headers in headers(), method in "[A-Z]{1,20}", path in "/[a-z/?=&]{0,300}") {
            let method: Method = method.parse().expect("a method");
            let authority = Authority::from_static("payments.shop:8080");
            let target: PathAndQuery = path.parse().expect("a target");
            let head = |takes_trailers| RequestHead { method: &method, authority: &authority, target: &target, headers: &headers, takes_trailers };
            let payload = written(|out| write_request(out, &head(true)));
            let mut read = read_request(&payload, LIMIT).expect("a request");
            prop_assert_eq!(read.headers_mut().remove(TE), Some(TRAILERS));
            prop_assert_eq!(read.headers(), &headers);
            let payload = written(|out| write_request(out, &head(false)));
            let read = read_request(&payload, LIMIT).expect("a request");
            prop_assert_eq!(read.method(), &method);
            prop_assert_eq!(read.uri().authority(), Some(&authority));
            prop_assert_eq!(read.uri().path_and_query(), Some(&target));
            prop_assert!(alike(read.headers(), &headers), "{:?}", read.headers());
            // The limit is exact.
            let size = size(&headers) + method.as_str().len() + authority.as_str().len() + target.as_str().len();
            prop_assert!(read_request(&payload, size).is_ok());
            prop_assert_eq!(read_request(&payload, size - 1).map(drop), Err(Unreadable::TooLong));
        }

        #[test]
        fn a_response_and_trailers_are_read_as_they_were_written(headers in headers(), status in 200u16..1000) {
            let status = StatusCode::from_u16(status).expect("a status");
            let response = read_response(&written(|out| write_response(out, status, &headers)), LIMIT).expect("a response");
            prop_assert_eq!(response.status(), status);
            prop_assert!(alike(response.headers(), &headers));
            let trailers = read_trailers(&written(|out| write_headers(out, &headers)), LIMIT).expect("trailers");
            prop_assert!(alike(&trailers, &headers));
        }

        #[test]
        fn what_is_cut_off_or_goes_on_is_malformed(headers in headers(), cut in any::<prop::sample::Index>()) {
            let payload = written(|out| write_response(out, StatusCode::OK, &headers));
            prop_assert!(read_response(&payload.slice(..cut.index(payload.len())), LIMIT).is_err());
            let longer = [&payload[..], &[0]].concat().into();
            prop_assert_eq!(read_response(&longer, LIMIT).map(drop), Err(Unreadable::Malformed));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let payload = Bytes::from(bytes);
            for limit in [0, 50, LIMIT] {
                if let Ok(request) = read_request(&payload, limit) {
                    prop_assert!(size(request.headers()) <= limit);
                }
                let response = read_response(&payload, limit);
                prop_assert!(response.map_or(0, |response| size(response.headers())) <= limit);
                prop_assert!(read_trailers(&payload, limit).map_or(0, |trailers| size(&trailers)) <= limit);
            }
        }

        /// Random bytes seldom get past the first text; a good head with a few bytes changed does.
        #[test]
        fn a_spoilt_head_is_read_or_refused(headers in headers(), spoilt in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
            let mut bytes = written(|out| write_response(out, StatusCode::OK, &headers)).to_vec();
            for (at, byte) in spoilt {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if let Ok(response) = read_response(&bytes.into(), LIMIT) {
                prop_assert!(size(response.headers()) <= LIMIT);
                prop_assert!(!response.status().is_informational());
            }
        }
    }

    /// A method, an authority, a target, and headers.
    type Written = (
        &'static str,
        &'static str,
        &'static str,
        &'static [(&'static str, &'static str)],
    );

    /// What is read of a request with these texts and headers.
    fn request(
        method: &str,
        authority: &str,
        target: &str,
        headers: &[(&str, &str)],
    ) -> Result<(), Unreadable> {
        let payload = written(|out| {
            for text in [method, authority, target] {
                write_text(out, text.as_bytes());
            }
            write_length(out, headers.len());
            for (name, value) in headers {
                out.put_u8(0);
                write_text(out, name.as_bytes());
                write_text(out, value.as_bytes());
            }
        });
        read_request(&payload, LIMIT).map(drop)
    }

    #[test]
    fn what_http_does_not_allow_is_malformed() {
        assert_eq!(request("GET", "payments", "/", &[("te", "trailers")]), Ok(()));
        assert_eq!(request("OPTIONS", "payments", "*", &[]), Ok(()));
        let malformed: [Written; 12] = [
            ("G T", "payments", "/", &[]),
            ("", "payments", "/", &[]),
            ("GET", "pay ments", "/", &[]),
            ("GET", "", "/", &[]),
            ("GET", "payments", "charge", &[]),
            ("GET", "payments", "", &[]),
            ("GET", "payments", "/a b", &[]),
            ("GET", "payments", "/", &[("X-Tenant", "1")]),
            ("GET", "payments", "/", &[("", "1")]),
            ("GET", "payments", "/", &[("x-tenant", "1\r\nx-admin: 1")]),
            ("GET", "payments", "/", &[("transfer-encoding", "chunked")]),
            ("GET", "payments", "/", &[("te", "gzip")]),
        ];
        for (method, authority, target, headers) in malformed {
            let read = request(method, authority, target, headers);
            assert_eq!(
                read,
                Err(Unreadable::Malformed),
                "{method} {authority} {target} {headers:?}"
            );
        }
    }

    #[test]
    fn a_count_of_headers_that_nobody_could_hold_is_too_long() {
        let payload = Bytes::from_static(&[0, 200, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(
            read_response(&payload, usize::MAX).map(drop),
            Err(Unreadable::TooLong)
        );
    }
}
