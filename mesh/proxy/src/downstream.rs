//! Who is at the other end of an accepted connection.

use std::net::SocketAddr;

use hallway_model::SpiffeId;
use hallway_model::telemetry::Direction;

/// The downstream end of an accepted connection.
#[derive(Clone, Debug)]
pub(crate) struct Downstream {
    /// Which listener accepted it.
    pub(crate) direction: Direction,
    /// Its address.
    pub(crate) address: SocketAddr,
    /// Who it proved to be; none for the proxy's own application and for plaintext.
    pub(crate) peer: Option<SpiffeId>,
}
