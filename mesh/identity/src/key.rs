//! Key pairs of workloads.

use std::fmt;

use rcgen::{CertificateParams, DistinguishedName, PKCS_ED25519};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// An Ed25519 key pair. The private half never leaves the program that made it, and never shows up in `Debug` output.
pub struct KeyPair(rcgen::KeyPair);

impl KeyPair {
    /// A new key pair, from the operating system's entropy.
    ///
    /// # Panics
    /// When the operating system has no entropy to give, which no program can mend.
    pub fn generate() -> Self {
        let key = rcgen::KeyPair::generate_for(&PKCS_ED25519).expect("the operating system provides entropy");
        Self(key)
    }

    /// A certificate signing request (PKCS #10, PEM). It proves possession of the key and asks for nothing else: whose
    /// identity the certificate will name is for the authority to know.
    pub fn signing_request(&self) -> String {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = DistinguishedName::new();
        parameters
            .serialize_request(&self.0)
            .and_then(|request| request.pem())
            .expect("a request without names can always be encoded")
    }

    pub(crate) fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.0.serialize_der()).into()
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeyPair(…)")
    }
}
