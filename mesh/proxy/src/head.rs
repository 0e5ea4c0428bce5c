//! The head of a request: checked when it comes in, and written anew for each attempt.

use std::borrow::Cow;

use hallway_model::telemetry::Direction;
use hallway_traffic::headers::{HeaderEdits, remove_hop_by_hop};
use hallway_traffic::path;
use hallway_traffic::redirect::Asked;
use hallway_traffic::request_id::X_REQUEST_ID;
use hallway_traffic::trace_context::{SpanId, TRACEPARENT, TRACESTATE, TraceContext};
use hallway_traffic::{RequestHead, Selection, forwarding, rewrite};
use http::header::{EXPECT, HOST, TE, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Method};

use crate::body::RequestBody;
use crate::downstream::Downstream;
use crate::outgoing::Outgoing;
use crate::reply::{self, LocalReply};

/// A request head that is well-formed and can be forwarded.
pub(crate) struct Head {
    pub(crate) method: Method,
    pub(crate) target: PathAndQuery,
    pub(crate) authority: Authority,
    pub(crate) headers: HeaderMap,
    /// Whether the caller has said that it takes trailers.
    pub(crate) takes_trailers: bool,
}

impl Head {
    /// Takes a head apart. An absolute target overrides `Host`, as RFC 9112 §3.2.2 demands of proxies.
    ///
    /// # Errors
    /// With the answer that the caller gets.
    pub(crate) fn parse(parts: Parts, downstream: &Downstream) -> Result<Self, LocalReply> {
        if parts.method == Method::CONNECT {
            return Err(reply::connect_unsupported());
        }
        let served = match downstream.serves_https() {
            true => Scheme::HTTPS,
            false => Scheme::HTTP,
        };
        if parts.uri.scheme().is_some_and(|scheme| *scheme != served) {
            return Err(reply::malformed(
                "the target has another scheme than the one that is served here",
            ));
        }
        if !is_framed_plainly(&parts.headers) {
            return Err(reply::transfer_coding_unsupported());
        }
        let uri = parts.uri.into_parts();
        let authority = authority(uri.authority, &parts.headers)?;
        let target = uri
            .path_and_query
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

    /// The method and the path in their one reading; what is forwarded has no other. Some applications take `get` for `GET`, so a method in
    /// lower case has two.
    ///
    /// # Errors
    /// When there is another reading, with the answer that the caller gets.
    pub(crate) fn read(&self) -> Result<(&str, Cow<'_, str>), LocalReply> {
        let method = self.method.as_str();
        if method.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Err(reply::ambiguous_method());
        }
        let path = path::read(self.target.path()).map_err(reply::ambiguous_path)?;
        Ok((method, path))
    }

    /// The headers.
    pub(crate) fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    /// The method.
    pub(crate) fn method(&self) -> &Method {
        &self.method
    }

    /// The service that is asked for, as the caller wrote it.
    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// What a redirect starts from. An application sees a service at the port that it calls, which is 80 unless it names one; a client outside
    /// sees the port of a listener.
    pub(crate) fn asked(&self, downstream: &Downstream, matched_prefix: usize) -> Asked<'_> {
        let (scheme, port) = match &downstream.entrance {
            Some(entrance) if entrance.tls => ("https", entrance.port),
            Some(entrance) => ("http", entrance.port),
            None => ("http", self.authority.port_u16().unwrap_or(80)),
        };
        Asked {
            scheme,
            host: self.authority.host(),
            port,
            path: self.target.path(),
            query: self.target.query(),
            matched_prefix,
        }
    }

    /// Changes what is asked for, as the rule says.
    ///
    /// # Errors
    /// When a path becomes too long by it.
    pub(crate) fn rewrite(&mut self, selection: &Selection<'_>) -> Result<(), LocalReply> {
        let changes = &selection.rule.rule.rewrite;
        if let Some(hostname) = &changes.hostname {
            self.authority = Authority::try_from(hostname.as_str()).expect("a host name is an authority");
        }
        if let Some(change) = &changes.path {
            let (path, query) = (self.target.path(), self.target.query());
            let target = rewrite::target(change, path, query, selection.matched_prefix);
            self.target = PathAndQuery::try_from(target).map_err(|_| reply::target_too_long())?;
        }
        Ok(())
    }

    /// Writes what is the same for all attempts: the rule's `edits`, and what this proxy knows of the hop before.
    pub(crate) fn prepare(&mut self, edits: &HeaderEdits, hop: &Hop<'_>) {
        let headers = &mut self.headers;
        edits.apply(headers);
        match hop.downstream.direction {
            Direction::Outbound => forwarding::outbound(headers),
            Direction::Inbound => forwarding::inbound(headers, &hop.downstream.caller),
            Direction::Gateway => forwarding::gateway(headers, &hop.downstream.caller),
        }
        headers.insert(X_REQUEST_ID, hop.request_id.clone());
        if hop.trace.parent().is_none() {
            headers.remove(TRACESTATE);
        }
    }

    /// The request of one attempt. The head is good for a further one only if this is not the `last`.
    pub(crate) fn for_attempt(&mut self, body: RequestBody, attempt: &Attempt<'_>) -> Outgoing<'_> {
        let traceparent = attempt.trace.header(&attempt.span_id);
        self.headers.insert(TRACEPARENT, traceparent);
        if attempt.direction != Direction::Inbound {
            forwarding::count_attempt(&mut self.headers, attempt.number);
        }
        Outgoing {
            head: self,
            last: attempt.last,
            body,
        }
    }
}

/// What the next hop is told about this one, whichever attempt it is.
pub(crate) struct Hop<'a> {
    /// Who sent the request here.
    pub(crate) downstream: &'a Downstream,
    /// Its `x-request-id`.
    pub(crate) request_id: &'a HeaderValue,
    /// Its trace.
    pub(crate) trace: &'a TraceContext,
}

/// What differs from attempt to attempt.
pub(crate) struct Attempt<'a> {
    /// On which side.
    pub(crate) direction: Direction,
    /// Which one it is, from 1.
    pub(crate) number: u32,
    /// Whether there can be no further one.
    pub(crate) last: bool,
    /// The trace of the request.
    pub(crate) trace: &'a TraceContext,
    /// The span of the attempt.
    pub(crate) span_id: SpanId,
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
fn authority(of_target: Option<Authority>, headers: &HeaderMap) -> Result<Authority, LocalReply> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(reply::malformed("the request has several Host headers"));
    }
    let authority = match (of_target, host) {
        (Some(authority), _) => Ok(authority),
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
