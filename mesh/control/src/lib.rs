//! The control plane: registry, translation, discovery stream, certificate service and status.
//!
//! It knows the workloads and the rules, works out what each proxy should do ([`Snapshot`](hallway_model::Snapshot)), and tells it. It is the
//! certificate authority of its trust domain. It has two endpoints: one for proxies (TLS 1.3; what they ask for is in
//! [`hallway_model::discovery`]) and one for operators ([`api`]).
//!
//! | module | concept |
//! | --- | --- |
//! | [`api`] | the admin API: requests and answers |
//! | [`error`] | why it cannot run, and why a request is refused |
//! | `plane` | the state, and what can be done to it |
//! | `registry` | the workloads |
//! | `rules`, `directory` | the rules in force; a directory of them |
//! | `translate` | rules and registry to what proxies should have; pure |
//! | `view`, `part` | what one proxy should have; what many of them share |
//! | `subscription` | what to send on a stream, given the answers; pure |
//! | `proxy` | what is known about one proxy |
//! | `conditions` | whether gateways and routes are accepted, resolved and in force; pure |
//! | `stream` | discovery streams |
//! | `join`, `certificates`, `issued` | join tokens; the certificate service; who holds which certificate |
//! | `discovery`, `admin`, `answer` | the two endpoints |
//! | `server` | accepting connections |
//! | `secret`, `clock` | comparing secrets; times in records |
//!
//! A control plane that starts again has forgotten its workloads: whoever supervises them registers them again, and proxies with
//! certificates that are still good come back without joining, provided that the authority is the same
//! ([`ControlBootstrap::authority`]). Versions count from 1 again, so a proxy takes the first update of a stream whatever its version.

mod admin;
mod answer;
pub mod api;
mod certificates;
mod clock;
mod conditions;
mod directory;
mod discovery;
pub mod error;
mod issued;
mod join;
mod part;
mod plane;
mod proxy;
mod registry;
mod rules;
mod secret;
mod server;
mod stream;
mod subscription;
mod translate;
mod view;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hallway_host::{Host, Listener};
use hallway_identity::{
    Authority, Bundle, ClientAuthentication, SvidStore, Validity, Versions, server_config,
};
use hallway_model::SpiffeId;
use hallway_model::bootstrap::ControlBootstrap;
use hallway_model::telemetry::ControlRecord;
use tokio_util::sync::CancellationToken;

pub use error::ControlError;
pub use hallway_config::ROOT_NAMESPACE;

use crate::plane::ControlPlane;
use crate::server::{Server, Tls};

/// The service account of the control plane.
pub const SERVICE_ACCOUNT: &str = "control-plane";

/// X.509 counts whole seconds, so a shorter life could be none.
const SHORTEST_LIFETIME: Duration = Duration::from_secs(2);

/// Runs a control plane until `shutdown`. It records [`ControlRecord`]s, [`ControlRecord::Listening`] first.
///
/// # Errors
/// When it cannot start; see [`ControlError`]. Rules that are refused are no reason: it goes on with those before, or with none.
pub async fn run(
    host: Host,
    bootstrap: ControlBootstrap,
    shutdown: CancellationToken,
) -> Result<(), ControlError> {
    let plane = Arc::new(assemble(&host, &bootstrap)?);
    let identity = SpiffeId::new(bootstrap.trust_domain.clone(), ROOT_NAMESPACE, SERVICE_ACCOUNT)?;
    let rules = bootstrap.rules.as_deref().map(read_rules).transpose()?;
    let discovery = listen(&host, bootstrap.discovery, "discovery").await?;
    let admin = listen(&host, bootstrap.admin.listen, "its admin endpoint").await?;
    host.record(&ControlRecord::Listening {
        discovery: local_address(&discovery, bootstrap.discovery),
        admin: local_address(&admin, bootstrap.admin.listen),
        identity: identity.clone(),
        bundle: plane.authority.root_pem().to_owned(),
    });

    let stop = shutdown.child_token();
    let _stop_when_dropped = stop.clone().drop_guard();
    let store = SvidStore::new(own_svid(&plane, &identity), &plane.bundle);
    let proxies = Server {
        host: host.clone(),
        router: discovery::router(plane.clone()),
        stop: stop.clone(),
    };
    let operators = Server {
        host: host.clone(),
        router: admin::router(plane.clone(), bootstrap.admin.token),
        stop,
    };
    let tls = Tls {
        config: server_config(&host, &store, ClientAuthentication::Optional, Versions::Http1),
        store: store.clone(),
    };
    tokio::select! {
        () = proxies.serve_tls(discovery, tls) => {}
        () = operators.serve_plain(admin) => {}
        () = follow_rules(&plane, bootstrap.rules.as_deref(), rules) => {}
        () = rotate(&plane, &identity, &store) => {}
        () = shutdown.cancelled() => {}
    }
    Ok(())
}

fn assemble(host: &Host, bootstrap: &ControlBootstrap) -> Result<ControlPlane, ControlError> {
    if !bootstrap.admin.listen.ip().is_loopback() {
        return Err(ControlError::AdminNotOnLoopback(bootstrap.admin.listen));
    }
    if bootstrap.svid_lifetime < SHORTEST_LIFETIME {
        return Err(ControlError::Lifetime(bootstrap.svid_lifetime));
    }
    let authority = authority(host, bootstrap)?;
    let bundle = trusted(&authority, &bootstrap.federated_bundles)?;
    Ok(ControlPlane::new(
        host.clone(),
        authority,
        bundle,
        bootstrap.svid_lifetime,
        bootstrap.admission,
    )
    .with_secrets(bootstrap.secrets.clone()))
}

fn authority(host: &Host, bootstrap: &ControlBootstrap) -> Result<Authority, ControlError> {
    let Some(material) = &bootstrap.authority else {
        return Ok(Authority::new(host, bootstrap.trust_domain.clone()));
    };
    let authority = Authority::from_pem(host, &material.certificate, &material.key.0).map_err(|source| {
        ControlError::Credential {
            what: "authority",
            source,
        }
    })?;
    if *authority.trust_domain() != bootstrap.trust_domain {
        return Err(ControlError::ForeignAuthority {
            authority: authority.trust_domain().clone(),
            mesh: bootstrap.trust_domain.clone(),
        });
    }
    Ok(authority)
}

/// The authority's own root, and those of other trust domains.
fn trusted(authority: &Authority, federated: &[String]) -> Result<Bundle, ControlError> {
    let mut bundle = authority.bundle();
    for pem in federated {
        let other = Bundle::from_pem(pem).map_err(|source| ControlError::Credential {
            what: "federated bundle",
            source,
        })?;
        if other
            .trust_domains()
            .any(|domain| domain == authority.trust_domain())
        {
            return Err(ControlError::FederatedOwnDomain(authority.trust_domain().clone()));
        }
        bundle.add(other);
    }
    Ok(bundle)
}

fn read_rules(directory: &Path) -> Result<Vec<api::RuleFile>, ControlError> {
    directory::read(directory).map_err(|source| ControlError::RulesDirectory {
        path: directory.to_owned(),
        source,
    })
}

async fn listen(host: &Host, address: SocketAddr, purpose: &'static str) -> Result<Listener, ControlError> {
    host.listen(address).await.map_err(|source| ControlError::Listen {
        address,
        purpose,
        source,
    })
}

/// The address with the port that was taken; a listener that does not know it has the one that it was given.
fn local_address(listener: &Listener, asked: SocketAddr) -> SocketAddr {
    listener.local_address().unwrap_or(asked)
}

async fn follow_rules(plane: &ControlPlane, directory: Option<&Path>, files: Option<Vec<api::RuleFile>>) {
    let (Some(directory), Some(files)) = (directory, files) else {
        return std::future::pending().await;
    };
    let read = Ok(files);
    directory::apply(plane, directory, &read);
    directory::watch(plane, directory, read).await;
}

fn own_svid(plane: &ControlPlane, identity: &SpiffeId) -> hallway_identity::Svid {
    let validity = Validity::starting(plane.host.wall_clock(), plane.svid_lifetime);
    plane
        .authority
        .mint(identity, validity)
        .expect("the authority vouches for its own trust domain")
}

/// Renews the control plane's own SVID at half its life.
async fn rotate(plane: &ControlPlane, identity: &SpiffeId, store: &SvidStore) {
    loop {
        tokio::time::sleep(plane.svid_lifetime / 2).await;
        store.rotate(own_svid(plane, identity), &plane.bundle);
    }
}
