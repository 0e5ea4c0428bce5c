//! Credentials in PEM files, as configurations of rustls for mutual TLS 1.3 with one cipher suite.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::ring::{self, cipher_suite::TLS13_AES_128_GCM_SHA256};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::{NoServerSessionStorage, ParsedCertificate, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use serde::{Deserialize, Serialize};

/// Credentials in PEM files.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Files {
    pub(crate) authority: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// Takes every server that the authority has certified, whatever it is called: the load generator knows where it connects to.
#[derive(Debug)]
struct Anybody {
    roots: RootCertStore,
    provider: Arc<CryptoProvider>,
}

impl Files {
    /// For a client whose server must have the name that it dials.
    ///
    /// # Errors
    /// In one sentence, what is wrong with the files.
    pub(crate) fn client(&self) -> Result<ClientConfig, String> {
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(self.roots()?), provider())
            .build()
            .map_err(|error| error.to_string())?;
        self.client_with(verifier)
    }

    /// For a client of any server that the authority has certified.
    ///
    /// # Errors
    /// In one sentence, what is wrong with the files.
    pub(crate) fn client_of_anybody(&self) -> Result<ClientConfig, String> {
        self.client_with(self.anybody()?)
    }

    /// The same without a certificate of its own.
    ///
    /// # Errors
    /// In one sentence, what is wrong with the files.
    pub(crate) fn client_without_certificate(&self) -> Result<ClientConfig, String> {
        let config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(self.anybody()?)
            .with_no_client_auth();
        Ok(config)
    }

    /// For a server whose clients must have certificates.
    ///
    /// # Errors
    /// In one sentence, what is wrong with the files.
    pub(crate) fn server(&self) -> Result<ServerConfig, String> {
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(self.roots()?), provider())
            .build()
            .map_err(|error| error.to_string())?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(|error| error.to_string())?
            .with_client_cert_verifier(verifier)
            .with_single_cert(self.chain()?, self.key()?)
            .map_err(|error| error.to_string())?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    fn client_with(&self, verifier: Arc<dyn ServerCertVerifier>) -> Result<ClientConfig, String> {
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_client_auth_cert(self.chain()?, self.key()?)
            .map_err(|error| error.to_string())?;
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    fn anybody(&self) -> Result<Arc<Anybody>, String> {
        Ok(Arc::new(Anybody {
            roots: self.roots()?,
            provider: provider(),
        }))
    }

    fn roots(&self) -> Result<RootCertStore, String> {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_file(&self.authority).map_err(|error| error.to_string())?;
        roots.add(root).map_err(|error| error.to_string())?;
        Ok(roots)
    }

    fn chain(&self) -> Result<Vec<CertificateDer<'static>>, String> {
        let certificate = CertificateDer::from_pem_file(&self.certificate);
        Ok(vec![certificate.map_err(|error| error.to_string())?])
    }

    fn key(&self) -> Result<PrivateKeyDer<'static>, String> {
        PrivateKeyDer::from_pem_file(&self.key).map_err(|error| error.to_string())
    }
}

/// The one cipher suite that everybody is measured with.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: vec![TLS13_AES_128_GCM_SHA256],
        ..ring::default_provider()
    })
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(end_entity)?,
            &self.roots,
            intermediates,
            now,
            self.provider.signature_verification_algorithms.all,
        )?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
