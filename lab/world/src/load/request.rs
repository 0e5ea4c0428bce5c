//! What a request says.

use bytes::Bytes;
use hallway_service::contract::{CORRELATION_HEADER, IDEMPOTENCY_KEY_HEADER};
use hallway_service::grpc;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version, header};
use http_body_util::Full;

/// What tells one request from all others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names<'a> {
    /// `x-hallway-request`.
    pub(crate) correlation: &'a str,
    /// `idempotency-key`, if it has one.
    pub(crate) idempotency_key: Option<&'a str>,
}

impl Names<'_> {
    /// The headers that they are sent in.
    pub(super) fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let key = self.idempotency_key.map(|key| (IDEMPOTENCY_KEY_HEADER, key));
        [(CORRELATION_HEADER, self.correlation)].into_iter().chain(key)
    }
}

/// A request but for its unique names.
#[derive(Clone, Debug)]
pub(crate) struct RequestTemplate {
    version: Version,
    method: Method,
    target: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl RequestTemplate {
    /// A request for `url` from inside of the mesh, of which the target is in absolute form.
    ///
    /// # Errors
    /// In words, when the method, the URL or a header cannot be sent.
    pub(crate) fn absolute<'a>(
        method: &str,
        url: &str,
        headers: impl IntoIterator<Item = (&'a String, &'a String)>,
        body: Option<&str>,
    ) -> Result<Self, String> {
        let template = Self::from_outside(method, url, headers, body)?;
        if template.target.scheme_str() != Some("http") {
            return Err(format!(
                "`{url}` is no absolute http URL, such as http://payments/charge"
            ));
        }
        Ok(template)
    }

    /// The same from outside of the mesh, where `https` is spoken too.
    ///
    /// # Errors
    /// As [`RequestTemplate::absolute`].
    pub(crate) fn from_outside<'a>(
        method: &str,
        url: &str,
        headers: impl IntoIterator<Item = (&'a String, &'a String)>,
        body: Option<&str>,
    ) -> Result<Self, String> {
        let mut target: Uri = url
            .parse()
            .map_err(|error| format!("`{url}` is no URL: {error}"))?;
        let authority = target
            .authority()
            .filter(|_| matches!(target.scheme_str(), Some("http" | "https")))
            .ok_or_else(|| format!("`{url}` is no absolute http URL, such as http://payments/charge"))?;
        let host = HeaderValue::try_from(authority.as_str()).map_err(|error| error.to_string())?;
        if target.path_and_query().is_none() {
            target = format!("{url}/")
                .parse()
                .map_err(|error| format!("`{url}` is no URL: {error}"))?;
        }
        let mut all = HeaderMap::new();
        all.insert(header::HOST, host);
        for (name, value) in headers {
            let refuse = || format!("the header `{name}: {value}` cannot be sent");
            let parsed = HeaderName::try_from(name).map_err(|_| refuse())?;
            all.append(parsed, HeaderValue::try_from(value).map_err(|_| refuse())?);
        }
        Ok(Self {
            version: Version::HTTP_11,
            method: method.parse().map_err(|_| format!("`{method}` is no method"))?,
            target,
            headers: all,
            body: body.unwrap_or_default().to_owned().into(),
        })
    }

    /// The same with its target in origin form, as one speaks to a server instead of a proxy.
    pub(crate) fn in_origin_form(mut self) -> Self {
        let path = self.target.path_and_query().cloned();
        self.target = path.map_or_else(|| Uri::from_static("/"), Uri::from);
        self
    }

    /// The same in HTTP/2, where the authority has a place of its own.
    pub(crate) fn into_http2(mut self) -> Self {
        self.version = Version::HTTP_2;
        self.headers.remove(header::HOST);
        self
    }

    /// The same as a gRPC call, of which the body is the one message; `{}` if it is empty.
    pub(crate) fn into_grpc_call(mut self) -> Self {
        let message = if self.body.is_empty() {
            Bytes::from_static(b"{}")
        } else {
            self.body
        };
        self.body = grpc::frame(&message);
        let content_type = HeaderValue::from_static(grpc::CONTENT_TYPE);
        self.headers.insert(header::CONTENT_TYPE, content_type);
        // Says that whoever is on the way may send trailers.
        self.headers
            .insert(header::TE, HeaderValue::from_static("trailers"));
        self.into_http2()
    }

    /// The host and port that it is for, and whether over TLS.
    pub(crate) fn destination(&self) -> (&str, u16, bool) {
        let tls = self.target.scheme_str() == Some("https");
        let port = self.target.port_u16().unwrap_or(if tls { 443 } else { 80 });
        (self.target.host().unwrap_or_default(), port, tls)
    }

    /// The request with these names.
    pub(super) fn instance(&self, names: &Names<'_>) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.version_mut() = self.version;
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.target.clone();
        *request.headers_mut() = self.headers.clone();
        for (header, name) in names.headers() {
            let name = HeaderValue::try_from(name).expect("names of traffic are printable ASCII");
            request.headers_mut().insert(header, name);
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use http::Version;
    use hyper::body::Body;

    use super::{Names, RequestTemplate};

    fn names(correlation: &str) -> Names<'_> {
        Names {
            correlation,
            idempotency_key: None,
        }
    }

    #[test]
    fn a_request_has_the_form_that_its_receiver_expects() {
        let headers = [("x-user".to_owned(), "ann".to_owned())];
        let headers = headers.iter().map(|(name, value)| (name, value));
        let template = RequestTemplate::absolute("POST", "http://payments:8080", headers, Some("x")).unwrap();
        let request = template.instance(&Names {
            correlation: "m-checkout-1",
            idempotency_key: Some("key-1"),
        });
        assert_eq!(request.uri(), "http://payments:8080/");
        assert_eq!(request.headers()["host"], "payments:8080");
        assert_eq!(request.headers()["x-hallway-request"], "m-checkout-1");
        assert_eq!(request.headers()["idempotency-key"], "key-1");
        assert_eq!(request.headers()["x-user"], "ann");
        let call = template.clone().into_grpc_call().instance(&names("3"));
        assert!(!call.headers().contains_key("idempotency-key"));
        assert_eq!(call.uri(), "http://payments:8080/");
        assert!(!call.headers().contains_key("host"));
        assert_eq!(
            (&call.headers()["te"], call.version()),
            (&"trailers".parse().unwrap(), Version::HTTP_2)
        );
        assert_eq!(
            call.body().size_hint().exact(),
            Some(6),
            "one byte, and five before it"
        );
        assert_eq!(template.in_origin_form().instance(&names("2")).uri(), "/");
    }

    #[test]
    fn what_cannot_be_sent_is_refused_in_words() {
        let refused = |method, url| RequestTemplate::absolute(method, url, [], None).unwrap_err();
        assert!(refused("GET", "payments/charge").contains("`payments/charge`"));
        assert!(refused("GET", "https://payments/").contains("absolute http URL"));
        assert!(refused("G T", "http://payments/").contains("`G T` is no method"));
    }
}
