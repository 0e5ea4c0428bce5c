//! A small control plane: a plain reading of `hallway_model::discovery`, with switches to be away and to misbehave.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use hallway_host::Host;
use hallway_host::task::TaskGuard;
use hallway_identity::{
    Authority, ClientAuthentication, PeerCertificate, SvidStore, Validity, Versions, server_config,
};
use hallway_model::bootstrap::ControlPlaneAddress;
use hallway_model::discovery::{Acknowledgement, JoinRequest, RenewRequest, SvidResponse, Update};
use hallway_model::{Snapshot, SpiffeId, TrustDomain};
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;

use super::snapshots::identity;
use super::soon;

type Answer = Response<BoxBody<Bytes, Infallible>>;

/// A control plane that is running.
pub(crate) struct Control {
    pub(crate) address: ControlPlaneAddress,
    pub(crate) authority: Arc<Authority>,
    state: Arc<State>,
    host: Host,
    serving: Mutex<Option<TaskGuard>>,
}

struct State {
    host: Host,
    authority: Arc<Authority>,
    svid_lifetime: Duration,
    /// Roots that proxies are told to trust beside its own, PEM.
    trusted: Mutex<String>,
    /// Who may join, by token.
    tokens: Mutex<BTreeMap<String, SpiffeId>>,
    /// The wanted state of each proxy, and its open streams.
    proxies: Mutex<BTreeMap<String, Wanted>>,
    acknowledgements: watch::Sender<Vec<Acknowledgement>>,
}

#[derive(Default)]
struct Wanted {
    version: u64,
    snapshot: Snapshot,
    stream: Option<mpsc::UnboundedSender<Update>>,
}

impl Control {
    /// Starts one whose SVIDs live for `svid_lifetime`.
    pub(crate) async fn start(host: &Host, svid_lifetime: Duration) -> Self {
        let trust_domain = TrustDomain::new("hallway.test").expect("a trust domain");
        let authority = Arc::new(Authority::new(host, trust_domain));
        let state = Arc::new(State {
            host: host.clone(),
            authority: Arc::clone(&authority),
            svid_lifetime,
            trusted: Mutex::default(),
            tokens: Mutex::default(),
            proxies: Mutex::default(),
            acknowledgements: watch::Sender::new(Vec::new()),
        });
        let mut control = Self {
            address: ControlPlaneAddress {
                address: SocketAddr::from(([127, 0, 0, 1], 0)),
                identity: identity("control-plane"),
                bundle: authority.root_pem().to_owned(),
            },
            authority,
            state,
            host: host.clone(),
            serving: Mutex::new(None),
        };
        control.address.address = control.serve().await;
        control
    }

    /// Comes back after [`Control::go_away`], at the same address.
    pub(crate) async fn come_back(&self) {
        self.serve().await;
    }

    /// Stops listening, and closes every stream.
    pub(crate) fn go_away(&self) {
        *self.serving.lock().expect("no panic") = None;
        for wanted in self.state.proxies.lock().expect("no panic").values_mut() {
            wanted.stream = None;
        }
    }

    async fn serve(&self) -> SocketAddr {
        let mut listener = soon("the control plane's port", async {
            loop {
                if let Ok(listener) = self.host.listen(self.address.address).await {
                    return listener;
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
        let address = listener.local_address().expect("a bound port");
        let validity = Validity::starting(self.host.wall_clock(), Duration::from_secs(3600));
        let svid = self
            .authority
            .mint(&self.address.identity, validity)
            .expect("its own identity");
        let store = SvidStore::new(svid, &self.authority.bundle());
        let acceptor = TlsAcceptor::from(server_config(
            &self.host,
            &store,
            ClientAuthentication::Optional,
            Versions::Http1,
        ));
        let (state, host) = (Arc::clone(&self.state), self.host.clone());
        let task = self.host.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await;
                let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
                host.spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let peer = PeerCertificate::of(stream.get_ref().1);
                    let service = service_fn(move |request| {
                        let (state, peer) = (Arc::clone(&state), peer.clone());
                        async move { Ok::<_, Infallible>(state.answer(request, peer).await) }
                    });
                    let _ = http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        *self.serving.lock().expect("no panic") = Some(task.abort_on_drop());
        address
    }

    /// Tells the proxies that join from now on to trust the roots of `other` too.
    pub(crate) fn trust(&self, other: &Authority) {
        self.state
            .trusted
            .lock()
            .expect("no panic")
            .push_str(other.root_pem());
    }

    /// Lets `identity` join with `token`, once.
    pub(crate) fn admit(&self, token: &str, identity: SpiffeId) {
        let mut tokens = self.state.tokens.lock().expect("no panic");
        tokens.insert(token.to_owned(), identity);
    }

    /// Wants `snapshot` of `proxy`, and gives the version.
    pub(crate) fn push(&self, proxy: &str, snapshot: Snapshot) -> u64 {
        let mut proxies = self.state.proxies.lock().expect("no panic");
        let wanted = proxies.entry(proxy.to_owned()).or_default();
        let delta = wanted.snapshot.delta_to(&snapshot);
        let base = wanted.version;
        wanted.version += 1;
        wanted.snapshot = snapshot;
        if let Some(stream) = &wanted.stream {
            let update = Update {
                version: wanted.version,
                base: Some(base),
                delta,
            };
            let _ = stream.send(update);
        }
        wanted.version
    }

    /// Waits for the answer of `proxy` to `version`.
    pub(crate) async fn acknowledgement(&self, proxy: &str, version: u64) -> Acknowledgement {
        let mut seen = self.state.acknowledgements.subscribe();
        soon(&format!("{proxy}'s answer to version {version}"), async move {
            loop {
                let found = seen
                    .borrow_and_update()
                    .iter()
                    .rfind(|answer| answer.proxy == proxy && answer.version == version)
                    .cloned();
                if let Some(found) = found {
                    return found;
                }
                seen.changed().await.expect("the control plane lives");
            }
        })
        .await
    }

    /// Wants `snapshot` of `proxy`, which refuses it, and gives its reason.
    pub(crate) async fn refused(&self, proxy: &str, snapshot: Snapshot) -> String {
        let version = self.push(proxy, snapshot);
        let answer = self.acknowledgement(proxy, version).await;
        answer.refused.expect("a NACK")
    }

    /// Wants `snapshot` of `proxy` and waits until it is in force.
    pub(crate) async fn put_in_force(&self, proxy: &str, snapshot: Snapshot) -> u64 {
        let version = self.push(proxy, snapshot);
        let answer = self.acknowledgement(proxy, version).await;
        assert_eq!(answer.refused, None, "{proxy} refused version {version}");
        version
    }
}

impl State {
    async fn answer(&self, request: Request<Incoming>, peer: Option<PeerCertificate>) -> Answer {
        let (head, body) = request.into_parts();
        let body = body
            .collect()
            .await
            .map(|body| body.to_bytes())
            .unwrap_or_default();
        match (head.method.as_str(), head.uri.path()) {
            ("POST", "/v1/join") => self.join(&serde_json::from_slice(&body).expect("a join request")),
            ("POST", "/v1/svid") => {
                let request: RenewRequest = serde_json::from_slice(&body).expect("a renew request");
                match peer {
                    Some(peer) => self.issue(&request.csr, &peer.identity),
                    None => refuse("a certificate is needed"),
                }
            }
            ("GET", "/v1/discovery") => {
                let name = head.uri.query().and_then(|query| query.strip_prefix("proxy="));
                self.stream(&name.expect("a proxy").replace("%2D", "-"))
            }
            ("POST", "/v1/discovery/acknowledgements") => {
                let answer = serde_json::from_slice(&body).expect("an acknowledgement");
                self.acknowledgements.send_modify(|answers| answers.push(answer));
                json(&())
            }
            _ => panic!("unexpected request {} {}", head.method, head.uri),
        }
    }

    fn join(&self, request: &JoinRequest) -> Answer {
        match self.tokens.lock().expect("no panic").remove(&request.token) {
            Some(identity) => self.issue(&request.csr, &identity),
            None => refuse("the token is unknown or was used"),
        }
    }

    fn issue(&self, csr: &str, identity: &SpiffeId) -> Answer {
        let validity = Validity::starting(self.host.wall_clock(), self.svid_lifetime);
        let issued = self
            .authority
            .issue(csr, identity, validity)
            .expect("a good request");
        json(&SvidResponse {
            chain: issued.chain,
            bundle: self.authority.root_pem().to_owned() + &self.trusted.lock().expect("no panic"),
        })
    }

    fn stream(&self, proxy: &str) -> Answer {
        let mut proxies = self.proxies.lock().expect("no panic");
        let wanted = proxies.entry(proxy.to_owned()).or_default();
        let (sender, receiver) = mpsc::unbounded_channel();
        if wanted.version > 0 {
            let delta = Snapshot::default().delta_to(&wanted.snapshot);
            let first = Update {
                version: wanted.version,
                base: None,
                delta,
            };
            sender.send(first).expect("the receiver is right here");
        }
        wanted.stream = Some(sender);
        let lines = futures_util::stream::unfold(receiver, |mut receiver| async move {
            let update: Update = receiver.recv().await?;
            let mut line = serde_json::to_vec(&update).expect("plain data");
            line.push(b'\n');
            Some((Ok(Frame::data(Bytes::from(line))), receiver))
        });
        Response::new(BodyExt::boxed(StreamBody::new(lines)))
    }
}

fn json(value: &impl Serialize) -> Answer {
    let text = serde_json::to_vec(value).expect("plain data");
    Response::new(Full::new(Bytes::from(text)).boxed())
}

fn refuse(why: &str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(why.to_owned())).boxed());
    *answer.status_mut() = StatusCode::FORBIDDEN;
    answer
}
