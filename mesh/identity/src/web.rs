//! An authority for host names, and clients that trust it: what public certificate authorities and browsers are to a gateway in earnest.
//! It has nothing to do with the authority of a mesh, and proves no SPIFFE identity.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hallway_host::Host;
use hallway_model::Hostname;
use hallway_model::bootstrap::Token;
use hallway_model::gateway::ServerCertificate;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PublicKeyData, SanType, SerialNumber,
};
use rustls::client::Resumption;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::{CredentialError, Validity, Versions, certificate, tls};

/// How long its certificates live: no public authority may give longer ones since 2020, and browsers refuse them.
const LIFETIME: Duration = Duration::from_secs(398 * 24 * 60 * 60);

/// The kind of its keys, and of those that it makes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyKind {
    /// ECDSA with P-256, which every client takes. Its signatures differ in length.
    EcdsaP256,
    /// Ed25519, with signatures of one length, for a simulated network. Browsers do not take it.
    Ed25519,
}

/// Vouches for host names.
pub struct WebAuthority {
    issuer: Issuer<'static, KeyPair>,
    root_pem: String,
    keys: KeyKind,
    validity: Validity,
}

impl WebAuthority {
    /// A new authority that is called `name`, with a new key from the operating system's entropy and a self-signed root.
    ///
    /// # Panics
    /// When the operating system has no entropy to give.
    pub fn new(name: &str, keys: KeyKind, now: SystemTime) -> Self {
        let key = keys.generate();
        let validity = Validity::starting(now, LIFETIME);
        let mut parameters = parameters(name, &key, validity);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let root_pem = parameters
            .self_signed(&key)
            .expect("a root can always be signed with its own key")
            .pem();
        Self {
            issuer: Issuer::new(parameters, key),
            root_pem,
            keys,
            validity,
        }
    }

    /// Its root certificate, for clients to trust.
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// Makes a key, and a certificate that proves `names` with it, as the Secret called `secret`.
    ///
    /// # Panics
    /// When the operating system has no entropy to give.
    pub fn issue(&self, secret: &str, names: &[Hostname]) -> ServerCertificate {
        let key = self.keys.generate();
        let mut parameters = parameters(secret, &key, self.validity);
        let dns = |name: &Hostname| SanType::DnsName(name.as_str().try_into().expect("plain ASCII"));
        parameters.subject_alt_names = names.iter().map(dns).collect();
        parameters.is_ca = IsCa::ExplicitNoCa;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        parameters.use_authority_key_identifier_extension = true;
        let leaf = parameters
            .signed_by(&key, &self.issuer)
            .expect("a certificate for a new key can always be signed");
        ServerCertificate {
            secret: secret.to_owned(),
            chain: leaf.pem(),
            key: Token(key.serialize_pem()),
        }
    }
}

impl KeyKind {
    fn generate(self) -> KeyPair {
        let algorithm = match self {
            Self::EcdsaP256 => &PKCS_ECDSA_P256_SHA256,
            Self::Ed25519 => &PKCS_ED25519,
        };
        KeyPair::generate_for(algorithm).expect("the operating system provides entropy")
    }
}

impl fmt::Debug for WebAuthority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("WebAuthority").finish_non_exhaustive()
    }
}

/// A configuration for a client outside of a mesh: it verifies that a server proves the name that it was dialled by, against the root in
/// `root_pem`, and presents nothing.
///
/// # Errors
/// When `root_pem` holds no certificate.
///
/// # Panics
/// Never: the provider supports TLS 1.3.
pub fn web_client_config(
    host: &Host,
    root_pem: &str,
    versions: Versions,
) -> Result<Arc<ClientConfig>, CredentialError> {
    let root = CertificateDer::from_pem_slice(root_pem.as_bytes()).map_err(|error| CredentialError::Pem {
        expected: "a root certificate",
        reason: error.to_string(),
    })?;
    let mut roots = RootCertStore::empty();
    roots
        .add(root)
        .map_err(|error| CredentialError::Certificate(error.to_string()))?;
    let mut config = tls::client_builder(host)
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = versions.names();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

fn parameters(name: &str, key: &KeyPair, validity: Validity) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.not_before = validity.not_before.into();
    parameters.not_after = validity.not_after.into();
    let mut serial = parameters.key_identifier(key)[..16].to_vec();
    // Positive and not zero, so that all serials are encoded in the same length.
    serial[0] = serial[0] & 0x3f | 0x40;
    let fingerprint = certificate::hexadecimal(&key.der_bytes()[key.der_bytes().len() - 8..]);
    parameters.serial_number = Some(SerialNumber::from_slice(&serial));
    parameters.distinguished_name = DistinguishedName::new();
    parameters
        .distinguished_name
        .push(DnType::CommonName, format!("{name} {fingerprint}"));
    parameters
}
