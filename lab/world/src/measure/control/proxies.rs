//! Very many proxies, as far as a control plane is concerned: each joins, follows its discovery stream, and answers every update. They put
//! nothing in force, so that hundreds of them cost little.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hallway_control::api::Registered;
use hallway_host::Host;
use hallway_identity::{Bundle, KeyPair, Svid, SvidStore, Versions, client_config, server_name};
use hallway_model::bootstrap::ControlPlaneAddress;
use hallway_model::discovery::{Acknowledgement, JoinRequest, SvidResponse, Version};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};
use tokio_rustls::TlsConnector;

/// How long a proxy waits until it tries again to open a stream. Sidecars wait longer each time, and not all equally long.
const PAUSE: Duration = Duration::from_millis(100);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The proxies of one control plane.
pub(super) struct Proxies {
    shared: Arc<Shared>,
    proxies: Vec<Arc<Proxy>>,
}

/// What all proxies have heard of the control plane.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Heard {
    /// Updates that were answered.
    pub(super) updates: u64,
    /// Their bytes, without those of HTTP and TLS.
    pub(super) bytes: u64,
    /// The proxies that have what [`Proxies::look_for`] was told of.
    current: usize,
}

struct Shared {
    control_plane: ControlPlaneAddress,
    /// Whether each answer takes a connection of its own.
    connects_anew: AtomicBool,
    /// Changes when all streams are to break off.
    streams: watch::Sender<u64>,
    progress: Mutex<Progress>,
    progressed: Notify,
}

#[derive(Default)]
struct Progress {
    looked_for: String,
    heard: Heard,
}

/// One proxy.
struct Proxy {
    host: Host,
    workload: String,
    store: SvidStore,
    tls: Arc<ClientConfig>,
    shared: Arc<Shared>,
}

type Connection = SendRequest<Full<Bytes>>;

impl Proxies {
    /// Proxies of `workloads`, as they were registered, that have not joined.
    pub(super) fn new(
        host: &Host,
        control_plane: ControlPlaneAddress,
        workloads: impl IntoIterator<Item = String>,
    ) -> Result<Self, Failure> {
        let bundle = Bundle::from_pem(&control_plane.bundle)?;
        let shared = Arc::new(Shared {
            control_plane,
            connects_anew: AtomicBool::new(false),
            streams: watch::Sender::new(0),
            progress: Mutex::default(),
            progressed: Notify::new(),
        });
        let proxy = |workload| {
            let store = SvidStore::anonymous(&bundle);
            Arc::new(Proxy {
                host: host.clone(),
                workload,
                tls: client_config(
                    host,
                    &store,
                    shared.control_plane.identity.clone(),
                    Versions::Http1,
                ),
                store,
                shared: shared.clone(),
            })
        };
        Ok(Self {
            proxies: workloads.into_iter().map(proxy).collect(),
            shared,
        })
    }

    /// All of them join at once, each with its token.
    pub(super) async fn join(&self, registered: &[Registered]) -> Result<(), Failure> {
        let joining = self.proxies.iter().zip(registered);
        let joining = joining.map(|(proxy, registered)| proxy.join(registered));
        futures_util::future::try_join_all(joining).await.map(drop)
    }

    /// All of them open their streams at once, and follow them until the end of the world or of the returned value.
    pub(super) fn follow(&self, host: &Host) -> Vec<hallway_host::task::TaskGuard> {
        let follow = |proxy: &Arc<Proxy>| host.spawn(proxy.clone().follow()).abort_on_drop();
        self.proxies.iter().map(follow).collect()
    }

    /// From now on, a proxy is current when it has answered an update that holds `words`.
    pub(super) fn look_for(&self, words: String) {
        let mut progress = self.shared.progress();
        progress.looked_for = words;
        progress.heard = Heard::default();
    }

    /// Waits until all are current, and returns what was heard until then.
    pub(super) async fn current(&self) -> Heard {
        loop {
            let progressed = self.shared.progressed.notified();
            let heard = self.shared.progress().heard;
            if heard.current == self.proxies.len() {
                return heard;
            }
            progressed.await;
        }
    }

    /// Breaks all streams off; the proxies open them again at once.
    pub(super) fn drop_streams(&self) {
        self.shared.streams.send_modify(|generation| *generation += 1);
    }

    /// Whether each answer takes a connection of its own from now on.
    pub(super) fn connect_anew(&self, anew: bool) {
        self.shared.connects_anew.store(anew, Ordering::Relaxed);
    }
}

impl Shared {
    fn progress(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.progress.lock().expect("counting does not panic")
    }

    /// Notes that an update was answered.
    fn answered(&self, update: &str) {
        let mut progress = self.progress();
        progress.heard.updates += 1;
        progress.heard.bytes += update.len() as u64;
        if update.contains(&progress.looked_for) {
            progress.heard.current += 1;
            self.progressed.notify_waiters();
        }
    }
}

impl Proxy {
    async fn join(&self, registered: &Registered) -> Result<(), Failure> {
        let key = KeyPair::generate();
        let request = JoinRequest {
            token: registered.join_token.0.clone(),
            csr: key.signing_request(),
        };
        let mut connection = self.connect().await?;
        let response = self.post(&mut connection, "/v1/join", &request).await?;
        let body = response.into_body().collect().await?.to_bytes();
        let issued: SvidResponse = serde_json::from_slice(&body)?;
        let svid = Svid::new(&issued.chain, &key)?;
        self.store.rotate(svid, &Bundle::from_pem(&issued.bundle)?);
        Ok(())
    }

    async fn follow(self: Arc<Self>) {
        let mut streams = self.shared.streams.subscribe();
        loop {
            streams.borrow_and_update();
            tokio::select! {
                Err(_) = self.read_stream() => tokio::time::sleep(PAUSE).await,
                _ = streams.changed() => {}
            }
        }
    }

    /// Reads a stream to its end, which is an error.
    async fn read_stream(&self) -> Result<std::convert::Infallible, Failure> {
        let mut connection = self.connect().await?;
        let path = format!("/v1/discovery?proxy={}", self.workload);
        let response = self
            .send(&mut connection, Method::GET, &path, Bytes::new())
            .await?;
        let (mut body, mut buffer) = (response.into_body(), BytesMut::new());
        let mut searched = 0;
        let mut answers = None;
        loop {
            let Some(end) = buffer[searched..].iter().position(|byte| *byte == b'\n') else {
                searched = buffer.len();
                let frame = body.frame().await.ok_or("the stream ended")??;
                buffer.extend_from_slice(frame.data_ref().ok_or("no data")?);
                continue;
            };
            let line = buffer.split_to(searched + end + 1);
            searched = 0;
            let update = std::str::from_utf8(&line)?;
            self.answer(&mut answers, version(update)?).await?;
            self.shared.answered(update);
        }
    }

    /// Accepts a version, over the connection that is kept for that, or over one of its own.
    async fn answer(&self, kept: &mut Option<Connection>, version: Version) -> Result<(), Failure> {
        if self.shared.connects_anew.load(Ordering::Relaxed) {
            *kept = None;
        }
        let connection = match kept {
            Some(connection) => connection,
            None => kept.insert(self.connect().await?),
        };
        let answer = Acknowledgement {
            proxy: self.workload.clone(),
            version,
            refused: None,
        };
        let path = "/v1/discovery/acknowledgements";
        let response = self.post(connection, path, &answer).await?;
        response.into_body().collect().await?;
        Ok(())
    }

    async fn connect(&self) -> Result<Connection, Failure> {
        let stream = self.host.connect(self.shared.control_plane.address).await?;
        let connector = TlsConnector::from(self.tls.clone());
        let stream = connector.connect(server_name(), stream).await?;
        let (connection, driver) = http1::handshake(TokioIo::new(stream)).await?;
        // What goes wrong on the connection is told to whoever waits for an answer on it.
        self.host.spawn(async { driver.await.unwrap_or_default() });
        Ok(connection)
    }

    async fn post(
        &self,
        connection: &mut Connection,
        path: &str,
        message: &impl Serialize,
    ) -> Result<Response<Incoming>, Failure> {
        let message = serde_json::to_vec(message).expect("messages are plain data");
        self.send(connection, Method::POST, path, message.into()).await
    }

    async fn send(
        &self,
        connection: &mut Connection,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, Failure> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "control-plane")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))?;
        connection.ready().await?;
        let response = connection.send_request(request).await?;
        match response.status() {
            StatusCode::OK | StatusCode::NO_CONTENT => Ok(response),
            status => Err(format!("the control plane answered {path} with {status}").into()),
        }
    }
}

/// The version of an update, of which nothing else is kept.
fn version(update: &str) -> Result<Version, Failure> {
    #[derive(Deserialize)]
    struct Update {
        version: Version,
    }
    Ok(serde_json::from_str::<Update>(update)?.version)
}
