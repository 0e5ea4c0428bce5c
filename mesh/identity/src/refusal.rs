//! Why a handshake failed, in the words of the mesh.
//!
//! In TLS 1.3 a client finishes its handshake before the server has judged its certificate; the server's alert then arrives
//! with the first read. So this works on the error of any read or write of a connection, not of the handshake alone.

use std::io;

use hallway_model::telemetry::RefusalReason;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

use crate::verify::PeerError;

/// Why a connection was refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HandshakeFailure {
    /// Who refused.
    pub refuser: Refuser,
    /// The reason. From an alert of the peer it is a guess, since alerts are coarse: the peer's own record is the witness.
    pub reason: RefusalReason,
    /// The exact words of the TLS library or of the check.
    pub detail: String,
}

/// Who refused a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refuser {
    /// This side.
    Us,
    /// The other side, which sent an alert.
    Peer,
}

impl HandshakeFailure {
    /// Reads the reason out of an I/O error of a TLS stream. `None` when TLS had no part in it: the connection was
    /// closed, reset, or timed out.
    pub fn from_io(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref::<Error>().map(Self::from_tls)
    }

    /// The same for an error of a handshake, where a connection that just ends is a refusal too.
    pub fn of_handshake(error: &io::Error) -> Self {
        Self::from_io(error).unwrap_or_else(|| Self {
            refuser: Refuser::Peer,
            reason: RefusalReason::HandshakeFailed,
            detail: error.to_string(),
        })
    }

    /// Reads the reason out of an error of rustls.
    pub fn from_tls(error: &Error) -> Self {
        let (refuser, reason) = match error {
            Error::AlertReceived(alert) => (Refuser::Peer, of_alert(*alert)),
            Error::NoCertificatesPresented => (Refuser::Us, RefusalReason::NoCertificate),
            Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
                (Refuser::Us, RefusalReason::Plaintext)
            }
            Error::InvalidCertificate(verdict) => (Refuser::Us, of_certificate(verdict)),
            _ => (Refuser::Us, RefusalReason::HandshakeFailed),
        };
        Self {
            refuser,
            reason,
            detail: peer_error(error).map_or_else(|| error.to_string(), PeerError::to_string),
        }
    }
}

fn peer_error(error: &Error) -> Option<&PeerError> {
    match error {
        Error::InvalidCertificate(CertificateError::Other(other)) => other.0.downcast_ref(),
        _ => None,
    }
}

fn of_certificate(verdict: &CertificateError) -> RefusalReason {
    match verdict {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => RefusalReason::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            RefusalReason::NotYetValid
        }
        CertificateError::UnknownIssuer => RefusalReason::UnknownIssuer,
        CertificateError::Other(other) => match other.0.downcast_ref() {
            Some(PeerError::Unexpected { .. }) => RefusalReason::UnexpectedIdentity,
            Some(_) => RefusalReason::InvalidIdentity,
            None => RefusalReason::HandshakeFailed,
        },
        _ => RefusalReason::HandshakeFailed,
    }
}

/// The alerts that rustls sends for each verdict; `certificate_expired` also stands for one that is not valid yet, and
/// `certificate_unknown` for every refusal of an identity.
fn of_alert(alert: AlertDescription) -> RefusalReason {
    match alert {
        AlertDescription::CertificateExpired => RefusalReason::Expired,
        AlertDescription::UnknownCA => RefusalReason::UnknownIssuer,
        AlertDescription::CertificateRequired => RefusalReason::NoCertificate,
        AlertDescription::CertificateUnknown => RefusalReason::InvalidIdentity,
        _ => RefusalReason::HandshakeFailed,
    }
}
