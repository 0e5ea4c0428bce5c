//! Who is at the other end of an accepted connection.

use std::net::{IpAddr, SocketAddr};
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
    /// By which way it came into the mesh; none for those who are in it.
    pub(crate) entrance: Option<Entrance>,
}

/// How a client came to a gateway.
pub(crate) struct Entrance {
    /// The address that it came from.
    pub(crate) address: IpAddr,
    /// The port that it came for, as the Gateway writes it.
    pub(crate) port: u16,
    /// Whether it came over TLS.
    pub(crate) tls: bool,
    /// The host name that it asked for in its handshake (SNI).
    pub(crate) server_name: Option<String>,
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
            entrance: None,
        }
    }

    /// A client of a gateway, at `address`.
    pub(crate) fn outside(address: SocketAddr, entrance: Entrance) -> Self {
        Self {
            direction: Direction::Gateway,
            caller: Caller::outside(address.ip(), entrance.tls),
            peer: None,
            entrance: Some(entrance),
        }
    }

    /// Whether requests may say that they are for `https`: their client sees this proxy as an HTTPS server.
    pub(crate) fn serves_https(&self) -> bool {
        self.entrance.as_ref().is_some_and(|entrance| entrance.tls)
    }
}
