//! A request as it leaves, before it is known what its connection speaks.

use hallway_traffic::request_id::X_REQUEST_ID;
use hallway_traffic::trace_context::TRACEPARENT;
use http::header::{HOST, TE};
use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Request, Uri};

use crate::body::RequestBody;
use crate::head::Head;

/// A request to an upstream.
pub(crate) struct Outgoing<'a> {
    /// Without `Host`, and without what concerns one connection only.
    pub(crate) head: &'a mut Head,
    /// Whether the head will not be needed again.
    pub(crate) last: bool,
    pub(crate) body: RequestBody,
}

/// The head of a request that is on its way, for the case that nothing of it is sent.
pub(crate) struct OnItsWay<'a> {
    head: &'a mut Head,
    last: bool,
}

impl<'a> Outgoing<'a> {
    /// As HTTP/1.1 writes it: the target without the authority, which is in `Host` (RFC 9112 §3.2.1).
    pub(crate) fn into_http1(self) -> (Request<RequestBody>, OnItsWay<'a>) {
        let Self { head, last, body } = self;
        let mut request = Request::new(body);
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = Uri::from(head.target.clone());
        *request.headers_mut() = headers(head, last);
        let host = HeaderValue::from_str(head.authority.as_str()).expect("an authority is plain ASCII");
        request.headers_mut().insert(HOST, host);
        (request, OnItsWay { head, last })
    }

    /// As HTTP/2 writes it: the authority in `:authority`, and no `Host` (RFC 9113 §8.3.1). The scheme is that of the
    /// application's own request, whatever is between the sidecars. The first request of a connection `introduces_names`: HPACK may remember its
    /// ids, and with them the names of their headers. Those of others need not be remembered, since no two are alike, and are sent under the names
    /// that are known by then (RFC 7541 §6.2.3). Once is enough: what is remembered twice is searched twice.
    pub(crate) fn into_http2(self, introduces_names: bool) -> (Request<()>, RequestBody) {
        let Self { head, last, body } = self;
        let mut request = Request::new(());
        let mut uri = http::uri::Parts::default();
        uri.scheme = Some(Scheme::HTTP);
        uri.authority = Some(head.authority.clone());
        uri.path_and_query = Some(head.target.clone());
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = Uri::from_parts(uri).expect("all three parts are there");
        *request.headers_mut() = headers(head, last);
        let headers = request.headers_mut();
        if head.takes_trailers {
            headers.insert(TE, TRAILERS);
        }
        if introduces_names {
            for name in [X_REQUEST_ID, TRACEPARENT] {
                if let Some(id) = headers.get_mut(name) {
                    id.set_sensitive(false);
                }
            }
        }
        (request, body)
    }
}

/// That the sender of a request takes trailers, which gRPC servers insist on (RFC 9110 §10.1.4).
const TRAILERS: HeaderValue = HeaderValue::from_static("trailers");

impl<'a> OnItsWay<'a> {
    /// What [`Outgoing::into_http1`] was made of.
    pub(crate) fn come_back(self, request: Request<RequestBody>) -> Outgoing<'a> {
        let Self { head, last } = self;
        let (mut parts, body) = request.into_parts();
        if last {
            parts.headers.remove(HOST);
            head.headers = parts.headers;
        }
        Outgoing { head, last, body }
    }
}

/// The headers of `head`, which are taken if they will not be needed again.
fn headers(head: &mut Head, last: bool) -> HeaderMap {
    match last {
        true => std::mem::take(&mut head.headers),
        false => head.headers.clone(),
    }
}
