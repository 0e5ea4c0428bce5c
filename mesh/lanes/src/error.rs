//! What can go wrong.

use std::io;
use std::sync::Arc;

use thiserror::Error;

use crate::frame::{Reason, Violation};

/// Why an exchange, or a whole connection, is over.
#[derive(Clone, Debug, Error)]
pub enum Error {
    /// One of both sides has ended the exchange before its end.
    #[error("the exchange was reset: {}", .0.as_str())]
    Reset(Reason),
    /// The connection broke.
    #[error("{0}")]
    Broken(Arc<io::Error>),
    /// The peer has broken the protocol.
    #[error("the peer has broken the protocol: {0}")]
    Violation(&'static str),
    /// The connection was closed.
    #[error("the connection is closed")]
    Closed,
    /// A head or trailers are longer than can be sent.
    #[error("the head or the trailers are longer than a frame can be")]
    TooLong,
}

impl Error {
    /// Whether the peer has said that it did nothing for the exchange.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Reset(Reason::Refused))
    }

    /// Whether the peer has broken the protocol.
    pub fn is_violation(&self) -> bool {
        matches!(self, Self::Violation(_))
    }

    /// What happened to the bytes below, if anything did.
    pub fn as_io(&self) -> Option<&io::Error> {
        match self {
            Self::Broken(error) => Some(error),
            _ => None,
        }
    }
}

impl From<Violation> for Error {
    fn from(Violation(words): Violation) -> Self {
        Self::Violation(words)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Broken(Arc::new(error))
    }
}
