//! The life of a proxy, from its bootstrap to its drain.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hallway_host::{Host, Listener};
use hallway_identity::{Bundle, CredentialError, SvidStore};
use hallway_model::bootstrap::{GatewayPort, Listeners, ProxyBootstrap};
use hallway_model::telemetry::ProxyRecord;
use thiserror::Error;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::control_plane::ControlPlane;
use crate::proxy::Proxy;
use crate::workers::{Entry, Sockets, Workers};
use crate::{admin, discovery, svid};

/// Why a proxy cannot run.
#[derive(Debug, Error)]
pub enum ProxyError {
    /// A listener could not be opened.
    #[error(
        "the {listener} listener cannot be opened at {address}: {source}; choose another address, or port 0 for a free one"
    )]
    Listen {
        /// Which listener.
        listener: &'static str,
        /// Where it should be.
        address: SocketAddr,
        /// What the machine says.
        source: io::Error,
    },
    /// A further worker could not be started.
    #[error(
        "worker {worker} cannot be started: {source}; ask for fewer with `workers`, or raise the limits of the machine"
    )]
    Worker {
        /// Which worker, from 0.
        worker: usize,
        /// What the machine says.
        source: io::Error,
    },
    /// The bootstrap names no roots to verify the control plane against.
    #[error(
        "the bootstrap's bundle cannot be used: {0}; take it from the control plane's `listening` record"
    )]
    Bundle(#[from] CredentialError),
    /// The control plane does not let the proxy in.
    #[error(
        "the control plane does not let `{workload}` join: {reason}; a join token is good for one start, so start the workload again with a new one"
    )]
    Join {
        /// The workload.
        workload: String,
        /// What the control plane says, or what is wrong with what it issued.
        reason: String,
    },
}

/// Runs a proxy until `shutdown` is cancelled and what was in flight then has ended or had its time.
///
/// It leaves [`ProxyRecord`]s behind: `Listening` as soon as its listeners are open, the others as things happen.
/// Until it has joined the mesh and got a configuration, its admin endpoint answers `/ready` with 503, and its listeners hold what comes,
/// for at most five seconds.
///
/// # Errors
/// When it cannot open its listeners or start its workers, or is not let into the mesh. Whatever happens later, it goes
/// on serving.
pub async fn run(
    host: Host,
    bootstrap: ProxyBootstrap,
    shutdown: CancellationToken,
) -> Result<(), ProxyError> {
    let bundle = Bundle::from_pem(&bootstrap.control_plane.bundle)?;
    let (sockets, listeners) = open_all(&host, &bootstrap.listeners).await?;
    let (admin, admin_address) = open(&host, "admin", bootstrap.admin.listen).await?;
    let store = SvidStore::anonymous(&bundle);
    let control_plane = ControlPlane::new(&host, bootstrap.control_plane.clone(), &store);
    let proxy = Arc::new(Proxy::new(host, bootstrap, store));
    proxy.record(ProxyRecord::Listening {
        listeners,
        admin: admin_address,
    });

    let workers = Workers::start(&proxy, sockets)?;
    let admin = proxy.host.spawn(admin::run(Arc::clone(&proxy), admin));
    let _admin_ends_with_the_proxy = admin.abort_on_drop();

    let (ended, patience) = tokio::select! {
        Err(error) = belong(&proxy, &control_plane) => (Err(error), Duration::ZERO),
        () = shutdown.cancelled() => (Ok(()), proxy.bootstrap.drain),
    };
    workers.finish(Instant::now() + patience).await;
    ended
}

/// Joins the mesh and stays a part of it.
async fn belong(proxy: &Proxy, control_plane: &ControlPlane) -> Result<Infallible, ProxyError> {
    svid::join(proxy, control_plane)
        .await
        .map_err(|error| ProxyError::Join {
            workload: proxy.workload().to_owned(),
            reason: error.to_string(),
        })?;
    tokio::select! {
        never = discovery::follow(proxy, control_plane) => match never {},
        never = svid::keep_renewed(proxy, control_plane) => match never {},
    }
}

/// Opens what a proxy serves, and says where that is.
async fn open_all(host: &Host, wanted: &Listeners) -> Result<(Sockets, Listeners), ProxyError> {
    match wanted {
        Listeners::Sidecar { outbound, inbound } => {
            let (outbound, outbound_address) = open(host, "outbound", *outbound).await?;
            let (inbound, inbound_address) = open(host, "inbound", *inbound).await?;
            let opened = Listeners::Sidecar {
                outbound: outbound_address,
                inbound: inbound_address,
            };
            Ok((
                vec![(Entry::Outbound, outbound), (Entry::Inbound, inbound)],
                opened,
            ))
        }
        Listeners::Gateway(wanted) => {
            let (mut sockets, mut opened) = (Vec::new(), Vec::new());
            for GatewayPort { port, address } in wanted {
                let (socket, address) = open(host, "gateway", *address).await?;
                sockets.push((Entry::Gateway { port: *port }, socket));
                opened.push(GatewayPort { port: *port, address });
            }
            Ok((sockets, Listeners::Gateway(opened)))
        }
    }
}

/// An open listener, and where it is.
async fn open(
    host: &Host,
    name: &'static str,
    address: SocketAddr,
) -> Result<(Listener, SocketAddr), ProxyError> {
    let opening = async {
        let listener = host.listen(address).await?;
        let address = listener.local_address()?;
        Ok((listener, address))
    };
    opening.await.map_err(|source| ProxyError::Listen {
        listener: name,
        address,
        source,
    })
}
