//! How one request is sent.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use hallway_evidence::ResponseSeen;
use hallway_model::bootstrap::Token;
use hallway_service::contract::{Call, CallResult};
use http::{Request, header};
use http_body_util::{Collected, Full};
use thiserror::Error;

use super::{Http2Client, Names, RequestTemplate, Stranger, outcome};
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
    Stranger(Stranger),
    /// The load generator itself, over HTTP/2 connections that stay open: to the sidecar that it is beside, or to another one.
    Multiplexed {
        client: Http2Client,
        /// What its answers are.
        kind: Kind,
        /// A request in HTTP/2.
        request: RequestTemplate,
    },
}

/// What answers over HTTP/2 are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// Plain ones.
    Plain,
    /// gRPC: nothing without an outcome.
    Grpc,
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

impl Sender {
    pub(super) async fn send(
        &self,
        names: &Names<'_>,
        local_address: &mut Option<SocketAddr>,
    ) -> Result<ResponseSeen, SendError> {
        match self {
            Self::Application {
                client,
                outbound,
                request,
            } => {
                let response = client
                    .send(*outbound, request.instance(names), local_address)
                    .await?;
                Ok(outcome::response(&response))
            }
            Self::Process {
                client,
                control,
                token,
                call,
            } => {
                let order = order_to_call(*control, token, call, names);
                let response = client.send(*control, order, local_address).await?;
                if !response.status().is_success() {
                    let said = outcome::text(response.body());
                    return Err(SendError::Control(format!("{}: {said}", response.status())));
                }
                let result: CallResult = serde_json::from_slice(response.body())
                    .map_err(|error| SendError::Control(format!("something that is no result: {error}")))?;
                outcome::of_call(result).map_err(SendError::Call)
            }
            Self::Stranger(stranger) => {
                let response = stranger.send(names, local_address).await?;
                Ok(outcome::response(&response))
            }
            Self::Multiplexed {
                client,
                kind,
                request,
            } => {
                let request = request.instance(names);
                let response = client.send(request, local_address).await?;
                match kind {
                    Kind::Plain => Ok(outcome::response(&response.map(Collected::to_bytes))),
                    Kind::Grpc => Ok(outcome::of_grpc(response)?),
                }
            }
        }
    }
}

/// The order to make a call, for the control endpoint of a service (clause C28 of its contract).
pub(crate) fn order_to_call(
    control: SocketAddr,
    token: &Token,
    call: &Call,
    names: &Names<'_>,
) -> Request<Full<Bytes>> {
    let mut call = call.clone();
    for (header, name) in names.headers() {
        call.headers.insert(header.to_owned(), name.to_owned());
    }
    let body = serde_json::to_vec(&call).expect("a call is plain data");
    Request::post("/call")
        .header(header::HOST, control.to_string())
        .header(header::AUTHORIZATION, format!("Bearer {}", token.0))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(body.into()))
        .expect("an address and a hexadecimal token are printable ASCII")
}
