//! An identity with the certificate and the key that prove it.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use hallway_model::SpiffeId;
use rustls::sign::CertifiedKey;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::certificate::PeerCertificate;
use crate::{CredentialError, KeyPair, tls};

/// An X.509-SVID and its private key. Cheap to clone.
#[derive(Clone)]
pub struct Svid {
    certificate: PeerCertificate,
    certified: Arc<CertifiedKey>,
}

impl Svid {
    /// Puts an issued chain (leaf first, PEM) and the key that it was requested for together.
    ///
    /// # Errors
    /// When the chain cannot be read, names no SPIFFE ID, or was issued for another key.
    pub fn new(chain_pem: &str, key: &KeyPair) -> Result<Self, CredentialError> {
        let not_pem = |reason: String| CredentialError::Pem {
            expected: "a certificate chain",
            reason,
        };
        let chain = CertificateDer::pem_slice_iter(chain_pem.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| not_pem(error.to_string()))?;
        let leaf = chain
            .first()
            .ok_or_else(|| not_pem("it holds no certificate".to_owned()))?;
        let certificate = PeerCertificate::read(leaf)?;
        let certified = CertifiedKey::from_der(chain, key.private_key(), &tls::provider())
            .map_err(|error| CredentialError::KeyMismatch(error.to_string()))?;
        Ok(Self {
            certificate,
            certified: Arc::new(certified),
        })
    }

    /// Who it proves to be.
    pub fn identity(&self) -> &SpiffeId {
        &self.certificate.identity
    }

    /// The first moment at which it is good.
    pub fn not_before(&self) -> SystemTime {
        self.certificate.not_before
    }

    /// The last moment at which it is good.
    pub fn not_after(&self) -> SystemTime {
        self.certificate.not_after
    }

    /// Its serial number, hexadecimal.
    pub fn serial(&self) -> &str {
        &self.certificate.serial
    }

    pub(crate) fn certified_key(&self) -> Arc<CertifiedKey> {
        self.certified.clone()
    }
}

impl fmt::Debug for Svid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Svid")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}
