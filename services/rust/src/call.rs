//! A call that has been checked and can be made.

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};

use crate::contract::Call;

/// Headers that say how a message is framed or routed: the service sets them itself.
const RESERVED: [HeaderName; 6] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::HOST,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::EXPECT,
];

/// A call, parsed.
#[derive(Clone, Debug)]
pub(crate) struct CheckedCall {
    /// The URL as it was given.
    pub(crate) url: String,
    pub(crate) method: Method,
    pub(crate) authority: Authority,
    pub(crate) target: PathAndQuery,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A call that cannot be made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidCall {
    /// The URL is none, or of another kind.
    #[error(
        "`{url}` is no absolute http URL, such as http://payments/charge (no user information, no fragment)"
    )]
    Url {
        /// What was given.
        url: String,
    },
    /// The method is no token, or CONNECT.
    #[error("`{method}` is no method that a service can call with")]
    Method {
        /// What was given.
        method: String,
    },
    /// A header that cannot be sent.
    #[error("the header `{name}` cannot be sent: it is malformed, or the service sets it itself")]
    Header {
        /// Its name.
        name: String,
    },
}

impl TryFrom<&Call> for CheckedCall {
    type Error = InvalidCall;

    fn try_from(call: &Call) -> Result<Self, InvalidCall> {
        let (authority, target) = parse_url(&call.url).ok_or_else(|| InvalidCall::Url {
            url: call.url.clone(),
        })?;
        let method = Method::from_bytes(call.method.as_bytes())
            .ok()
            .filter(|method| method != Method::CONNECT)
            .ok_or_else(|| InvalidCall::Method {
                method: call.method.clone(),
            })?;
        let headers = call.headers.iter().map(|(name, value)| {
            parse_header(name, value).ok_or_else(|| InvalidCall::Header { name: name.clone() })
        });
        Ok(Self {
            url: call.url.clone(),
            method,
            authority,
            target,
            headers: headers.collect::<Result<_, _>>()?,
            body: call.body.clone().unwrap_or_default().into(),
        })
    }
}

fn parse_url(url: &str) -> Option<(Authority, PathAndQuery)> {
    let parts = url.parse::<Uri>().ok()?.into_parts();
    let authority = parts.authority?;
    let usable = parts.scheme? == http::uri::Scheme::HTTP
        && !authority.host().is_empty()
        && !authority.as_str().contains('@')
        && !url.contains('#');
    let root = || PathAndQuery::from_static("/");
    usable.then(|| (authority, parts.path_and_query.unwrap_or_else(root)))
}

fn parse_header(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    let name = HeaderName::try_from(name)
        .ok()
        .filter(|name| !RESERVED.contains(name))?;
    Some((name, HeaderValue::try_from(value).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &str, url: &str, header: &str) -> Result<CheckedCall, InvalidCall> {
        let headers = [(header.to_owned(), "value".to_owned())].into();
        CheckedCall::try_from(&Call {
            method: method.to_owned(),
            url: url.to_owned(),
            headers,
            body: None,
        })
    }

    #[test]
    fn a_url_is_taken_apart() {
        let call = check("GET", "http://payments:8080/charge?amount=1", "x-note").unwrap();
        assert_eq!(
            (call.authority.as_str(), call.target.as_str()),
            ("payments:8080", "/charge?amount=1")
        );
        assert_eq!(
            check("GET", "http://payments", "x-note").unwrap().target.as_str(),
            "/"
        );
    }

    #[test]
    fn what_cannot_be_called_is_refused() {
        for url in [
            "",
            "/charge",
            "payments",
            "https://payments/",
            "http:///",
            "http://a@b/",
            "http://a/#b",
            "http://a b/",
        ] {
            assert_eq!(
                check("GET", url, "x").unwrap_err(),
                InvalidCall::Url { url: url.to_owned() }
            );
        }
        for method in ["", "CONNECT", "G T"] {
            let refused = InvalidCall::Method {
                method: method.to_owned(),
            };
            assert_eq!(check(method, "http://a/", "x").unwrap_err(), refused);
        }
        for name in ["", "a b", "Host", "content-length"] {
            let refused = InvalidCall::Header {
                name: name.to_owned(),
            };
            assert_eq!(check("GET", "http://a/", name).unwrap_err(), refused);
        }
    }
}
