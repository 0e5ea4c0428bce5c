//! Authorities, clocks and connections for the handshake tests.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use hallway_host::host::BoxFuture;
use hallway_host::{Ground, Host, Listener, Stream, Task};
use hallway_identity::{
    Authority, ClientAuthentication, HandshakeFailure, PeerCertificate, Refuser, SvidStore, Validity,
    Versions, server_config, server_name,
};
use hallway_model::telemetry::RefusalReason;
use hallway_model::{SpiffeId, TrustDomain};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, CommonState, DigitallySignedStruct, HandshakeKind, ServerConfig, SignatureScheme,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{TlsAcceptor, TlsConnector};

pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// What both sides of one handshake made of it.
pub(crate) struct Outcome {
    pub(crate) client: io::Result<PeerCertificate>,
    pub(crate) server: io::Result<PeerCertificate>,
    /// Whether the server let a client without a certificate in.
    pub(crate) anonymous: Option<bool>,
    /// Whether the server resumed a session.
    pub(crate) resumed: Option<bool>,
    pub(crate) alpn: Option<Vec<u8>>,
}

impl Outcome {
    pub(crate) fn client_refusal(&self) -> (Refuser, RefusalReason) {
        let failure = failure(&self.client);
        (failure.refuser, failure.reason)
    }

    pub(crate) fn server_refusal(&self) -> (Refuser, RefusalReason) {
        let failure = failure(&self.server);
        (failure.refuser, failure.reason)
    }

    pub(crate) fn client_detail(&self) -> String {
        failure(&self.client).detail
    }

    pub(crate) fn server_detail(&self) -> String {
        failure(&self.server).detail
    }
}

fn failure(side: &io::Result<PeerCertificate>) -> HandshakeFailure {
    match side {
        Ok(peer) => panic!("{} was let in", peer.identity),
        Err(error) => {
            HandshakeFailure::from_io(error).unwrap_or_else(|| panic!("no verdict of TLS: {error}"))
        }
    }
}

pub(crate) fn by_us(reason: RefusalReason) -> (Refuser, RefusalReason) {
    (Refuser::Us, reason)
}

/// Some moment, in whole seconds as certificates count them.
pub(crate) fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000)
}

pub(crate) fn in_date() -> Validity {
    Validity::starting(start(), HOUR)
}

pub(crate) fn host() -> Host {
    Host::Virtual(Clock::at(start()))
}

pub(crate) fn domain(name: &str) -> TrustDomain {
    TrustDomain::new(name).expect("a trust domain")
}

pub(crate) fn identity(trust_domain: &str, service_account: &str) -> SpiffeId {
    SpiffeId::new(domain(trust_domain), "shop", service_account).expect("an identity")
}

pub(crate) fn authority(trust_domain: &str) -> Authority {
    Authority::new(&host(), domain(trust_domain))
}

pub(crate) fn store(authority: &Authority, service_account: &str) -> SvidStore {
    let identity =
        SpiffeId::new(authority.trust_domain().clone(), "shop", service_account).expect("an identity");
    let svid = authority.mint(&identity, in_date()).expect("an SVID");
    SvidStore::new(svid, &authority.bundle())
}

/// A machine with nothing but a clock.
pub(crate) struct Clock(Mutex<SystemTime>);

impl Clock {
    pub(crate) fn at(now: SystemTime) -> Arc<Self> {
        Arc::new(Self(Mutex::new(now)))
    }

    pub(crate) fn set(&self, now: SystemTime) {
        *self.0.lock().expect("not poisoned") = now;
    }
}

impl Ground for Clock {
    fn listen(&self, _address: SocketAddr) -> BoxFuture<io::Result<Listener>> {
        unreachable!("a clock has no sockets")
    }

    fn connect(&self, _address: SocketAddr) -> BoxFuture<io::Result<Stream>> {
        unreachable!("a clock has no sockets")
    }

    fn spawn(&self, task: BoxFuture<()>) -> Task {
        Task::start(task)
    }

    fn wall_clock(&self) -> SystemTime {
        *self.0.lock().expect("not poisoned")
    }

    fn seed(&self) -> u64 {
        1
    }

    fn record(&self, _line: String) {}
}

/// One handshake and one byte from the server, so that the client hears the server's verdict on its certificate.
pub(crate) async fn handshake(client: Arc<ClientConfig>, server: Arc<ServerConfig>) -> Outcome {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let mut anonymous = None;
    let mut resumed = None;
    let mut alpn = None;
    let serve = async {
        let mut stream = TlsAcceptor::from(server).accept(far).await?;
        let state = stream.get_ref().1;
        let peer = peer(state);
        anonymous = Some(peer.is_none());
        resumed = Some(state.handshake_kind() == Some(HandshakeKind::Resumed));
        alpn = state.alpn_protocol().map(<[u8]>::to_vec);
        stream.write_all(b"!").await?;
        stream.flush().await?;
        peer.ok_or_else(|| io::Error::other("the client is anonymous"))
    };
    let dial = async {
        let mut stream = TlsConnector::from(client).connect(server_name(), near).await?;
        stream.read_u8().await?;
        Ok(peer(stream.get_ref().1).expect("a server always has a certificate"))
    };
    let (server, client) = tokio::join!(serve, dial);
    Outcome {
        client,
        server,
        anonymous,
        resumed,
        alpn,
    }
}

fn peer(state: &CommonState) -> Option<PeerCertificate> {
    PeerCertificate::of(state)
}

/// What an honest server makes of `bytes`.
pub(crate) async fn send_raw(bytes: &[u8], server: &SvidStore) -> HandshakeFailure {
    let (mut near, far) = tokio::io::duplex(64 * 1024);
    near.write_all(bytes).await.expect("the pipe is wide enough");
    let config = server_config(&host(), server, ClientAuthentication::Required, Versions::Http1);
    match TlsAcceptor::from(config).accept(far).await {
        Ok(_) => panic!("it was let in"),
        Err(error) => HandshakeFailure::of_handshake(&error),
    }
}

/// A client that presents any chain, and believes any server.
pub(crate) async fn raw_handshake(chain: String, key: rcgen::KeyPair, server: &SvidStore) -> Outcome {
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes())
        .collect::<Result<_, _>>()
        .expect("a chain");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Credulous))
        .with_client_auth_cert(chain, PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .expect("a key");
    handshake(
        Arc::new(config),
        server_config(&host(), server, ClientAuthentication::Required, Versions::Http1),
    )
    .await
}

/// A `ClientHello` without `supported_versions`, as a client that stops at TLS 1.2 sends it (RFC 5246, 7.4.1.2).
pub(crate) fn tls_1_2_client_hello() -> Vec<u8> {
    let mut hello = vec![0x03, 0x03];
    hello.extend([0x42; 32]);
    hello.push(0);
    hello.extend([0, 2, 0xc0, 0x2f]);
    hello.extend([1, 0]);
    let signature_algorithms = [0x00, 0x0d, 0x00, 0x04, 0x00, 0x02, 0x08, 0x07];
    let groups = [0x00, 0x0a, 0x00, 0x04, 0x00, 0x02, 0x00, 0x1d];
    hello.extend([0, (signature_algorithms.len() + groups.len()) as u8]);
    hello.extend(signature_algorithms);
    hello.extend(groups);
    let mut message = vec![
        0x16,
        0x03,
        0x01,
        0,
        hello.len() as u8 + 4,
        1,
        0,
        0,
        hello.len() as u8,
    ];
    message.extend(hello);
    message
}

#[derive(Debug)]
struct Credulous;

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        unreachable!("TLS 1.2 is not offered")
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}
