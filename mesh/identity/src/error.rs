//! What can be wrong with keys, certificates and requests that somebody hands to this program.

use hallway_model::{SpiffeId, TrustDomain, identity::IdentityError};
use thiserror::Error;

/// Why a key, a certificate, a bundle or a signing request was not accepted.
#[derive(Debug, Error)]
pub enum CredentialError {
    /// The text is not PEM of the kind expected.
    #[error("this is no PEM of {expected}: {reason}")]
    Pem {
        /// What was expected, such as `a certificate chain`.
        expected: &'static str,
        /// The parser's words.
        reason: String,
    },
    /// The certificate cannot be read.
    #[error("the certificate cannot be read: {0}")]
    Certificate(String),
    /// The certificate names no SPIFFE ID of the form expected.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The certificate has another number of URI names than one.
    #[error("the certificate has {0} URI names; an X.509-SVID and a SPIFFE root have exactly one")]
    UriNames(usize),
    /// A root is no authority.
    #[error("the certificate of `{0}` is no certificate authority, so it cannot be a root")]
    NotAnAuthority(String),
    /// The key is not the one that the certificate was issued for.
    #[error("the certificate was issued for another key: {0}")]
    KeyMismatch(String),
    /// The signing request is malformed, or its signature does not prove possession of the key.
    #[error("the signing request was refused: {0}")]
    SigningRequest(String),
    /// The authority was asked for an identity outside its trust domain.
    #[error("the authority of `{authority}` cannot vouch for `{identity}`")]
    ForeignIdentity {
        /// The trust domain of the authority.
        authority: TrustDomain,
        /// What it was asked for.
        identity: SpiffeId,
    },
}
