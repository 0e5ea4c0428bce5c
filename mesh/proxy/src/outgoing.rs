//! A request as it leaves, before it is known which version of HTTP its connection speaks.

use hallway_traffic::request_id::X_REQUEST_ID;
use hallway_traffic::trace_context::TRACEPARENT;
use http::header::{HOST, TE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};

use crate::body::RequestBody;

/// A request to an upstream.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) authority: Authority,
    pub(crate) target: PathAndQuery,
    /// Without `Host`, and without what concerns one connection only.
    pub(crate) headers: HeaderMap,
    /// Whether the caller has said that it takes trailers, which gRPC servers insist on.
    pub(crate) takes_trailers: bool,
    pub(crate) body: RequestBody,
}

impl Outgoing {
    /// Lets HPACK remember the ids of this request, the first of its connection, and with them the names of their headers. Those of others
    /// need not be remembered, since no two are alike, and are sent under the names that are known by then (RFC 7541 §6.2.3). Once is
    /// enough: what is remembered twice is searched twice.
    pub(crate) fn introduce_names(&mut self) {
        for name in [X_REQUEST_ID, TRACEPARENT] {
            if let Some(id) = self.headers.get_mut(name) {
                id.set_sensitive(false);
            }
        }
    }

    /// As HTTP/1.1 writes it: the target without the authority, which is in `Host` (RFC 9112 §3.2.1).
    pub(crate) fn into_http1(self) -> Request<RequestBody> {
        let mut request = Request::new(self.body);
        *request.method_mut() = self.method;
        *request.uri_mut() = Uri::from(self.target);
        *request.headers_mut() = self.headers;
        let host = HeaderValue::from_str(self.authority.as_str()).expect("an authority is plain ASCII");
        request.headers_mut().insert(HOST, host);
        request
    }

    /// What [`Outgoing::into_http1`] was made of.
    pub(crate) fn from_http1(
        request: Request<RequestBody>,
        authority: Authority,
        takes_trailers: bool,
    ) -> Self {
        let (mut head, body) = request.into_parts();
        head.headers.remove(HOST);
        Self {
            method: head.method,
            authority,
            target: head
                .uri
                .into_parts()
                .path_and_query
                .unwrap_or_else(|| PathAndQuery::from_static("/")),
            headers: head.headers,
            takes_trailers,
            body,
        }
    }

    /// As HTTP/2 writes it: the authority in `:authority`, and no `Host` (RFC 9113 §8.3.1). The scheme is that of the
    /// application's own request, whatever is between the sidecars.
    pub(crate) fn into_http2(self) -> (Request<()>, RequestBody) {
        let mut request = Request::new(());
        let mut uri = http::uri::Parts::default();
        uri.scheme = Some(Scheme::HTTP);
        uri.authority = Some(self.authority);
        uri.path_and_query = Some(self.target);
        *request.method_mut() = self.method;
        *request.uri_mut() = Uri::from_parts(uri).expect("all three parts are there");
        *request.headers_mut() = self.headers;
        if self.takes_trailers {
            request
                .headers_mut()
                .insert(TE, HeaderValue::from_static("trailers"));
        }
        (request, self.body)
    }
}
