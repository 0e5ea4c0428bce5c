//! How one request is sent.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use hallway_evidence::ResponseSeen;
use hallway_model::bootstrap::Token;
use hallway_service::contract::{CORRELATION_HEADER, Call, CallResult};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;
use thiserror::Error;

use super::{Intruder, outcome};
use crate::http_client::{ClientError, HttpClient};

/// Who sends.
pub(crate) enum Sender {
    /// The load generator itself, as the application beside a sidecar.
    Application {
        /// Connects from beside the sidecar.
        client: Arc<HttpClient>,
        /// The sidecar's outbound listener.
        outbound: SocketAddr,
        /// A request in absolute form.
        request: RequestTemplate,
    },
    /// The process of a service, told to make the call itself.
    Process {
        /// Connects from beside the process.
        client: Arc<HttpClient>,
        /// Its control endpoint.
        control: SocketAddr,
        /// The token of that endpoint.
        token: Token,
        /// What to call.
        call: Call,
    },
    /// Somebody without a sidecar.
    Intruder(Intruder),
}

/// Why a request has no answer.
#[derive(Debug, Error)]
pub(crate) enum SendError {
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The process that was told to call had no answer itself.
    #[error("the caller had no answer: {0}")]
    Call(String),
    /// The process that was told to call refused to.
    #[error("the caller's control endpoint answered {0}")]
    Control(String),
}

/// A request but for its unique id.
#[derive(Clone, Debug)]
pub(crate) struct RequestTemplate {
    method: Method,
    target: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Sender {
    pub(super) async fn send(
        &self,
        correlation: &str,
        local_address: &mut Option<SocketAddr>,
    ) -> Result<ResponseSeen, SendError> {
        match self {
            Self::Application {
                client,
                outbound,
                request,
            } => {
                let response = client
                    .send(*outbound, request.instance(correlation), local_address)
                    .await?;
                Ok(outcome::response(&response))
            }
            Self::Process {
                client,
                control,
                token,
                call,
            } => {
                let order = order_to_call(*control, token, call, correlation);
                let response = client.send(*control, order, local_address).await?;
                if !response.status().is_success() {
                    let said = outcome::text(response.body());
                    return Err(SendError::Control(format!("{}: {said}", response.status())));
                }
                let result: CallResult = serde_json::from_slice(response.body())
                    .map_err(|error| SendError::Control(format!("something that is no result: {error}")))?;
                outcome::of_call(result).map_err(SendError::Call)
            }
            Self::Intruder(intruder) => {
                let response = intruder.send(correlation, local_address).await?;
                Ok(outcome::response(&response))
            }
        }
    }
}

/// The order to make a call, for the control endpoint of a service (clause C28 of its contract).
pub(crate) fn order_to_call(
    control: SocketAddr,
    token: &Token,
    call: &Call,
    correlation: &str,
) -> Request<Full<Bytes>> {
    let mut call = call.clone();
    call.headers
        .insert(CORRELATION_HEADER.to_owned(), correlation.to_owned());
    let body = serde_json::to_vec(&call).expect("a call is plain data");
    Request::post("/call")
        .header(header::HOST, control.to_string())
        .header(header::AUTHORIZATION, format!("Bearer {}", token.0))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(body.into()))
        .expect("an address and a hexadecimal token are printable ASCII")
}

impl RequestTemplate {
    /// A request for `url`, of which the target is in absolute form.
    ///
    /// # Errors
    /// In words, when the method, the URL or a header cannot be sent.
    pub(crate) fn absolute<'a>(
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
            .filter(|_| target.scheme_str() == Some("http"))
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

    /// The request with the unique id `correlation`.
    pub(super) fn instance(&self, correlation: &str) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.target.clone();
        *request.headers_mut() = self.headers.clone();
        let correlation = HeaderValue::try_from(correlation).expect("names of traffic are printable ASCII");
        request.headers_mut().insert(CORRELATION_HEADER, correlation);
        request
    }
}

#[cfg(test)]
mod tests {
    use super::RequestTemplate;

    #[test]
    fn a_request_has_the_form_that_its_receiver_expects() {
        let headers = [("x-user".to_owned(), "ann".to_owned())];
        let headers = headers.iter().map(|(name, value)| (name, value));
        let template = RequestTemplate::absolute("POST", "http://payments:8080", headers, Some("x")).unwrap();
        let request = template.instance("m-checkout-1");
        assert_eq!(request.uri(), "http://payments:8080/");
        assert_eq!(request.headers()["host"], "payments:8080");
        assert_eq!(request.headers()["x-hallway-request"], "m-checkout-1");
        assert_eq!(request.headers()["x-user"], "ann");
        assert_eq!(template.in_origin_form().instance("2").uri(), "/");
    }

    #[test]
    fn what_cannot_be_sent_is_refused_in_words() {
        let refused = |method, url| RequestTemplate::absolute(method, url, [], None).unwrap_err();
        assert!(refused("GET", "payments/charge").contains("`payments/charge`"));
        assert!(refused("GET", "https://payments/").contains("absolute http URL"));
        assert!(refused("G T", "http://payments/").contains("`G T` is no method"));
    }
}
