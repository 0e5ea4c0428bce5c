//! A control plane on loopback, and its operator.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use hallway_control::ControlError;
use hallway_control::api::{
    Failure, PutRules, RegisterWorkload, Registered, RuleFile, Status, WorkloadEndpoint,
};
use hallway_host::{Host, Output, Task};
use hallway_identity::{Bundle, SvidStore};
use hallway_model::SpiffeId;
use hallway_model::TrustDomain;
use hallway_model::bootstrap::{AdminEndpoint, Admission, ControlBootstrap, Token};
use hallway_model::telemetry::ControlRecord;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::proxy::Proxy;

/// Nothing in these tests takes this long, unless it is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const TOKEN: &str = "the admin token";

/// Rules of one service.
pub(crate) const PAYMENTS: &str = "\
apiVersion: v1
kind: Service
metadata: { name: payments, namespace: shop }
spec: { ports: [{ port: 80 }] }
";

/// A running control plane.
pub(crate) struct Plane {
    pub(crate) host: Host,
    pub(crate) discovery: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) identity: SpiffeId,
    pub(crate) bundle: String,
    records: mpsc::UnboundedReceiver<ControlRecord>,
    stop: CancellationToken,
    task: Task,
}

/// The generation of rules that were accepted, for [`Plane::record`].
pub(crate) fn accepted(record: ControlRecord) -> Option<u64> {
    match record {
        ControlRecord::Accepted { generation, .. } => Some(generation),
        _ => None,
    }
}

pub(crate) fn bootstrap() -> ControlBootstrap {
    ControlBootstrap {
        trust_domain: TrustDomain::new("hallway.test").expect("a trust domain"),
        discovery: loopback(),
        admin: AdminEndpoint {
            listen: loopback(),
            token: Token(TOKEN.to_owned()),
        },
        rules: None,
        secrets: Vec::new(),
        admission: Admission::Enforce,
        authority: None,
        svid_lifetime: Duration::from_secs(3600),
        federated_bundles: Vec::new(),
        seed: 1,
    }
}

pub(crate) fn loopback() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// Runs `bootstrap` until it fails.
pub(crate) async fn failure(bootstrap: ControlBootstrap) -> ControlError {
    let run = hallway_control::run(Host::real_unseeded(), bootstrap, CancellationToken::new());
    let outcome = timeout(PATIENCE, run).await.expect("it fails at once");
    outcome.expect_err("it must not start")
}

impl Plane {
    pub(crate) async fn start(bootstrap: ControlBootstrap) -> Self {
        let (lines, mut records) = mpsc::unbounded_channel();
        let host = Host::real(bootstrap.seed, Output::to(Lines(lines)));
        let stop = CancellationToken::new();
        let run = hallway_control::run(host.clone(), bootstrap, stop.clone());
        let task = host.spawn(async { run.await.expect("the control plane starts") });
        let first = timeout(PATIENCE, records.recv()).await;
        let Ok(Some(ControlRecord::Listening {
            discovery,
            admin,
            identity,
            bundle,
        })) = first
        else {
            panic!("the first record is `listening`, not {first:?}");
        };
        Self {
            host,
            discovery,
            admin,
            identity,
            bundle,
            records,
            stop,
            task,
        }
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.task.join())
            .await
            .expect("it stops at once");
    }

    /// The next record that `wanted` makes something of; those before are passed over.
    pub(crate) async fn record<T>(&mut self, wanted: impl Fn(ControlRecord) -> Option<T>) -> T {
        let search = async {
            loop {
                let record = self.records.recv().await.expect("it is running");
                if let Some(found) = wanted(record) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, search)
            .await
            .expect("the record is written soon")
    }

    /// The reason of the next refusal of a certificate or stream.
    pub(crate) async fn denial(&mut self) -> String {
        self.record(|record| match record {
            ControlRecord::Denied { reason, .. } => Some(reason),
            _ => None,
        })
        .await
    }

    /// One request to the admin endpoint.
    pub(crate) async fn admin(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: impl Serialize,
    ) -> (StatusCode, Bytes) {
        let stream = self.host.connect(self.admin).await.expect("it listens");
        let mut sender = handshake(&self.host, stream).await;
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "admin")
            .header("content-type", "application/json");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = serde_json::to_vec(&body).expect("plain data");
        let response = sender
            .send_request(request.body(Full::from(body)).expect("a request"))
            .await
            .expect("an answer");
        let status = response.status();
        let body = response
            .into_body()
            .collect()
            .await
            .expect("a whole answer")
            .to_bytes();
        (status, body)
    }

    /// The same with the token, and an answer that is read.
    pub(crate) async fn operate<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: impl Serialize,
    ) -> T {
        let (status, answer) = self.admin(method, path, Some(TOKEN), body).await;
        assert!(status.is_success(), "{path}: {status} {answer:?}");
        let answer = if answer.is_empty() { &b"null"[..] } else { &answer };
        serde_json::from_slice(answer).expect("the answer that the API promises")
    }

    /// The same for a request that is refused: the status, and the reason.
    pub(crate) async fn try_operate(
        &self,
        method: Method,
        path: &str,
        body: impl Serialize,
    ) -> (StatusCode, String) {
        let (status, answer) = self.admin(method, path, Some(TOKEN), body).await;
        let failure: Failure = serde_json::from_slice(&answer).expect("a failure");
        (status, failure.error)
    }

    pub(crate) async fn register(&self, name: &str, service: &str) -> Registered {
        let request = RegisterWorkload {
            name: name.to_owned(),
            namespace: "shop".to_owned(),
            service: service.to_owned(),
            service_account: service.to_owned(),
            gateway: None,
        };
        self.operate(Method::POST, "/v1/workloads", request).await
    }

    /// Says that `name` is at `port`.
    pub(crate) async fn place(&self, name: &str, port: u16) {
        let endpoint = WorkloadEndpoint {
            inbound: ([127, 0, 0, 1], port).into(),
            application: ([127, 0, 0, 1], port + 1).into(),
            ready: true,
            sidecar: true,
            seen_from: Default::default(),
        };
        let path = format!("/v1/workloads/{name}/endpoint");
        self.operate::<()>(Method::PUT, &path, endpoint).await;
    }

    pub(crate) async fn put_rules(&self, name: &str, text: &str) -> (StatusCode, serde_json::Value) {
        let request = PutRules {
            files: vec![RuleFile {
                name: name.to_owned(),
                text: text.to_owned(),
            }],
            admission: None,
        };
        let (status, answer) = self.admin(Method::PUT, "/v1/rules", Some(TOKEN), request).await;
        (status, serde_json::from_slice(&answer).expect("JSON"))
    }

    pub(crate) async fn status(&self) -> Status {
        self.operate(Method::GET, "/v1/status", ()).await
    }

    /// A registered workload's proxy that has joined.
    pub(crate) async fn joined(&self, name: &str, service: &str) -> Proxy {
        let registered = self.register(name, service).await;
        let proxy = self.proxy(name);
        let status = proxy.join(&registered.join_token.0).await;
        assert_eq!(status, StatusCode::OK);
        proxy
    }

    /// A proxy without a certificate.
    pub(crate) fn proxy(&self, name: &str) -> Proxy {
        let bundle = Bundle::from_pem(&self.bundle).expect("a root");
        Proxy {
            host: self.host.clone(),
            name: name.to_owned(),
            control_plane: (self.discovery, self.identity.clone()),
            store: SvidStore::anonymous(&bundle),
        }
    }
}

/// An HTTP connection over `stream`.
pub(crate) async fn handshake<S>(host: &Host, stream: S) -> SendRequest<Full<Bytes>>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .expect("an HTTP connection");
    host.spawn(async {
        let _ = connection.await;
    });
    sender
}

/// A sink for records that hands each on.
struct Lines(mpsc::UnboundedSender<ControlRecord>);

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let record = serde_json::from_slice(line).expect("a record");
        let _ = self.0.send(record);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
