//! The head of a request: checked when it comes in, and written anew for each attempt.

use hallway_model::SpiffeId;
use hallway_model::telemetry::Direction;
use hallway_traffic::RequestHead;
use hallway_traffic::forwarding::{self, Caller, Identities};
use hallway_traffic::headers::{HeaderEdits, remove_hop_by_hop};
use hallway_traffic::request_id::X_REQUEST_ID;
use hallway_traffic::trace_context::{TRACEPARENT, TRACESTATE, TraceContext};
use http::header::{EXPECT, HOST};
use http::request::Parts;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};

use crate::body::RequestBody;
use crate::downstream::Downstream;
use crate::reply::{self, LocalReply};

/// A request head that is well-formed and can be forwarded.
pub(crate) struct Head {
    method: Method,
    target: PathAndQuery,
    authority: HeaderValue,
    headers: HeaderMap,
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
        let authority = authority(&parts.uri, &parts.headers)?;
        let target = parts
            .uri
            .path_and_query()
            .cloned()
            .unwrap_or_else(|| PathAndQuery::from_static("/"));
        let mut headers = parts.headers;
        remove_hop_by_hop(&mut headers);
        // The wait for `100 Continue` ends at each hop: this proxy answers it when it reads the body.
        headers.remove(EXPECT);
        Ok(Self {
            method: parts.method,
            target,
            authority,
            headers,
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
    pub(crate) fn authority(&self) -> &str {
        self.authority
            .to_str()
            .expect("it was checked when it was parsed")
    }

    /// The request of one attempt: the head with the rule's `edits`, and what this proxy knows of the hop before.
    pub(crate) fn for_attempt(
        &self,
        body: RequestBody,
        edits: &HeaderEdits,
        hop: &Hop<'_>,
    ) -> Request<RequestBody> {
        let mut headers = self.headers.clone();
        edits.apply(&mut headers);
        hop.set_forwarding(&mut headers);
        hop.set_trace(&mut headers);
        headers.insert(HOST, self.authority.clone());
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = Uri::from(self.target.clone());
        *request.headers_mut() = headers;
        request
    }
}

/// What the next hop is told about this one.
pub(crate) struct Hop<'a> {
    /// Who this is.
    pub(crate) own: &'a SpiffeId,
    /// Who sent the request here.
    pub(crate) downstream: &'a Downstream,
    /// Its `x-request-id`.
    pub(crate) request_id: &'a str,
    /// Its trace.
    pub(crate) trace: &'a TraceContext,
    /// The span of the attempt.
    pub(crate) span_id: &'a str,
    /// Which attempt it is, from 1.
    pub(crate) attempt: u32,
}

impl Hop<'_> {
    fn set_forwarding(&self, headers: &mut HeaderMap) {
        match self.downstream.direction {
            Direction::Outbound => forwarding::outbound(headers, self.attempt),
            Direction::Inbound => {
                let identities = self
                    .downstream
                    .peer
                    .as_ref()
                    .map(|peer| Identities { peer, own: self.own });
                let address = self.downstream.address.ip();
                forwarding::inbound(headers, Caller { address, identities });
            }
        }
    }

    fn set_trace(&self, headers: &mut HeaderMap) {
        let request_id = HeaderValue::from_str(self.request_id).expect("a well-formed id is plain ASCII");
        headers.insert(X_REQUEST_ID, request_id);
        headers.insert(TRACEPARENT, self.trace.header(self.span_id));
        if self.trace.parent().is_none() {
            headers.remove(TRACESTATE);
        }
    }
}

/// The authority of a request: of its target, or of its one `Host` header (RFC 9112 §3.2).
fn authority(uri: &Uri, headers: &HeaderMap) -> Result<HeaderValue, LocalReply> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(reply::malformed("the request has several Host headers"));
    }
    let text = match uri.authority() {
        Some(authority) => authority.as_str(),
        None => host
            .and_then(|host| host.to_str().ok())
            .ok_or_else(|| reply::malformed("the request says nowhere which service it is for"))?,
    };
    let well_formed: Result<http::uri::Authority, _> = text.parse();
    if well_formed.is_err() || text.contains('@') {
        return Err(reply::malformed("the authority of the request is malformed"));
    }
    HeaderValue::from_str(text).map_err(|_| reply::malformed("the authority of the request is malformed"))
}
