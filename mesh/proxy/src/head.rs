//! The head of a request: checked when it comes in, and written anew for each attempt.

use hallway_model::telemetry::Direction;
use hallway_traffic::RequestHead;
use hallway_traffic::forwarding;
use hallway_traffic::headers::{HeaderEdits, remove_hop_by_hop};
use hallway_traffic::request_id::X_REQUEST_ID;
use hallway_traffic::trace_context::{SpanId, TRACEPARENT, TRACESTATE, TraceContext};
use http::header::{EXPECT, HOST, TE, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Method, Uri};

use crate::body::RequestBody;
use crate::downstream::Downstream;
use crate::outgoing::Outgoing;
use crate::reply::{self, LocalReply};

/// A request head that is well-formed and can be forwarded.
pub(crate) struct Head {
    method: Method,
    target: PathAndQuery,
    authority: Authority,
    headers: HeaderMap,
    takes_trailers: bool,
}

impl Head {
    /// Takes a head apart. An absolute target overrides `Host`, as RFC 9112 §3.2.2 demands of proxies.
    ///
    /// # Errors
    /// With the answer that the caller gets.
    pub(crate) fn parse(parts: Parts) -> Result<Self, LocalReply> {
        if parts.method == Method::CONNECT {
            return Err(reply::connect_unsupported());
        }
        if parts.uri.scheme().is_some_and(|scheme| *scheme != Scheme::HTTP) {
            return Err(reply::malformed("the target has another scheme than http"));
        }
        if !is_framed_plainly(&parts.headers) {
            return Err(reply::transfer_coding_unsupported());
        }
        let authority = authority(&parts.uri, &parts.headers)?;
        let target = parts
            .uri
            .path_and_query()
            .cloned()
            .unwrap_or_else(|| PathAndQuery::from_static("/"));
        let mut headers = parts.headers;
        let takes_trailers = takes_trailers(&headers);
        remove_hop_by_hop(&mut headers);
        headers.remove(HOST);
        // The wait for `100 Continue` ends at each hop: this proxy answers it when it reads the body.
        headers.remove(EXPECT);
        Ok(Self {
            method: parts.method,
            target,
            authority,
            headers,
            takes_trailers,
        })
    }

    /// What routes look at.
    pub(crate) fn for_routing(&self) -> RequestHead<'_> {
        RequestHead {
            method: &self.method,
            path: self.target.path(),
            query: self.target.query(),
            headers: &self.headers,
        }
    }

    /// The method.
    pub(crate) fn method(&self) -> &Method {
        &self.method
    }

    /// The service that is asked for, as the caller wrote it.
    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The request of one attempt: the head with the rule's `edits`, and what this proxy knows of the hop before.
    pub(crate) fn for_attempt(&self, body: RequestBody, edits: &HeaderEdits, hop: &Hop<'_>) -> Outgoing {
        let mut headers = self.headers.clone();
        edits.apply(&mut headers);
        hop.set_forwarding(&mut headers);
        hop.set_trace(&mut headers);
        Outgoing {
            method: self.method.clone(),
            authority: self.authority.clone(),
            target: self.target.clone(),
            headers,
            takes_trailers: self.takes_trailers,
            body,
        }
    }
}

/// What the next hop is told about this one.
pub(crate) struct Hop<'a> {
    /// Who sent the request here.
    pub(crate) downstream: &'a Downstream,
    /// Its `x-request-id`.
    pub(crate) request_id: &'a HeaderValue,
    /// Its trace.
    pub(crate) trace: &'a TraceContext,
    /// The span of the attempt.
    pub(crate) span_id: &'a SpanId,
    /// Which attempt it is, from 1.
    pub(crate) attempt: u32,
}

impl Hop<'_> {
    fn set_forwarding(&self, headers: &mut HeaderMap) {
        match self.downstream.direction {
            Direction::Outbound => forwarding::outbound(headers, self.attempt),
            Direction::Inbound => forwarding::inbound(headers, &self.downstream.caller),
        }
    }

    fn set_trace(&self, headers: &mut HeaderMap) {
        headers.insert(X_REQUEST_ID, self.request_id.clone());
        headers.insert(TRACEPARENT, self.trace.header(self.span_id));
        if self.trace.parent().is_none() {
            headers.remove(TRACESTATE);
        }
    }
}

/// Whether chunks are the only transfer coding. Another one, such as `gzip, chunked`, would end at this hop with its
/// header, and the next one would take the coded bytes for the body (RFC 9112 §6.1).
fn is_framed_plainly(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let plain = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"chunked");
    codings.next().is_none_or(plain) && codings.next().is_none()
}

/// Whether the caller takes trailers (RFC 9110 §10.1.4).
fn takes_trailers(headers: &HeaderMap) -> bool {
    let said = headers.get_all(TE).iter().filter_map(|value| value.to_str().ok());
    said.flat_map(|value| value.split(','))
        .any(|coding| coding.trim().eq_ignore_ascii_case("trailers"))
}

/// The authority of a request: of its target, or of its one `Host` header (RFC 9112 §3.2).
fn authority(uri: &Uri, headers: &HeaderMap) -> Result<Authority, LocalReply> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(reply::malformed("the request has several Host headers"));
    }
    let authority = match (uri.authority(), host) {
        (Some(authority), _) => Ok(authority.clone()),
        (None, Some(host)) => Authority::from_maybe_shared(host.clone()),
        (None, None) => {
            return Err(reply::malformed(
                "the request says nowhere which service it is for",
            ));
        }
    };
    match authority {
        Ok(authority) if !authority.as_str().contains('@') => Ok(authority),
        _ => Err(reply::malformed("the authority of the request is malformed")),
    }
}
