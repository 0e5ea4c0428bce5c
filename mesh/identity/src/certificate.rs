//! What a certificate says, read out.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hallway_model::SpiffeId;
use rustls::CommonState;
use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

use crate::CredentialError;

/// What the certificate at the other end of an established connection says. It was verified in the handshake.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PeerCertificate {
    /// Who the peer is.
    pub identity: SpiffeId,
    /// The first moment at which it is good.
    pub not_before: SystemTime,
    /// The last moment at which it is good. Only handshakes check it: whoever keeps the connection must close it by then.
    pub not_after: SystemTime,
    /// The serial number, hexadecimal.
    pub serial: String,
}

impl PeerCertificate {
    /// The certificate of the peer of `connection`; `None` when it presented none, or the handshake is not over.
    pub fn of(connection: &CommonState) -> Option<Self> {
        let leaf = connection.peer_certificates()?.first()?;
        Self::read(leaf).ok()
    }

    pub(crate) fn read(leaf: &CertificateDer<'_>) -> Result<Self, CredentialError> {
        let certificate = parse(leaf)?;
        let [uri] = uri_names(&certificate)?[..] else {
            return Err(CredentialError::UriNames(uri_names(&certificate)?.len()));
        };
        Ok(Self {
            identity: uri.parse()?,
            not_before: moment(certificate.validity().not_before.timestamp()),
            not_after: moment(certificate.validity().not_after.timestamp()),
            serial: hexadecimal(certificate.raw_serial()),
        })
    }
}

pub(crate) fn parse<'a>(der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, CredentialError> {
    match x509_parser::parse_x509_certificate(der) {
        Ok((_, certificate)) => Ok(certificate),
        Err(error) => Err(CredentialError::Certificate(error.to_string())),
    }
}

/// The URI names of a certificate, as they stand there.
pub(crate) fn uri_names<'a>(certificate: &'a X509Certificate<'_>) -> Result<Vec<&'a str>, CredentialError> {
    let names = certificate
        .subject_alternative_name()
        .map_err(|error| CredentialError::Certificate(error.to_string()))?;
    let names = names.map(|extension| extension.value.general_names.as_slice());
    let uri = |name: &'a GeneralName<'_>| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    };
    Ok(names.unwrap_or_default().iter().filter_map(uri).collect())
}

fn moment(seconds: i64) -> SystemTime {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 {
        UNIX_EPOCH - distance
    } else {
        UNIX_EPOCH + distance
    }
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
