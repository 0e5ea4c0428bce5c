//! `x-request-id`: one name for a request wherever it goes.

use http::{HeaderName, HeaderValue};
use rand::{Rng, RngExt};

use crate::trace_context::Hexadecimal;

/// The header. Source: Envoy.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is kept, in bytes.
pub const LONGEST: usize = 128;

/// The id, when it is one that can be kept: up to [`LONGEST`] letters, digits, `-`, `_`, `.`, `:` and `/`.
/// Anything else could forge a line of a log.
pub fn well_formed(value: &HeaderValue) -> Option<&str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'/');
    value
        .to_str()
        .ok()
        .filter(|id| !id.is_empty() && id.len() <= LONGEST && id.bytes().all(allowed))
}

/// A new id: a random UUID (RFC 9562, version 4).
pub fn mint(random: &mut impl Rng) -> String {
    let bits: u128 = random.random();
    let versioned = bits & !(0xf << 76) | (0x4 << 76);
    let uuid = versioned & !(0x3 << 62) | (0x2 << 62);
    let digits = Hexadecimal::<32>::of(uuid);
    let digits = digits.as_str();
    let mut id = String::with_capacity(36);
    for group in [0..8, 8..12, 12..16, 16..20, 20..32] {
        if !id.is_empty() {
            id.push('-');
        }
        id.push_str(&digits[group]);
    }
    id
}

#[cfg(test)]
mod tests {
    use hallway_host::Random;
    use http::HeaderValue;

    use super::{mint, well_formed};

    #[test]
    fn a_minted_id_is_a_random_uuid_and_well_formed() {
        let mut random = Random::derive(1, "request id");
        let ids: Vec<String> = (0..64).map(|_| mint(&mut random)).collect();
        for id in &ids {
            let groups: Vec<usize> = id.split('-').map(str::len).collect();
            assert_eq!(groups, [8, 4, 4, 4, 12], "{id}");
            assert_eq!(&id[14..15], "4", "the version of {id}");
            assert!("89ab".contains(&id[19..20]), "the variant of {id}");
            let value = HeaderValue::from_str(id).expect("hexadecimal digits are a header value");
            assert_eq!(well_formed(&value), Some(id.as_str()));
        }
        assert_ne!(ids[0], ids[1]);
    }

    #[test]
    fn an_id_that_could_forge_a_log_line_is_not_kept() {
        for bad in [&b""[..], b"a b", b"a\"b", b"\xff", &[b'a'; 129]] {
            let value = HeaderValue::from_bytes(bad).expect("a header value may say it");
            assert_eq!(well_formed(&value), None, "{bad:?}");
        }
    }
}
