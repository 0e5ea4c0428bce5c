//! rustls configurations for both sides of a connection.
//!
//! TLS 1.3 only. No session resumption and no early data: a resumed session skips the certificate, and an expired certificate
//! would go on working. The cryptography provider is passed explicitly, and the time comes from the host.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use hallway_host::Host;
use hallway_model::SpiffeId;
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::NoServerSessionStorage;
use rustls::time_provider::TimeProvider;
use rustls::version::TLS13;
use rustls::{ClientConfig, CommonState, ConfigBuilder, ServerConfig, WantsVerifier};
use rustls_pki_types::{ServerName, UnixTime};

use crate::SvidStore;
use crate::verify::{ClientVerifier, ServerVerifier};

/// What a side offers to speak in its handshake (ALPN, RFC 7301), the best first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Versions {
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2, or HTTP/1.1 with a peer that knows no better.
    Http2OrHttp1,
    /// Lanes between sidecars (`hallway-lanes`), or HTTP as above.
    LanesOrHttp,
}

/// What the parties of a connection have agreed to speak.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Agreed {
    /// HTTP/1.1, also when nothing was said.
    Http1,
    /// HTTP/2.
    Http2,
    /// Lanes.
    Lanes,
}

/// The names in ALPN. That of lanes is not registered with IANA, and says which version of the protocol it is.
const HTTP_1_1: &[u8] = b"http/1.1";
const HTTP_2: &[u8] = b"h2";
const LANES: &[u8] = b"hallway/1";

/// What a server asks of its clients.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ClientAuthentication {
    /// A certificate that the bundle vouches for: mutual TLS.
    Required,
    /// The same when one is presented; none is accepted too. For the endpoint at which workloads join.
    Optional,
}

/// A configuration for a server that presents the current SVID of `store` and verifies clients against its bundle.
/// It can be kept for good: rotation happens in the store.
///
/// # Panics
/// Never: the provider supports TLS 1.3.
pub fn server_config(
    host: &Host,
    store: &SvidStore,
    clients: ClientAuthentication,
    versions: Versions,
) -> Arc<ServerConfig> {
    let verifier = ClientVerifier {
        store: store.clone(),
        authentication: clients,
    };
    let mut config = server_builder(host)
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(Arc::new(store.clone()));
    without_resumption(&mut config);
    config.alpn_protocols = versions.names();
    Arc::new(config)
}

/// A configuration for a client that accepts nobody but `expected`, verified against the bundle of `store`, and presents the store's
/// current SVID when there is one. It can be kept for good: rotation happens in the store. Dial with [`server_name`].
///
/// # Panics
/// Never: the provider supports TLS 1.3.
pub fn client_config(
    host: &Host,
    store: &SvidStore,
    expected: SpiffeId,
    versions: Versions,
) -> Arc<ClientConfig> {
    let verifier = ServerVerifier {
        store: store.clone(),
        expected,
    };
    let mut config = client_builder(host)
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_cert_resolver(Arc::new(store.clone()));
    config.alpn_protocols = versions.names();
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    config.enable_sni = false;
    Arc::new(config)
}

/// The beginning of every server's configuration.
pub(crate) fn server_builder(host: &Host) -> ConfigBuilder<ServerConfig, WantsVerifier> {
    ServerConfig::builder_with_details(provider(), clock(host))
        .with_protocol_versions(&[&TLS13])
        .expect("the provider supports TLS 1.3")
}

/// The beginning of every client's configuration.
pub(crate) fn client_builder(host: &Host) -> ConfigBuilder<ClientConfig, WantsVerifier> {
    ClientConfig::builder_with_details(provider(), clock(host))
        .with_protocol_versions(&[&TLS13])
        .expect("the provider supports TLS 1.3")
}

pub(crate) fn without_resumption(config: &mut ServerConfig) {
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
}

impl Versions {
    pub(crate) fn names(self) -> Vec<Vec<u8>> {
        match self {
            Self::Http1 => vec![HTTP_1_1.to_vec()],
            Self::Http2OrHttp1 => vec![HTTP_2.to_vec(), HTTP_1_1.to_vec()],
            Self::LanesOrHttp => vec![LANES.to_vec(), HTTP_2.to_vec(), HTTP_1_1.to_vec()],
        }
    }
}

impl Agreed {
    /// What the parties of `connection` have agreed on.
    pub fn on(connection: &CommonState) -> Self {
        match connection.alpn_protocol() {
            Some(LANES) => Self::Lanes,
            Some(HTTP_2) => Self::Http2,
            _ => Self::Http1,
        }
    }
}

/// The server name to dial with. rustls asks for one; the mesh verifies SPIFFE IDs instead and sends none.
pub fn server_name() -> ServerName<'static> {
    ServerName::try_from("mesh.invalid").expect("a well-formed name")
}

pub(crate) fn provider() -> Arc<CryptoProvider> {
    let ring = ring::default_provider();
    Arc::new(CryptoProvider {
        cipher_suites: vec![
            // First, as in BoringSSL and Go: nobody breaks it either, and it takes fewer rounds than with 256 bits.
            ring::cipher_suite::TLS13_AES_128_GCM_SHA256,
            ring::cipher_suite::TLS13_AES_256_GCM_SHA384,
            ring::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        ],
        ..ring
    })
}

fn clock(host: &Host) -> Arc<dyn TimeProvider> {
    Arc::new(HostClock(host.clone()))
}

#[derive(Debug)]
struct HostClock(Host);

impl TimeProvider for HostClock {
    fn current_time(&self) -> Option<UnixTime> {
        let since_epoch = self.0.wall_clock().duration_since(UNIX_EPOCH).ok()?;
        Some(UnixTime::since_unix_epoch(since_epoch))
    }
}
