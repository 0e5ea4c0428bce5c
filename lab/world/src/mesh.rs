//! A mesh that is up, on whatever ground: where its parts are, and who may speak to them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use hallway_evidence::WireConnection;
use hallway_model::bootstrap::{ControlPlaneAddress, GatewayPort, Token};
use http::{Request, header};
use http_body_util::Full;

use crate::control_client::ControlClient;
use crate::error::WorldError;
use crate::faults::LinkChange;
use crate::http_client::HttpClient;
use crate::simulated::Links;
use crate::wire::{Edge, Tap, Wire};

/// A mesh that is up.
pub(crate) struct Mesh {
    pub(crate) control: Arc<ControlClient>,
    /// Where sidecars find the control plane, and the roots of the mesh.
    pub(crate) control_plane: ControlPlaneAddress,
    /// By workload.
    pub(crate) sidecars: BTreeMap<String, Sidecar>,
    /// By workload.
    pub(crate) applications: BTreeMap<String, Application>,
    /// The proxy in front of all of them.
    pub(crate) gateway: Option<Gateway>,
    pub(crate) wire: Edges,
}

/// The third witness.
pub(crate) enum Edges {
    /// Relays between processes.
    Relayed(Wire),
    /// The simulated network itself, and its links.
    Tapped(Tap, Links),
    /// Nobody: callers reach their targets directly, and no fault befalls a link.
    Direct,
}

impl Mesh {
    /// Where others come to a workload: its sidecar, or the application itself where it has none.
    pub(crate) fn door(&self, workload: &str) -> SocketAddr {
        match self.sidecars.get(workload) {
            Some(sidecar) => sidecar.inbound,
            None => self.applications[workload].address,
        }
    }

    /// The names of all workloads with a proxy.
    pub(crate) fn proxies(&self) -> impl Iterator<Item = String> {
        let gateway = self.gateway.iter().map(|gateway| &gateway.name);
        self.sidecars.keys().chain(gateway).cloned()
    }

    /// The admin endpoints of all proxies, by workload, and who can speak to them.
    pub(crate) fn admins(&self) -> impl Iterator<Item = (&str, &HttpClient, &AdminAddress)> {
        let sidecars = self.sidecars.iter();
        let sidecars =
            sidecars.map(|(name, sidecar)| (name.as_str(), sidecar.client.as_ref(), &sidecar.admin));
        let gateway = self.gateway.iter();
        sidecars
            .chain(gateway.map(|gateway| (gateway.name.as_str(), gateway.client.as_ref(), &gateway.admin)))
    }

    /// Has `edge` witnessed, and returns where its caller reaches its target: at a relay, or at the target itself.
    ///
    /// # Errors
    /// [`WorldError::Listen`].
    pub(crate) async fn edge(&self, edge: Edge) -> Result<SocketAddr, WorldError> {
        match &self.wire {
            Edges::Relayed(wire) => {
                let purpose = format!("the wire from {} to {}", edge.from, edge.to);
                let relay = wire.relay(edge).await;
                relay.map_err(|source| WorldError::Listen { purpose, source })
            }
            Edges::Tapped(tap, _) => {
                let target = edge.target;
                tap.watch(edge);
                Ok(target)
            }
            Edges::Direct => Ok(edge.target),
        }
    }
}

impl Edges {
    /// Changes what one direction between two machines is like, for connections that are open too.
    pub(crate) fn change_link(&self, from: &str, to: &str, change: LinkChange) {
        match self {
            Self::Relayed(wire) => wire.change_link(from, to, change),
            Self::Tapped(_, links) => links.change(from, to, change),
            Self::Direct => {}
        }
    }

    /// Breaks all open connections between two machines.
    pub(crate) fn reset_link(&self, one: &str, other: &str) {
        match self {
            Self::Relayed(wire) => wire.reset_link(one, other),
            Self::Tapped(_, links) => links.reset(one, other),
            Self::Direct => {}
        }
    }

    /// Whether the sidecar of a workload is away. A relay has to be told that it should refuse connections then; simulated kernels do it by
    /// themselves.
    pub(crate) fn refuse(&self, workload: &str, refuses: bool) {
        if let Self::Relayed(wire) = self {
            wire.refuse(workload, refuses);
        }
    }

    /// Ends the run, and returns what was seen of every connection, in the order in which they were opened.
    pub(crate) async fn cut(self) -> Vec<WireConnection> {
        match self {
            Self::Relayed(wire) => wire.cut().await,
            Self::Tapped(tap, _) => tap.take(),
            Self::Direct => Vec::new(),
        }
    }
}

/// Where a sidecar is.
#[derive(Clone)]
pub(crate) struct Sidecar {
    pub(crate) outbound: SocketAddr,
    pub(crate) inbound: SocketAddr,
    pub(crate) admin: AdminAddress,
    /// Speaks to it from its own machine.
    pub(crate) client: Arc<HttpClient>,
}

impl Sidecar {
    /// Whether it says that it is ready.
    pub(crate) async fn is_ready(&self) -> bool {
        let asked = self.admin.get("/ready");
        let answer = self.client.send(self.admin.address, asked, &mut None).await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }
}

/// Where the gateway is.
#[derive(Clone)]
pub(crate) struct Gateway {
    /// The name of its workload.
    pub(crate) name: String,
    pub(crate) ports: Vec<GatewayPort>,
    pub(crate) admin: AdminAddress,
    /// Speaks to it from its own machine.
    pub(crate) client: Arc<HttpClient>,
}

impl Gateway {
    /// Where it listens for `port`.
    pub(crate) fn port(&self, port: u16) -> Option<SocketAddr> {
        let found = self.ports.iter().find(|listening| listening.port == port);
        found.map(|listening| listening.address)
    }
}

/// Where the application of a workload is.
#[derive(Clone)]
pub(crate) struct Application {
    pub(crate) address: SocketAddr,
    pub(crate) control: AdminAddress,
    /// Speaks to it from its own machine.
    pub(crate) client: Arc<HttpClient>,
}

/// An endpoint for operators, on loopback, that asks for a token. Its `Debug` output is without the token.
#[derive(Clone, Debug)]
pub struct AdminAddress {
    /// Where it is.
    pub address: SocketAddr,
    /// The bearer token (RFC 6750) that it asks for.
    pub token: Token,
}

impl AdminAddress {
    /// A request for what is at `path`.
    pub(crate) fn get(&self, path: &str) -> Request<Full<Bytes>> {
        Request::get(path)
            .header(header::HOST, self.address.to_string())
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token.0))
            .body(Full::new(Bytes::new()))
            .expect("an address and a hexadecimal token are printable ASCII")
    }
}
