//! A mesh that is up, on whatever ground: where its parts are, and who may speak to them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use hallway_model::bootstrap::Token;

use crate::control_client::ControlClient;
use crate::error::WorldError;
use crate::wire::{Edge, Wire};

/// A mesh that is up.
pub(crate) struct Mesh {
    pub(crate) control: ControlClient,
    /// The roots of the mesh, PEM.
    pub(crate) bundle: String,
    /// By workload.
    pub(crate) sidecars: BTreeMap<String, Sidecar>,
    /// By workload.
    pub(crate) applications: BTreeMap<String, Application>,
    pub(crate) wire: Wire,
}

impl Mesh {
    /// Puts a relay on `edge`, and returns where to reach it.
    ///
    /// # Errors
    /// [`WorldError::Listen`].
    pub(crate) async fn edge(&self, edge: Edge) -> Result<SocketAddr, WorldError> {
        let purpose = format!("the wire from {} to {}", edge.from, edge.to);
        let relay = self.wire.relay(edge).await;
        relay.map_err(|source| WorldError::Listen { purpose, source })
    }
}

/// Where a sidecar is.
#[derive(Clone, Debug)]
pub(crate) struct Sidecar {
    pub(crate) outbound: SocketAddr,
    pub(crate) inbound: SocketAddr,
    pub(crate) admin: AdminAddress,
}

/// Where the application of a workload is.
#[derive(Clone, Debug)]
pub(crate) struct Application {
    pub(crate) address: SocketAddr,
    pub(crate) control: AdminAddress,
}

/// An endpoint that asks for a token.
#[derive(Clone, Debug)]
pub(crate) struct AdminAddress {
    pub(crate) address: SocketAddr,
    pub(crate) token: Token,
}
