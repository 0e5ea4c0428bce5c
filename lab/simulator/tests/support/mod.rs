//! A small mesh, made of what the real one is made of: axum services behind hyper sidecars that speak mutual TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use hallway_host::{Host, Stream};
use hallway_identity::{
    Authority, ClientAuthentication, SvidStore, Validity, Versions, client_config, server_config, server_name,
};
use hallway_model::{SpiffeId, TrustDomain};
use hallway_simulator::{Fingerprint, Machine, Options, Simulation};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rand::Rng;
use tokio::time::{interval, sleep, timeout};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Clients, and as many servers.
const PAIRS: usize = 7;
/// Requests per second of all clients together.
const RATE: u32 = 20;
const APPLICATION: ([u8; 4], u16) = ([127, 0, 0, 1], 8080);
const MESH_PORT: u16 = 15006;

/// What came out of one run.
pub(crate) struct Outcome {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) records: Vec<String>,
}

impl Outcome {
    pub(crate) fn answered(&self) -> usize {
        self.records
            .iter()
            .filter(|record| record.contains("200"))
            .count()
    }
}

/// Runs the mesh for a while, with a partition, a crash and a lost machine on the way.
pub(crate) fn run(seed: u64, lasting: Duration) -> Outcome {
    let simulation = Simulation::new(Options {
        seed,
        ..Options::default()
    });
    let records = Arc::new(Mutex::new(Vec::new()));
    let servers: Vec<Machine> = (0..PAIRS)
        .map(|n| simulation.machine(&format!("server-{n}")))
        .collect();
    let clients: Vec<Machine> = (0..PAIRS)
        .map(|n| simulation.machine(&format!("client-{n}")))
        .collect();
    let authority = Authority::new(&servers[0].process("authority").host(), trust_domain());
    for server in &servers {
        start_server(server, &authority);
    }
    for (number, client) in clients.iter().enumerate() {
        let log = records.clone();
        let process = client.process("client");
        process.on_record(move |line| log.lock().expect("not poisoned").push(line.to_owned()));
        let host = process.host();
        let store = store(&authority, "client", &host);
        let targets = servers
            .iter()
            .map(|server| (server.address(), MESH_PORT).into())
            .collect();
        host.clone().spawn(ask(host, store, targets, number));
    }
    simulation.run(async {
        let network = simulation.network();
        sleep(lasting / 4).await;
        network.cut(&clients[0], &servers[0]);
        network.cut(&servers[0], &clients[0]);
        servers[1].process("service").kill();
        servers[2].lose();
        sleep(lasting / 4).await;
        network.heal(&clients[0], &servers[0]);
        network.heal(&servers[0], &clients[0]);
        servers[1].process("service").restart();
        start_service(&servers[1]);
        servers[2].boot();
        servers[2].process("service").restart();
        servers[2].process("sidecar").restart();
        start_server(&servers[2], &authority);
        sleep(lasting / 2).await;
    });
    let fingerprint = simulation.fingerprint();
    drop(simulation);
    let records = std::mem::take(&mut *records.lock().expect("not poisoned"));
    Outcome { fingerprint, records }
}

fn trust_domain() -> TrustDomain {
    TrustDomain::new("hallway.test").expect("a trust domain")
}

fn identity(name: &str) -> SpiffeId {
    SpiffeId::new(trust_domain(), "shop", name).expect("an identity")
}

fn store(authority: &Authority, name: &str, host: &Host) -> SvidStore {
    let validity = Validity::starting(host.wall_clock(), Duration::from_secs(24 * 60 * 60));
    let svid = authority.mint(&identity(name), validity).expect("an SVID");
    SvidStore::new(svid, &authority.bundle())
}

fn start_server(machine: &Machine, authority: &Authority) {
    start_service(machine);
    let host = machine.process("sidecar").host();
    let store = store(authority, "server", &host);
    let address = (machine.address(), MESH_PORT).into();
    host.clone().spawn(sidecar(host, store, address));
}

fn start_service(machine: &Machine) {
    let host = machine.process("service").host();
    host.clone().spawn(async move {
        let listener = host.listen(APPLICATION.into()).await.expect("a free port");
        let router = Router::new().route("/", get(|| async { "what was asked for" }));
        axum::serve(listener, router).await.expect("it serves for ever");
    });
}

/// Accepts mutual TLS, and passes each request on to the service.
async fn sidecar(host: Host, store: SvidStore, address: SocketAddr) {
    let acceptor = TlsAcceptor::from(server_config(
        &host,
        &store,
        ClientAuthentication::Required,
        Versions::Http1,
    ));
    let mut listener = host.listen(address).await.expect("a free port");
    loop {
        let (stream, _) = listener.accept().await;
        let (acceptor, inner) = (acceptor.clone(), host.clone());
        host.spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let service = service_fn(|request| pass_on(inner.clone(), request));
            let connection = hyper::server::conn::http1::Builder::new()
                .auto_date_header(false)
                .serve_connection(TokioIo::new(stream), service);
            // How a connection ended shows in the records of its client.
            let _ = connection.await;
        });
    }
}

async fn pass_on(host: Host, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
    let stream = host.connect(APPLICATION.into()).await?;
    let mut sender = handshake(&host, TokioIo::new(stream)).await?;
    let path = Request::get(request.uri().path()).header("host", "service");
    let response = sender
        .send_request(path.body(Empty::new()).expect("a request"))
        .await
        .map_err(io::Error::other)?;
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    Ok(Response::from_parts(head, Full::new(body)))
}

/// Asks random servers, each over a connection that is kept, and records what comes of it.
async fn ask(host: Host, store: SvidStore, targets: Vec<SocketAddr>, number: usize) {
    let connector = TlsConnector::from(client_config(&host, &store, identity("server"), Versions::Http1));
    let mut random = host.random("targets");
    let mut connections: Vec<Option<SendRequest<Empty<Bytes>>>> = targets.iter().map(|_| None).collect();
    let mut ticks = interval(Duration::from_secs(1) * PAIRS as u32 / RATE);
    sleep(Duration::from_millis(number as u64)).await;
    loop {
        ticks.tick().await;
        let target = random.next_u64() as usize % targets.len();
        let exchange = exchange(&host, &connector, targets[target], connections[target].take());
        let result = match timeout(Duration::from_millis(800), exchange).await {
            Ok(Ok((status, connection))) => {
                connections[target] = Some(connection);
                status.to_string()
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "timeout".to_owned(),
        };
        host.record(&(number, target, result));
    }
}

async fn exchange(
    host: &Host,
    connector: &TlsConnector,
    target: SocketAddr,
    kept: Option<SendRequest<Empty<Bytes>>>,
) -> io::Result<(u16, SendRequest<Empty<Bytes>>)> {
    let mut connection = match kept.filter(|kept| !kept.is_closed()) {
        Some(kept) => kept,
        None => {
            let stream: Stream = host.connect(target).await?;
            let stream = connector.connect(server_name(), stream).await?;
            handshake(host, TokioIo::new(stream)).await?
        }
    };
    let request = Request::get("/")
        .header("host", "server")
        .body(Empty::new())
        .expect("a request");
    let response = connection.send_request(request).await.map_err(io::Error::other)?;
    let status = response.status().as_u16();
    response.into_body().collect().await.map_err(io::Error::other)?;
    Ok((status, connection))
}

async fn handshake<S>(host: &Host, stream: S) -> io::Result<SendRequest<Empty<Bytes>>>
where
    S: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
{
    let (sender, driver) = http1::handshake(stream).await.map_err(io::Error::other)?;
    host.spawn(async { driver.await.unwrap_or_default() });
    Ok(sender)
}
