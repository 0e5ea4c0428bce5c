//! The one reading of a request's path: what rules about paths look at, and what the application sees.
//!
//! A rule about paths is worth as much as the agreement about what a path is. A proxy that decides on `/x/../admin` as it stands, before an
//! application that reads `/admin`, has an open side door. Envoy and Istio rewrite paths before they decide, in one of four ways, and the
//! right one depends on the application (<https://istio.io/latest/docs/reference/config/security/normalization/>; what becomes of the wrong
//! one: ISTIO-SECURITY-2021-005).
//! This mesh does not guess: a path that two honest readers might read in two ways is refused, and every other one is forwarded as it came.
//! What is left has one reading, its escapes decoded once (RFC 3986 §2.4).

use std::borrow::Cow;

use thiserror::Error;

/// Why a path has more than one reading.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum AmbiguousPath {
    /// It is `*`, or a relative one.
    #[error("it does not begin with `/`")]
    NotAbsolute,
    /// `//`: many servers take it for one `/`.
    #[error("it has an empty segment (`//`)")]
    EmptySegment,
    /// `/./` and `/../`: many servers resolve them, and some do so before a `;`.
    #[error("it has a segment `.` or `..`")]
    DotSegment,
    /// A backslash: some servers take it for a slash.
    #[error("it has a backslash")]
    Backslash,
    /// `%2F`: some servers take it for a slash.
    #[error("it has an escaped slash (`%2F`)")]
    EscapedSlash,
    /// A control character: some servers end the path there.
    #[error("it has a control character")]
    Control,
    /// `%zz`: some servers leave it as it is.
    #[error("it has a `%` without two hexadecimal digits after it")]
    MalformedEscape,
    /// `%2561`: some servers decode twice.
    #[error("it has an escaped escape, such as `%2561`")]
    EscapedEscape,
    /// Bytes that are no UTF-8: servers differ in what they put in their place.
    #[error("its escapes are not UTF-8")]
    NotUtf8,
}

/// The reading of `path`, which is a path without its query.
///
/// Path parameters (`/admin;v=1`) are part of it, as in Envoy: a rule that means them too says `/admin*`.
///
/// # Errors
/// When it has more than one reading.
pub fn read(path: &str) -> Result<Cow<'_, str>, AmbiguousPath> {
    let read = match path.contains('%') {
        true => Cow::Owned(decoded(path)?),
        false => Cow::Borrowed(path),
    };
    for byte in read.bytes() {
        match byte {
            b'\\' => return Err(AmbiguousPath::Backslash),
            byte if byte.is_ascii_control() => return Err(AmbiguousPath::Control),
            _ => {}
        }
    }
    let relative = read.strip_prefix('/').ok_or(AmbiguousPath::NotAbsolute)?;
    // The last segment of a path that ends in a slash is empty, and means just that.
    let segments = relative.strip_suffix('/').unwrap_or(relative);
    if !relative.is_empty() {
        segments.split('/').try_for_each(check_segment)?;
    }
    Ok(read)
}

/// Servers that know path parameters look at what is before them.
fn check_segment(segment: &str) -> Result<(), AmbiguousPath> {
    match segment.split(';').next() {
        None | Some("") => Err(AmbiguousPath::EmptySegment),
        Some("." | "..") => Err(AmbiguousPath::DotSegment),
        Some(_) => Ok(()),
    }
}

/// `path` with its escapes decoded once, none of which may stand for a slash or for a part of another one.
fn decoded(path: &str) -> Result<String, AmbiguousPath> {
    let mut pieces = path.split('%');
    let mut decoded = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let byte = escape(piece).ok_or(AmbiguousPath::MalformedEscape)?;
        if matches!(byte, b'/' | b'\\') {
            return Err(AmbiguousPath::EscapedSlash);
        }
        decoded.push(byte);
        decoded.extend_from_slice(&piece.as_bytes()[2..]);
    }
    let decoded = String::from_utf8(decoded).map_err(|_| AmbiguousPath::NotUtf8)?;
    match decoded.split('%').skip(1).any(|piece| escape(piece).is_some()) {
        true => Err(AmbiguousPath::EscapedEscape),
        false => Ok(decoded),
    }
}

/// The byte for which the two digits at the beginning of `text` stand.
fn escape(text: &str) -> Option<u8> {
    let digits = text.get(..2)?;
    let hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    hexadecimal.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}
