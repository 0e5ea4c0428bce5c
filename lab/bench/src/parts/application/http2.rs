//! The same in HTTP/2 and in gRPC: there the body is a message behind its prefix, and the status comes in the trailers.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use hallway_host::{Host, Stream};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use super::{Application, Bodies};
use crate::parts::load::grpc_message;
use crate::setup::Protocol;

type Body = UnsyncBoxBody<Bytes, Infallible>;

pub(super) async fn converse(
    host: Host,
    stream: Stream,
    bodies: Arc<Bodies>,
    application: Application,
) -> Result<(), hyper::Error> {
    let service = service_fn(move |request| {
        let bodies = bodies.clone();
        async move { answer(request, &bodies, application).await }
    });
    Builder::new(host)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

async fn answer(
    request: Request<Incoming>,
    bodies: &Bodies,
    application: Application,
) -> Result<Response<Body>, hyper::Error> {
    let has_request_id = request.headers().contains_key("x-request-id");
    let (head, mut body) = request.into_parts();
    while let Some(frame) = body.frame().await {
        frame?;
    }
    Ok(match bodies.asked_for(head.uri.path()) {
        _ if application.wants_request_id && !has_request_id => empty(StatusCode::BAD_REQUEST),
        None => empty(StatusCode::NOT_FOUND),
        Some(body) if application.protocol == Protocol::Grpc => {
            let trailers = HeaderMap::from_iter(
                [("grpc-status", HeaderValue::from_static("0"))]
                    .map(|(name, value)| (http::HeaderName::from_static(name), value)),
            );
            let message = Full::new(grpc_message(body.len()).into());
            full(
                "application/grpc",
                message.with_trailers(async { Some(Ok(trailers)) }).boxed_unsync(),
            )
        }
        Some(body) => full("application/json", Full::new(body.clone()).boxed_unsync()),
    })
}

fn full(content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Full::default().boxed_unsync());
    *response.status_mut() = status;
    response
}
