//! HTTP/2 in the clear, with prior knowledge: an application and a client.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;

use hallway_host::Host;
use hallway_model::{Inbound, MtlsMode, Protocol};
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use super::application::{AnswerBody, Application};
use super::client::{Answer, Io};
use super::meshes::Pair;
use super::soon;

/// An application that speaks nothing but HTTP/2.
pub(crate) async fn application<Answering>(
    host: &Host,
    answer: impl Fn(Request<Incoming>) -> Answering + Clone + Send + Sync + 'static,
) -> Application
where
    Answering: Future<Output = Response<AnswerBody>> + Send + 'static,
{
    let spawner = host.clone();
    Application::raw(host, move |stream| {
        let (answer, spawner) = (answer.clone(), spawner.clone());
        async move {
            let service = service_fn(move |request| {
                let answering = answer(request);
                async move { Ok::<_, Infallible>(answering.await) }
            });
            let _ = Builder::new(spawner)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        }
    })
    .await
}

/// A pair whose application speaks HTTP/2.
pub(crate) async fn pair(host: Host, application: Application) -> Pair {
    let mesh = Pair::start(host, application).await;
    let http2 = |inbound: &mut Inbound| inbound.protocol = Protocol::Http2;
    mesh.accept_with(MtlsMode::Strict, http2).await;
    mesh
}

/// One connection, on which many requests can be under way.
#[derive(Clone)]
pub(crate) struct Client {
    sender: SendRequest<AnswerBody>,
}

impl Client {
    pub(crate) async fn connect(host: &Host, address: SocketAddr) -> Self {
        let stream = soon("a connection", host.connect(address))
            .await
            .expect("it listens");
        Self::over(host, stream).await
    }

    /// Over a connection that is open.
    pub(crate) async fn over(host: &Host, stream: impl Io) -> Self {
        let (sender, connection) = http2::handshake(host.clone(), TokioIo::new(stream))
            .await
            .expect("a fresh connection");
        host.spawn(async move { drop(connection.await) });
        Self { sender }
    }

    /// Sends a request and waits for the head of its answer.
    pub(crate) async fn begin(&mut self, request: Request<AnswerBody>) -> hyper::Result<Response<Incoming>> {
        soon("a client that is ready", self.sender.ready()).await?;
        soon("the head of an answer", self.sender.send_request(request)).await
    }

    /// Sends a request and reads its answer to the end, trailers included.
    pub(crate) async fn send(&mut self, request: Request<AnswerBody>) -> hyper::Result<(Answer, HeaderMap)> {
        let (head, body) = self.begin(request).await?.into_parts();
        let body = soon("the end of an answer", body.collect()).await?;
        let trailers = body.trailers().cloned().unwrap_or_default();
        let answer = Answer {
            status: head.status,
            headers: head.headers,
            body: body.to_bytes(),
        };
        Ok((answer, trailers))
    }
}
