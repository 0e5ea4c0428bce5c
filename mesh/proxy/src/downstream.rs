//! Who is at the other end of an accepted connection.

use std::net::SocketAddr;
use std::sync::Arc;

use hallway_model::SpiffeId;
use hallway_model::telemetry::Direction;
use hallway_traffic::forwarding::{Caller, Identities};

use crate::peer::Peer;

/// The downstream end of an accepted connection.
pub(crate) struct Downstream {
    /// Which listener accepted it.
    pub(crate) direction: Direction,
    /// Who it proved to be; none for the proxy's own application and for plaintext.
    pub(crate) peer: Option<Arc<Peer>>,
    /// What the next hop is told of it.
    pub(crate) caller: Caller,
}

impl Downstream {
    /// One at `address`, as accepted by the proxy that is `own`.
    pub(crate) fn new(
        direction: Direction,
        address: SocketAddr,
        peer: Option<Arc<Peer>>,
        own: &SpiffeId,
    ) -> Self {
        let identities = peer.as_ref().map(|peer| Identities {
            peer: &peer.identity,
            own,
        });
        Self {
            direction,
            caller: Caller::new(address.ip(), identities),
            peer,
        }
    }
}
