//! Proxies, each the whole program: sidecars and gateways.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use hallway_host::{Host, Task};
use hallway_model::bootstrap::{AdminEndpoint, GatewayPort, Listeners, ProxyBootstrap, ProxyLimits, Token};
use hallway_model::telemetry::ProxyRecord;
use hallway_proxy::ProxyError;
use tokio_util::sync::CancellationToken;

use super::control::Control;
use super::records::Records;
use super::snapshots::identity;
use super::soon;

pub(crate) struct Sidecar {
    pub(crate) outbound: SocketAddr,
    pub(crate) inbound: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) records: Records,
    shutdown: CancellationToken,
    task: Task,
    result: Arc<Mutex<Option<Result<(), ProxyError>>>>,
}

/// A gateway for the ports 80 and 443.
pub(crate) struct Gateway {
    pub(crate) http: SocketAddr,
    pub(crate) https: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) records: Records,
}

pub(crate) fn bootstrap(control: &Control, workload: &str, service_account: &str) -> ProxyBootstrap {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let token = format!("join-{workload}");
    control.admit(&token, identity(service_account));
    ProxyBootstrap {
        workload: workload.to_owned(),
        identity: identity(service_account),
        listeners: Listeners::Sidecar {
            outbound: anywhere,
            inbound: anywhere,
        },
        admin: AdminEndpoint {
            listen: anywhere,
            token: Token("admin".to_owned()),
        },
        control_plane: control.address.clone(),
        join_token: Token(token),
        access_log: true,
        access_log_headers: vec!["x-hallway-request".to_owned()],
        workers: 1,
        limits: ProxyLimits::default(),
        drain: Duration::from_secs(5),
        seed: 1,
    }
}

impl Gateway {
    /// Starts one for the ports 80 and 443, and waits until it listens.
    pub(crate) async fn start(control: &Control) -> Self {
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let ports = [80, 443].map(|port| GatewayPort {
            port,
            address: anywhere,
        });
        let bootstrap = ProxyBootstrap {
            listeners: Listeners::Gateway(ports.into()),
            ..bootstrap(control, "front-1", "front")
        };
        let started = Started::start(bootstrap);
        let (ports, admin) = started
            .records
            .first("listeners", |record| match record {
                ProxyRecord::Listening {
                    listeners: Listeners::Gateway(ports),
                    admin,
                } => Some((ports.clone(), *admin)),
                _ => None,
            })
            .await;
        Self {
            http: ports[0].address,
            https: ports[1].address,
            admin,
            records: started.records,
        }
    }
}

/// A proxy whose listeners are not known yet.
struct Started {
    records: Records,
    shutdown: CancellationToken,
    task: Task,
    result: Arc<Mutex<Option<Result<(), ProxyError>>>>,
}

impl Started {
    fn start(bootstrap: ProxyBootstrap) -> Self {
        let (records, output) = Records::new();
        let host = Host::real(bootstrap.seed, output);
        let shutdown = CancellationToken::new();
        let result = Arc::new(Mutex::new(None));
        let (ordered, outcome, runner) = (shutdown.clone(), Arc::clone(&result), host.clone());
        let task = host.spawn(async move {
            let ended = hallway_proxy::run(runner, bootstrap, ordered).await;
            *outcome.lock().expect("no panic") = Some(ended);
        });
        Self {
            records,
            shutdown,
            task,
            result,
        }
    }
}

impl Sidecar {
    /// Starts one and waits until it listens. It needs no configuration for that.
    pub(crate) async fn start(bootstrap: ProxyBootstrap) -> Self {
        let Started {
            records,
            shutdown,
            task,
            result,
        } = Started::start(bootstrap);
        let (outbound, inbound, admin) = records
            .first("listeners", |record| match record {
                ProxyRecord::Listening {
                    listeners: Listeners::Sidecar { outbound, inbound },
                    admin,
                } => Some((*outbound, *inbound, *admin)),
                _ => None,
            })
            .await;
        Self {
            outbound,
            inbound,
            admin,
            records,
            shutdown,
            task,
            result,
        }
    }

    /// Gives the order to stop.
    pub(crate) fn stop(&self) {
        self.shutdown.cancel();
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(self) -> Result<(), ProxyError> {
        soon("the end of the proxy", self.task.join()).await;
        let ended = self.result.lock().expect("no panic").take();
        ended.expect("it has ended")
    }
}
