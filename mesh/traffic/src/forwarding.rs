//! What a proxy tells the next hop about the one before.
//!
//! These headers are claims about who called. A proxy sets them from what it saw itself and removes what it was sent:
//! an application that could set them could pretend to be anybody.

use std::borrow::Cow;
use std::net::IpAddr;

use hallway_model::SpiffeId;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The certificate identities of both ends, as the receiving proxy saw them. Source: Envoy.
pub const X_FORWARDED_CLIENT_CERT: HeaderName = HeaderName::from_static("x-forwarded-client-cert");

/// Which attempt of a request this is, from 1. Source: Envoy.
pub const X_ENVOY_ATTEMPT_COUNT: HeaderName = HeaderName::from_static("x-envoy-attempt-count");

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Who sends requests to an inbound listener or to a gateway, in the words of the headers. It stays the same for a whole connection.
#[derive(Clone, Debug)]
pub struct Caller {
    address: HeaderValue,
    /// Both certificate identities; none over plaintext.
    certificate: Option<HeaderValue>,
    /// What was spoken: `http` or `https`.
    proto: HeaderValue,
}

/// Both ends of a mutual TLS connection.
#[derive(Clone, Copy, Debug)]
pub struct Identities<'a> {
    /// The peer.
    pub peer: &'a SpiffeId,
    /// This proxy.
    pub own: &'a SpiffeId,
}

impl Caller {
    /// A caller at `address` that proved `identities`; none over plaintext.
    pub fn new(address: IpAddr, identities: Option<Identities<'_>>) -> Self {
        Self {
            address: plain(&address.to_string()),
            certificate: identities.map(|Identities { peer, own }| plain(&format!("By={own};URI={peer}"))),
            proto: proto(identities.is_some()),
        }
    }

    /// A client outside of the mesh at `address`, which speaks to a gateway, over TLS or in the clear.
    pub fn outside(address: IpAddr, tls: bool) -> Self {
        Self {
            address: plain(&address.to_string()),
            certificate: None,
            proto: proto(tls),
        }
    }
}

/// # Panics
/// Never: addresses and SPIFFE IDs are plain ASCII.
fn plain(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("plain ASCII")
}

fn proto(tls: bool) -> HeaderValue {
    HeaderValue::from_static(if tls { "https" } else { "http" })
}

/// Removes every claim about earlier hops but those in `own`, which this proxy writes anew.
fn remove_claims(headers: &mut HeaderMap, own: &[HeaderName]) {
    remove(headers, |name| is_claim(name) && !own.contains(name));
}

fn remove(headers: &mut HeaderMap, is_meant: impl Fn(&HeaderName) -> bool) {
    let foreign = |name: &&HeaderName| is_meant(name);
    let claims: Vec<HeaderName> = headers.keys().filter(foreign).cloned().collect();
    for name in claims {
        headers.remove(name);
    }
}

/// Whether a header is a claim about earlier hops: `forwarded` (RFC 7239), all of `x-forwarded-*`, `x-real-ip`,
/// `x-envoy-external-address`, and the attempt count. Trailers must not carry one either. An underscore counts as a hyphen: to programs behind
/// CGI or WSGI the two are one name.
pub fn is_claim(name: &HeaderName) -> bool {
    // Most headers begin with other letters, and this is asked for each.
    let may_be = matches!(name.as_str().as_bytes().first(), Some(b'x' | b'f'));
    may_be && is_claim_in(&with_hyphens(name))
}

// ANCHOR: claims
/// Whether a header from outside of the mesh claims to be of a proxy: what [`is_claim`] names, all of `x-envoy-*`, and what others write the
/// address of a client into.
fn is_claim_from_outside(name: &HeaderName) -> bool {
    let name = with_hyphens(name);
    let addresses = ["true-client-ip", "x-client-ip", "x-cluster-client-ip"];
    is_claim_in(&name) || name.starts_with("x-envoy-") || addresses.contains(&name.as_ref())
}

fn is_claim_in(name: &str) -> bool {
    name.starts_with("x-forwarded-")
        || matches!(
            name,
            "forwarded" | "x-real-ip" | "x-envoy-external-address" | "x-envoy-attempt-count"
        )
}
// ANCHOR_END: claims

fn with_hyphens(name: &HeaderName) -> Cow<'_, str> {
    match name.as_str().contains('_') {
        true => Cow::Owned(name.as_str().replace('_', "-")),
        false => Cow::Borrowed(name.as_str()),
    }
}

/// Replaces all claims of a request from this proxy's own application: nothing is said but that it was not encrypted
/// on its first hop, which is the loopback. [`count_attempt`] adds what differs from attempt to attempt.
pub fn outbound(headers: &mut HeaderMap) {
    remove_claims(headers, &[X_FORWARDED_PROTO]);
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static("http"));
}

/// Says which attempt a request is, from 1.
pub fn count_attempt(headers: &mut HeaderMap, attempt: u32) {
    let count = match attempt {
        1 => HeaderValue::from_static("1"),
        _ => HeaderValue::from(attempt),
    };
    headers.insert(X_ENVOY_ATTEMPT_COUNT, count);
}

/// Replaces all claims of a request from a client outside of the mesh, of whom nothing is known but its address and what it speaks. This
/// is where the next hops know them from.
pub fn gateway(headers: &mut HeaderMap, caller: &Caller) {
    remove(headers, is_claim_from_outside);
    say_who(headers, caller);
}

fn say_who(headers: &mut HeaderMap, caller: &Caller) {
    headers.insert(X_FORWARDED_FOR, caller.address.clone());
    headers.insert(X_FORWARDED_PROTO, caller.proto.clone());
}

/// Replaces the claims of a request from a peer. Of one that proved its identity, the attempt count is kept, and what a gateway says of the
/// client: sidecars send no `x-forwarded-for`, so where a proven peer sends one, it comes from a gateway, and this hop is added to it.
pub fn inbound(headers: &mut HeaderMap, caller: &Caller) {
    let Some(certificate) = &caller.certificate else {
        remove_claims(headers, &[]);
        return say_who(headers, caller);
    };
    let kept = [
        X_FORWARDED_FOR,
        X_FORWARDED_PROTO,
        X_FORWARDED_CLIENT_CERT,
        X_ENVOY_ATTEMPT_COUNT,
    ];
    remove_claims(headers, &kept);
    headers.insert(X_FORWARDED_CLIENT_CERT, certificate.clone());
    let said = headers
        .get(X_FORWARDED_FOR)
        .map(|said| list(said, &caller.address));
    if said.is_none() {
        headers.insert(X_FORWARDED_PROTO, caller.proto.clone());
    }
    headers.insert(X_FORWARDED_FOR, said.unwrap_or_else(|| caller.address.clone()));
}

/// Both values, as one list (RFC 9110, section 5.6.1).
fn list(first: &HeaderValue, second: &HeaderValue) -> HeaderValue {
    let bytes = [first.as_bytes(), b", ", second.as_bytes()].concat();
    HeaderValue::from_bytes(&bytes).expect("values of headers")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forged() -> HeaderMap {
        let mut headers = HeaderMap::new();
        for name in [
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-client-cert",
            "x_forwarded_client_cert",
            "forwarded",
        ] {
            headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_static("admin.test"),
            );
        }
        headers.insert(X_ENVOY_ATTEMPT_COUNT, HeaderValue::from_static("7"));
        headers.insert("x-hallway-request", HeaderValue::from_static("42"));
        headers
    }

    fn rendered(headers: &HeaderMap) -> Vec<String> {
        let mut lines: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().expect("ASCII")))
            .collect();
        lines.sort();
        lines
    }

    #[test]
    fn what_an_application_claims_is_replaced() {
        let mut headers = forged();
        outbound(&mut headers);
        count_attempt(&mut headers, 2);
        assert_eq!(
            rendered(&headers),
            [
                "x-envoy-attempt-count: 2",
                "x-forwarded-proto: http",
                "x-hallway-request: 42"
            ]
        );
    }

    fn peer() -> Caller {
        let peer = "spiffe://hallway.test/ns/shop/sa/orders".parse().expect("valid");
        let own = "spiffe://hallway.test/ns/shop/sa/payments"
            .parse()
            .expect("valid");
        let identities = Some(Identities {
            peer: &peer,
            own: &own,
        });
        Caller::new(IpAddr::from([127, 0, 0, 1]), identities)
    }

    #[test]
    fn a_peer_is_named_by_its_certificate() {
        let mut headers = forged();
        outbound(&mut headers);
        count_attempt(&mut headers, 7);
        inbound(&mut headers, &peer());
        assert_eq!(
            rendered(&headers),
            [
                "x-envoy-attempt-count: 7",
                "x-forwarded-client-cert: By=spiffe://hallway.test/ns/shop/sa/payments;\
                 URI=spiffe://hallway.test/ns/shop/sa/orders",
                "x-forwarded-for: 127.0.0.1",
                "x-forwarded-proto: https",
                "x-hallway-request: 42",
            ]
        );
    }

    #[test]
    fn a_client_outside_is_known_by_its_address_alone_and_stays_known() {
        let mut headers = forged();
        for name in ["x-envoy-original-path", "true-client-ip", "x_client_ip"] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("admin"));
        }
        let address = IpAddr::from([192, 0, 2, 7]);
        gateway(&mut headers, &Caller::outside(address, false));
        let outside = [
            "x-forwarded-for: 192.0.2.7",
            "x-forwarded-proto: http",
            "x-hallway-request: 42",
        ];
        assert_eq!(rendered(&headers), outside);
        inbound(&mut headers, &peer());
        let inside = [
            "x-forwarded-client-cert: By=spiffe://hallway.test/ns/shop/sa/payments;\
             URI=spiffe://hallway.test/ns/shop/sa/orders",
            "x-forwarded-for: 192.0.2.7, 127.0.0.1",
            "x-forwarded-proto: http",
            "x-hallway-request: 42",
        ];
        assert_eq!(rendered(&headers), inside);
    }

    #[test]
    fn over_plaintext_nobody_is_named_and_nothing_believed() {
        let mut headers = forged();
        let address = IpAddr::from([127, 0, 0, 1]);
        inbound(&mut headers, &Caller::new(address, None));
        assert_eq!(
            rendered(&headers),
            [
                "x-forwarded-for: 127.0.0.1",
                "x-forwarded-proto: http",
                "x-hallway-request: 42"
            ]
        );
    }
}
