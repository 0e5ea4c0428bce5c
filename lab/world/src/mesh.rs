//! A mesh that is up, on whatever ground: where its parts are, and who may speak to them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use hallway_model::bootstrap::Token;

use crate::control_client::ControlClient;
use crate::wire::Wire;

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
