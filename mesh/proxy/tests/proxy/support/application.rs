//! Applications: tiny HTTP servers in the clear.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use hallway_host::task::TaskGuard;
use hallway_host::{Host, Stream};
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use super::snapshots::{endpoint, identity};
use hallway_model::{Endpoint, Security};

pub(crate) type AnswerBody = BoxBody<Bytes, std::io::Error>;

pub(crate) struct Application {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    _task: TaskGuard,
}

pub(crate) fn text(text: impl Into<Bytes>) -> AnswerBody {
    Full::new(text.into()).map_err(|never| match never {}).boxed()
}

pub(crate) fn answer(status: u16, body: impl Into<Bytes>) -> Response<AnswerBody> {
    Response::builder()
        .status(status)
        .body(text(body))
        .expect("a status and a body")
}

impl Application {
    /// Answers every request with `answer`.
    pub(crate) async fn start<Answering>(
        host: &Host,
        answer: impl Fn(Request<Incoming>) -> Answering + Clone + Send + Sync + 'static,
    ) -> Self
    where
        Answering: Future<Output = Response<AnswerBody>> + Send + 'static,
    {
        Self::raw(host, move |stream| {
            let answer = answer.clone();
            async move {
                let service = service_fn(move |request| {
                    let answering = answer(request);
                    async move { Ok::<_, Infallible>(answering.await) }
                });
                let _ = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            }
        })
        .await
    }

    /// Gives every connection to `serve`.
    pub(crate) async fn raw<Serving>(host: &Host, serve: impl Fn(Stream) -> Serving + Send + 'static) -> Self
    where
        Serving: Future<Output = ()> + Send + 'static,
    {
        let mut listener = host
            .listen(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .expect("a free port");
        let address = listener.local_address().expect("a bound port");
        let connections = Arc::new(AtomicUsize::new(0));
        let (counted, spawner) = (Arc::clone(&connections), host.clone());
        let task = host.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await;
                counted.fetch_add(1, Ordering::SeqCst);
                spawner.spawn(serve(stream));
            }
        });
        Self {
            address,
            connections,
            _task: task.abort_on_drop(),
        }
    }

    /// How many connections it has accepted.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// As an endpoint that is reached without a sidecar.
    pub(crate) fn in_the_clear(&self, workload: &str) -> Endpoint {
        endpoint(workload, self.address, Security::Plaintext)
    }
}

/// As an endpoint behind the sidecar at `address`.
pub(crate) fn behind(workload: &str, address: SocketAddr, service_account: &str) -> Endpoint {
    let identity = identity(service_account);
    endpoint(workload, address, Security::Mtls { identity })
}

/// An endpoint where nobody listens.
pub(crate) async fn nobody(host: &Host, workload: &str) -> Endpoint {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = host.listen(anywhere).await.expect("a free port");
    let address = listener.local_address().expect("a bound port");
    endpoint(workload, address, Security::Plaintext)
}
