//! Names of headers that are written as one byte.

use http::HeaderName;

macro_rules! names {
    ($($name:literal)*) => {
        const TEXTS: &[&str] = &[$($name),*];
        static NAMES: [HeaderName; TEXTS.len()] = [$(HeaderName::from_static($name)),*];
    };
}

// In the order of their numbers, from 1. Both sides have to hold the same list, so a change of it is a new version of the protocol.
names![
    "accept" "accept-encoding" "accept-language" "accept-ranges" "age" "allow" "authorization" "cache-control"
    "content-disposition" "content-encoding" "content-language" "content-length" "content-type" "cookie" "date" "etag"
    "expires" "grpc-encoding" "grpc-message" "grpc-status" "host" "if-match" "if-modified-since" "if-none-match"
    "last-modified" "location" "origin" "range" "referer" "retry-after" "server" "set-cookie" "te" "traceparent"
    "tracestate" "user-agent" "vary" "via" "x-envoy-attempt-count" "x-forwarded-client-cert" "x-forwarded-for"
    "x-forwarded-proto" "x-hallway-answered-by" "x-request-id"
];

/// How many places the table below has; most are free.
const PLACES: usize = 256;

/// The number of each name, at the place that [`place`] gives it or the next free one; 0 where there is none.
static TABLE: [u8; PLACES] = {
    let mut table = [0; PLACES];
    let mut index = 0;
    while index < TEXTS.len() {
        let mut at = place(TEXTS[index].as_bytes());
        while table[at] != 0 {
            at = (at + 1) % PLACES;
        }
        table[at] = index as u8 + 1;
        index += 1;
    }
    table
};

/// Where to look for a name first.
const fn place(name: &[u8]) -> usize {
    let Some((last, rest)) = name.split_last() else {
        return 0;
    };
    let middle = if rest.is_empty() { 0 } else { rest[rest.len() / 2] };
    (name.len() * 37 + *last as usize * 5 + middle as usize * 11) % PLACES
}

/// The number of `name`, if it has one.
pub(crate) fn number(name: &HeaderName) -> Option<u8> {
    let mut at = place(name.as_str().as_bytes());
    loop {
        let number = TABLE[at];
        if named(number)? == name {
            return Some(number);
        }
        at = (at + 1) % PLACES;
    }
}

/// The name with `number`, if there is one.
pub(crate) fn named(number: u8) -> Option<&'static HeaderName> {
    NAMES.get(usize::from(number).checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_one_number_and_each_number_one_name() {
        for (index, text) in TEXTS.iter().enumerate() {
            let name = HeaderName::from_static(text);
            let expected = u8::try_from(index + 1).expect("a byte");
            assert_eq!(number(&name), Some(expected), "{text}");
            assert_eq!(named(expected), Some(&name));
        }
        // The eighth bit says something else.
        assert!(TEXTS.len() < 128);
    }

    #[test]
    fn other_names_have_none() {
        for other in ["x-tenant", "x", "accept-", "connection"] {
            assert_eq!(number(&HeaderName::from_static(other)), None);
        }
        assert_eq!((named(0), named(200)), (None, None));
    }
}
