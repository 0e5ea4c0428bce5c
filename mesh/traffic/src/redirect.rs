//! Where a redirected caller is sent. Source: Gateway API, `HTTPRequestRedirectFilter`
//! (<https://gateway-api.sigs.k8s.io/reference/spec/#httprequestredirectfilter>).

use hallway_model::Hostname;
use hallway_model::route::Redirect;

use crate::rewrite::changed_path;

/// What a request asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The scheme, `http` or `https`.
    pub scheme: &'a str,
    /// The host, without a port; an IPv6 address in brackets.
    pub host: &'a str,
    /// The port of the listener, as clients see it.
    pub port: u16,
    /// The path.
    pub path: &'a str,
    /// The query.
    pub query: Option<&'a str>,
    /// How many bytes of the path are the prefix by which the rule was selected; see [`Selection`](crate::Selection).
    pub matched_prefix: usize,
}

/// The URL in the header `location`, in plain ASCII. The query is kept. A port that belongs to the scheme is left out.
pub fn location(redirect: &Redirect, asked: &Asked<'_>) -> String {
    let scheme = redirect.scheme.as_deref().unwrap_or(asked.scheme);
    let host = redirect.hostname.as_ref().map_or(asked.host, Hostname::as_str);
    // A scheme that is named brings its own port; otherwise the caller stays at the listener.
    let kept = match &redirect.scheme {
        Some(scheme) => default_port(scheme),
        None => Some(asked.port),
    };
    let port = redirect
        .port
        .or(kept)
        .filter(|port| default_port(scheme) != Some(*port));
    let mut location = format!("{scheme}://{host}");
    if let Some(port) = port {
        location.push_str(&format!(":{port}"));
    }
    match &redirect.path {
        Some(change) => push_ascii(
            &mut location,
            &changed_path(change, asked.path, asked.matched_prefix),
        ),
        None => push_ascii(&mut location, asked.path),
    }
    if let Some(query) = asked.query {
        location.push('?');
        push_ascii(&mut location, query);
    }
    location
}

/// The port that belongs to a scheme (RFC 9110, sections 4.2.1 and 4.2.2).
fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// Appends `text`, with what a URL cannot hold as it is percent-encoded (RFC 3986, section 2.1).
fn push_ascii(location: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_graphic() {
            location.push(char::from(byte));
        } else {
            location.push_str(&format!("%{byte:02X}"));
        }
    }
}
