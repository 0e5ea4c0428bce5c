//! Who is at the other end of a mutual TLS connection.

use hallway_model::SpiffeId;
use hallway_traffic::authorization::PeerIdentity;

/// A peer, with its identity as text, so that it need not be written anew for each request.
pub(crate) struct Peer {
    pub(crate) identity: SpiffeId,
    pub(crate) principal: String,
}

impl Peer {
    pub(crate) fn new(identity: SpiffeId) -> Self {
        Self {
            principal: identity.to_string(),
            identity,
        }
    }

    /// What authorization policies look at.
    pub(crate) fn for_authorization(&self) -> PeerIdentity<'_> {
        PeerIdentity {
            principal: &self.principal["spiffe://".len()..],
            namespace: self.identity.namespace(),
        }
    }
}
