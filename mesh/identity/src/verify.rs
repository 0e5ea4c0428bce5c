//! Whether a peer is who it says: its certificate chains to a root of the trust domain that it names, is good at this
//! moment, and names exactly one SPIFFE ID (X.509-SVID, 5).

use std::collections::BTreeMap;
use std::sync::Arc;

use hallway_model::{SpiffeId, TrustDomain};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, RootCertStore,
    SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use thiserror::Error;

use crate::certificate::{self, PeerCertificate};
use crate::{Bundle, ClientAuthentication, CredentialError, SvidStore, tls};

/// Why a peer with a good certificate was refused all the same.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum PeerError {
    /// The certificate names no SPIFFE ID, several, or one of another form.
    #[error("the peer's certificate proves no workload identity: {0}")]
    NoIdentity(String),
    /// A root that is trusted for one trust domain has vouched for another.
    #[error("`{identity}` is vouched for by the root of `{issuer}`, which is not trusted for that")]
    ForeignRoot {
        /// Who the peer says it is.
        identity: SpiffeId,
        /// The trust domain of the root that issued the certificate.
        issuer: TrustDomain,
    },
    /// The peer is somebody else.
    #[error("expected `{expected}`, and the peer proved to be `{presented}`")]
    Unexpected {
        /// Who should have answered.
        expected: SpiffeId,
        /// Who did.
        presented: SpiffeId,
    },
    /// The certificate may be used to sign others: it is an authority's, not a workload's.
    #[error("the certificate of `{0}` may sign others, so it is no workload's")]
    SigningCertificate(SpiffeId),
}

/// Which side of a connection the certificate comes from; its extended key usage must allow it.
#[derive(Clone, Copy)]
enum Role {
    Client,
    Server,
}

/// The roots of one bundle, ready to verify against.
pub(crate) struct Roots {
    domains: BTreeMap<TrustDomain, DomainRoots>,
    algorithms: WebPkiSupportedAlgorithms,
}

struct DomainRoots {
    anchors: Arc<RootCertStore>,
    clients: Arc<dyn ClientCertVerifier>,
}

impl Roots {
    pub(crate) fn new(bundle: &Bundle) -> Self {
        let prepare = |(domain, roots): (&TrustDomain, &Vec<CertificateDer<'static>>)| {
            let mut anchors = RootCertStore::empty();
            anchors.add_parsable_certificates(roots.iter().cloned());
            let anchors = Arc::new(anchors);
            let clients = WebPkiClientVerifier::builder_with_provider(anchors.clone(), tls::provider())
                .build()
                .ok()?;
            Some((domain.clone(), DomainRoots { anchors, clients }))
        };
        Self {
            domains: bundle.roots().iter().filter_map(prepare).collect(),
            algorithms: tls::provider().signature_verification_algorithms,
        }
    }

    /// Verifies a chain and returns who it belongs to.
    fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        role: Role,
        now: UnixTime,
    ) -> Result<SpiffeId, Error> {
        let identity = read_identity(leaf)?;
        let chain = |domain: &DomainRoots| self.verify_chain(domain, leaf, intermediates, role, now);
        let verdict = match self.domains.get(identity.trust_domain()) {
            Some(domain) => chain(domain),
            None => Err(CertificateError::UnknownIssuer.into()),
        };
        match verdict {
            Ok(()) => Ok(identity),
            Err(error) if is_unknown_issuer(&error) => {
                let foreign = self.domains.iter().find(|(_, domain)| chain(domain).is_ok());
                Err(foreign.map_or(error, |(issuer, _)| {
                    refusal(PeerError::ForeignRoot {
                        identity,
                        issuer: issuer.clone(),
                    })
                }))
            }
            Err(error) => Err(error),
        }
    }

    fn verify_chain(
        &self,
        domain: &DomainRoots,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        role: Role,
        now: UnixTime,
    ) -> Result<(), Error> {
        let verdict = match role {
            Role::Client => domain
                .clients
                .verify_client_cert(leaf, intermediates, now)
                .map(|_verified| ()),
            Role::Server => verify_server_cert_signed_by_trust_anchor(
                &ParsedCertificate::try_from(leaf)?,
                &domain.anchors,
                intermediates,
                now,
                self.algorithms.all,
            ),
        };
        // A root of the same name but with another key: to whoever asks "who issued this", it is an unknown issuer.
        verdict.map_err(|error| match error {
            Error::InvalidCertificate(CertificateError::BadSignature) => {
                CertificateError::UnknownIssuer.into()
            }
            error => error,
        })
    }
}

fn read_identity(leaf: &CertificateDer<'_>) -> Result<SpiffeId, Error> {
    let read = || -> Result<(SpiffeId, bool), CredentialError> {
        let identity = PeerCertificate::read(leaf)?.identity;
        let certificate = certificate::parse(leaf)?;
        let usage = certificate
            .key_usage()
            .map_err(|error| CredentialError::Certificate(error.to_string()))?;
        let signs = usage.is_some_and(|usage| usage.value.key_cert_sign() || usage.value.crl_sign());
        Ok((identity, signs))
    };
    match read() {
        Ok((identity, true)) => Err(refusal(PeerError::SigningCertificate(identity))),
        Ok((identity, false)) => Ok(identity),
        Err(CredentialError::Certificate(_)) => Err(CertificateError::BadEncoding.into()),
        Err(error) => Err(refusal(PeerError::NoIdentity(error.to_string()))),
    }
}

fn is_unknown_issuer(error: &Error) -> bool {
    matches!(error, Error::InvalidCertificate(CertificateError::UnknownIssuer))
}

fn refusal(reason: PeerError) -> Error {
    CertificateError::Other(OtherError(Arc::new(reason))).into()
}

fn tls12_is_never_negotiated() -> Error {
    Error::General("the configurations of the mesh negotiate nothing but TLS 1.3".to_owned())
}

/// Verifies the server: it must be exactly who is expected. The name that was dialled plays no part.
#[derive(Debug)]
pub(crate) struct ServerVerifier {
    pub(crate) store: SvidStore,
    pub(crate) expected: SpiffeId,
}

/// Verifies the clients of a server: anybody whom the bundle vouches for.
#[derive(Debug)]
pub(crate) struct ClientVerifier {
    pub(crate) store: SvidStore,
    pub(crate) authentication: ClientAuthentication,
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let presented = self
            .store
            .roots()
            .verify(end_entity, intermediates, Role::Server, now)?;
        // ANCHOR: whose
        if presented == self.expected {
            return Ok(ServerCertVerified::assertion());
        }
        Err(refusal(PeerError::Unexpected {
            expected: self.expected.clone(),
            presented,
        }))
        // ANCHOR_END: whose
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(tls12_is_never_negotiated())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.store.roots().algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.store.roots().algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for ClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.authentication == ClientAuthentication::Required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.store
            .roots()
            .verify(end_entity, intermediates, Role::Client, now)
            .map(|_identity| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(tls12_is_never_negotiated())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.store.roots().algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.store.roots().algorithms.supported_schemes()
    }
}
