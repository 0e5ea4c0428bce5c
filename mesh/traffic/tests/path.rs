//! The reading of paths, by example and against a reader that repairs whatever it is given.

use hallway_traffic::path::{AmbiguousPath, read};
use proptest::prelude::*;

#[test]
fn a_plain_path_is_read_as_it_stands() {
    for path in [
        "/",
        "/charge",
        "/a/b/",
        "/a.b/..c/d..",
        "/v1;x=1",
        "/~ann:1@b,c",
        "/ä",
    ] {
        assert_eq!(read(path).as_deref(), Ok(path));
    }
}

#[test]
fn escapes_are_decoded_once() {
    for (path, expected) in [
        ("/%61dmin", "/admin"),
        ("/a%20b", "/a b"),
        ("/users/ann%40shop.test", "/users/ann@shop.test"),
        ("/caf%C3%a9", "/café"),
        ("/100%25", "/100%"),
        ("/50%25off", "/50%off"),
        ("/a%3Fb", "/a?b"),
    ] {
        assert_eq!(read(path).as_deref(), Ok(expected), "{path}");
    }
}

#[test]
fn what_has_two_readings_is_refused() {
    use AmbiguousPath::*;
    for (path, expected) in [
        ("*", NotAbsolute),
        ("", NotAbsolute),
        ("admin", NotAbsolute),
        ("//admin", EmptySegment),
        ("/a//b", EmptySegment),
        ("/a//", EmptySegment),
        ("//", EmptySegment),
        ("/;v=1/admin", EmptySegment),
        ("/./admin", DotSegment),
        ("/x/../admin", DotSegment),
        ("/x/%2e%2E/admin", DotSegment),
        ("/x/.%2e;y/admin", DotSegment),
        ("/x/..%3Bw/admin", DotSegment),
        ("/admin/.", DotSegment),
        ("/x/..", DotSegment),
        ("/x\\admin", Backslash),
        ("/x%5cadmin", EscapedSlash),
        ("/x%2Fadmin", EscapedSlash),
        ("/x%2fadmin", EscapedSlash),
        ("/admin%00", Control),
        ("/admin%0a", Control),
        ("/admin\u{7f}", Control),
        ("/%", MalformedEscape),
        ("/%4", MalformedEscape),
        ("/%zz", MalformedEscape),
        ("/%+1", MalformedEscape),
        ("/%4é", MalformedEscape),
        ("/%2561dmin", EscapedEscape),
        ("/%25%36%31", EscapedEscape),
        ("/%2%35", MalformedEscape),
        ("/%c0%af", NotUtf8),
        ("/%ff", NotUtf8),
    ] {
        assert_eq!(read(path), Err(expected), "{path}");
    }
}

/// How a careless application reads a path: it decodes as long as there is something to decode, takes backslashes for slashes and ends at a
/// control character; then it resolves what is left, looking past path parameters. Bytes that are no escape stay as they are.
fn careless(path: &str) -> Vec<u8> {
    let mut bytes = path.as_bytes().to_vec();
    for _ in 0..8 {
        bytes = percent_decoded(&bytes);
    }
    bytes
        .iter_mut()
        .filter(|byte| **byte == b'\\')
        .for_each(|byte| *byte = b'/');
    let end = bytes.iter().position(u8::is_ascii_control).unwrap_or(bytes.len());
    let ends_in_slash = bytes[..end].ends_with(b"/");
    let mut segments: Vec<&[u8]> = Vec::new();
    for segment in bytes[..end].split(|byte| *byte == b'/') {
        let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
        match name {
            b"" | b"." => {}
            b".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    let mut path = [b"/", segments.join(&b'/').as_slice()].concat();
    if ends_in_slash && path.len() > 1 {
        path.push(b'/');
    }
    path
}

fn percent_decoded(bytes: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::new();
    let mut position = 0;
    while let Some(byte) = bytes.get(position) {
        match (
            byte,
            digit(bytes.get(position + 1)),
            digit(bytes.get(position + 2)),
        ) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(u8::try_from(high * 16 + low).expect("two hexadecimal digits"));
                position += 3;
            }
            _ => {
                decoded.push(*byte);
                position += 1;
            }
        }
    }
    decoded
}

/// Texts of what paths are made of when somebody means harm.
fn crafted() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "/", "/", "/", ".", "..", "a", "admin", ";", "\\", "%", "%2f", "%2F", "%5C", "%2e", "%61", "%25",
        "%2", "2f", "5c", "61", "%00", "%3B", "%C3%A4", "%ff", "ä", "*", "?", "\u{1}",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn what_is_decided_on_is_what_any_application_sees(path in prop_oneof![crafted(), crafted().prop_map(|rest| format!("/{rest}")), "\\PC*"]) {
        if let Ok(read) = read(&path) {
            prop_assert_eq!(read.as_bytes(), careless(&path), "{}", path);
        }
    }

    #[test]
    fn every_plain_path_has_a_reading(path in "(/[a-z0-9._~@:,=&-]{0,3}[a-z]){1,4}/?") {
        let read = read(&path);
        prop_assert_eq!(read.as_deref(), Ok(path.as_str()));
    }
}
