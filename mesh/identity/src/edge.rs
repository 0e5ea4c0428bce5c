//! TLS towards clients that are not of the mesh: a gateway proves host names to them, and asks for no certificate.

use std::fmt;
use std::sync::Arc;

use hallway_host::Host;
use hallway_model::Hostname;
use hallway_model::gateway::ServerCertificate;
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::{CredentialError, Versions, tls};

/// A certificate for clients that are not of the mesh, with its private key. Cheap to clone.
#[derive(Clone)]
pub struct ServerIdentity(Arc<CertifiedKey>);

impl ServerIdentity {
    /// Takes a certificate from a `kubernetes.io/tls` Secret.
    ///
    /// # Errors
    /// When the chain or the key cannot be read, or they do not belong to each other. The words never repeat the key.
    pub fn new(certificate: &ServerCertificate) -> Result<Self, CredentialError> {
        let unreadable = |expected: &'static str| CredentialError::Pem {
            expected,
            reason: format!("the Secret `{}` holds none that can be read", certificate.secret),
        };
        let chain = CertificateDer::pem_slice_iter(certificate.chain.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .ok()
            .filter(|chain| !chain.is_empty())
            .ok_or_else(|| unreadable("a certificate chain"))?;
        let key = PrivateKeyDer::from_pem_slice(certificate.key.0.as_bytes())
            .map_err(|_| unreadable("a private key"))?;
        let certified = CertifiedKey::from_der(chain, key, &tls::provider()).map_err(|error| {
            CredentialError::KeyMismatch(format!("the Secret `{}`: {error}", certificate.secret))
        })?;
        Ok(Self(Arc::new(certified)))
    }
}

impl fmt::Debug for ServerIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ServerIdentity").finish_non_exhaustive()
    }
}

/// A configuration for one port of a gateway: who asks for a host name (SNI, RFC 6066, section 3) is shown the certificate of the most
/// specific of `names` that covers it. A client that names no host gets that of the listener for all names, or is refused.
///
/// # Panics
/// Never: the provider supports TLS 1.3.
pub fn edge_config(
    host: &Host,
    names: impl IntoIterator<Item = (Option<Hostname>, ServerIdentity)>,
) -> Arc<ServerConfig> {
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort_by_key(|(name, _)| (name.is_none(), name.as_ref().map(Hostname::precedence)));
    let mut config = tls::server_builder(host)
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(ByName(names)));
    tls::without_resumption(&mut config);
    config.alpn_protocols = Versions::Http2OrHttp1.names();
    Arc::new(config)
}

/// The certificates of a port, by the names that they are for, the most specific first.
#[derive(Debug)]
struct ByName(Vec<(Option<Hostname>, ServerIdentity)>);

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let asked = hello.server_name();
        let covers = |name: &Option<Hostname>| match (name, asked) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(name), Some(asked)) => name.covers(asked),
        };
        let found = self.0.iter().find(|(name, _)| covers(name));
        found.map(|(_, identity)| Arc::clone(&identity.0))
    }
}
