//! `v1 Secret` of the type `kubernetes.io/tls`: a certificate with its private key, for a listener of a gateway.
//! Source: <https://kubernetes.io/docs/concepts/configuration/secret/#tls-secrets>.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::manifest::{Metadata, Named};

/// A certificate with its private key, for a listener of a gateway.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-unsupported" = {
    "immutable": "is not supported: rules are replaced as a whole",
    "status": "is reported, not written; remove it",
}))]
pub struct Secret {
    /// The version of the kind, `v1`.
    pub api_version: String,
    /// The kind, `Secret`.
    pub kind: String,
    /// What the secret is called.
    pub metadata: Metadata,
    /// What it holds.
    #[serde(rename = "type")]
    pub secret_type: SecretType,
    /// The certificate and the key in base64.
    #[serde(default)]
    pub data: TlsData,
    /// The certificate and the key as they are.
    #[serde(default)]
    pub string_data: TlsData,
}

/// What a secret holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = {
    "Opaque": "is not supported: the only secrets here are certificates, of type `kubernetes.io/tls`",
}))]
pub enum SecretType {
    /// A certificate and its key.
    #[serde(rename = "kubernetes.io/tls")]
    Tls,
}

/// A certificate and its key, as far as they are written in this form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("x-unsupported" = { "ca.crt": "is not supported: put the whole chain into `tls.crt`" }))]
pub struct TlsData {
    /// The certificate chain, leaf first, PEM.
    #[serde(default, rename = "tls.crt")]
    pub certificate: Option<Confidential>,
    /// The private key, PEM.
    #[serde(default, rename = "tls.key")]
    pub key: Option<Confidential>,
}

/// Text that nobody is shown: it has no `Debug` output.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Confidential(String);

/// A certificate chain and the key of its leaf. They belong to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsCertificate {
    /// The chain, leaf first, PEM.
    pub chain: String,
    /// The key, PEM.
    pub key: Confidential,
}

/// A part of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretPart {
    /// `tls.crt`
    Certificate,
    /// `tls.key`
    Key,
}

/// Why a secret is no certificate with its key. Nothing of what it holds is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// A part is not there.
    #[error("the Secret has no `{}`", .0.field())]
    Missing(SecretPart),
    /// A part is there in both forms.
    #[error("`{}` is given in `data` and in `stringData`", .0.field())]
    Twice(SecretPart),
    /// A part in `data` is not base64.
    #[error("`{}` is not text in base64", .0.field())]
    Base64(SecretPart),
    /// A part is not the PEM that it should be.
    #[error("`{}` is no PEM of {}", .0.field(), .0.holds())]
    Pem(SecretPart),
    /// The certificate or the key cannot be used.
    #[error("`{}` cannot be used: it is damaged, or of a kind that is not supported", .0.field())]
    Unusable(SecretPart),
    /// The key belongs to another certificate.
    #[error("`tls.key` is not the key of the certificate in `tls.crt`")]
    Mismatch,
}

impl Secret {
    /// The certificate with its key.
    ///
    /// # Errors
    /// See [`SecretError`].
    pub fn certificate(&self) -> Result<TlsCertificate, SecretError> {
        let chain = self.text(SecretPart::Certificate)?;
        let key = self.text(SecretPart::Key)?;
        require_pair(&chain, &key)?;
        Ok(TlsCertificate {
            chain,
            key: Confidential(key),
        })
    }

    fn text(&self, part: SecretPart) -> Result<String, SecretError> {
        match (part.of(&self.data), part.of(&self.string_data)) {
            (Some(_), Some(_)) => Err(SecretError::Twice(part)),
            (None, Some(Confidential(text))) => Ok(text.clone()),
            (Some(Confidential(encoded)), None) => {
                let without_breaks: String = encoded.split_ascii_whitespace().collect();
                let bytes = STANDARD.decode(without_breaks).ok();
                bytes
                    .and_then(|bytes| String::from_utf8(bytes).ok())
                    .ok_or(SecretError::Base64(part))
            }
            (None, None) => Err(SecretError::Missing(part)),
        }
    }
}

impl Named for Secret {
    fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}

impl Confidential {
    /// The text, for those who must have it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Confidential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Confidential(…)")
    }
}

impl SecretPart {
    /// The field of `data` or `stringData` that holds it.
    pub fn field(self) -> &'static str {
        match self {
            SecretPart::Certificate => "tls.crt",
            SecretPart::Key => "tls.key",
        }
    }

    fn holds(self) -> &'static str {
        match self {
            SecretPart::Certificate => "a certificate chain",
            SecretPart::Key => "a private key",
        }
    }

    fn of(self, data: &TlsData) -> Option<&Confidential> {
        match self {
            SecretPart::Certificate => data.certificate.as_ref(),
            SecretPart::Key => data.key.as_ref(),
        }
    }
}

impl SecretError {
    /// The part that is wrong; where two do not fit together, the key.
    pub fn part(self) -> SecretPart {
        match self {
            Self::Missing(part)
            | Self::Twice(part)
            | Self::Base64(part)
            | Self::Pem(part)
            | Self::Unusable(part) => part,
            Self::Mismatch => SecretPart::Key,
        }
    }
}

/// Whether `chain` and `key` can prove something together.
fn require_pair(chain: &str, key: &str) -> Result<(), SecretError> {
    use SecretPart::{Certificate, Key};
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| SecretError::Pem(Certificate))?;
    if chain.is_empty() {
        return Err(SecretError::Pem(Certificate));
    }
    if chain
        .iter()
        .any(|link| ParsedCertificate::try_from(link).is_err())
    {
        return Err(SecretError::Unusable(Certificate));
    }
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| SecretError::Pem(Key))?;
    let provider = ring::default_provider();
    let key = provider
        .key_provider
        .load_private_key(key)
        .map_err(|_| SecretError::Unusable(Key))?;
    match CertifiedKey::new(chain, key).keys_match() {
        Ok(()) => Ok(()),
        Err(rustls::Error::InconsistentKeys(_)) => Err(SecretError::Mismatch),
        Err(_) => Err(SecretError::Unusable(Certificate)),
    }
}
