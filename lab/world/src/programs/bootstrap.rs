//! What each program is told when it starts. Pure but for tokens, which come from the operating system.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use hallway_control::api::Registered;
use hallway_host::random;
use hallway_model::bootstrap::{
    AdminEndpoint, AuthorityMaterial, ControlBootstrap, ControlPlaneAddress, Listeners, ProxyBootstrap,
    ProxyLimits, Token,
};
use hallway_scenario::Topology;
use hallway_service::contract::{self, CORRELATION_HEADER, ControlEndpoint};

use crate::authorities::Authorities;
use crate::plan::{Plan, Workload};

/// How long a sidecar goes on serving what is in flight after the order to stop. All traffic has had its outcome by then.
const DRAIN: Duration = Duration::from_secs(1);

/// A free port of loopback: for those on the same machine.
pub(crate) const LOCAL: SocketAddr = free_port(IpAddr::V4(Ipv4Addr::LOCALHOST));

/// 256 bits from the operating system.
pub(crate) fn new_token() -> Token {
    Token((0..4).map(|_| format!("{:016x}", random::entropy())).collect())
}

pub(super) fn control_plane(
    topology: &Topology,
    plan: &Plan,
    authorities: &Authorities,
    machine: IpAddr,
    admin_token: &Token,
    seed: u64,
) -> ControlBootstrap {
    let authority = authorities.of_mesh(plan).map(|authority| AuthorityMaterial {
        certificate: authority.root_pem().to_owned(),
        key: Token(authority.key_pem()),
    });
    ControlBootstrap {
        trust_domain: plan.trust_domain.clone(),
        discovery: free_port(machine),
        admin: admin_endpoint(admin_token),
        rules: None,
        secrets: authorities.secrets().to_vec(),
        admission: topology.admission,
        authority,
        svid_lifetime: topology.svid_lifetime.to_std(),
        federated_bundles: authorities.federated_bundles(),
        seed,
    }
}

/// Where a sidecar is to be.
pub(super) struct SidecarPlace {
    /// Where its application connects to.
    pub(super) outbound: SocketAddr,
    /// The address of its machine.
    pub(super) machine: IpAddr,
    pub(super) control_plane: ControlPlaneAddress,
}

pub(super) fn sidecar(
    workload: &Workload,
    registered: Registered,
    place: SidecarPlace,
    admin_token: &Token,
    seed: u64,
) -> ProxyBootstrap {
    let mut bootstrap = proxy(ProxyPlace {
        workload: workload.name.clone(),
        registered,
        listeners: Listeners::Sidecar {
            outbound: place.outbound,
            inbound: free_port(place.machine),
        },
        control_plane: place.control_plane,
        admin_token: admin_token.clone(),
        seed,
    });
    if let Some(route_rules) = workload.route_rules {
        bootstrap.limits.route_rules = route_rules;
    }
    bootstrap
}

/// Where a proxy stands, and by which token it is let in.
pub(super) struct ProxyPlace {
    pub(super) workload: String,
    pub(super) registered: Registered,
    pub(super) listeners: Listeners,
    pub(super) control_plane: ControlPlaneAddress,
    pub(super) admin_token: Token,
    pub(super) seed: u64,
}

pub(super) fn proxy(place: ProxyPlace) -> ProxyBootstrap {
    ProxyBootstrap {
        workload: place.workload,
        identity: place.registered.identity,
        listeners: place.listeners,
        admin: admin_endpoint(&place.admin_token),
        control_plane: place.control_plane,
        join_token: place.registered.join_token,
        access_log: true,
        access_log_headers: vec![CORRELATION_HEADER.to_owned()],
        workers: 1,
        limits: ProxyLimits::default(),
        drain: DRAIN,
        seed: place.seed,
    }
}

pub(super) fn application(
    workload: &Workload,
    proxy: Option<SocketAddr>,
    control_token: &Token,
    seed: u64,
) -> contract::Bootstrap {
    contract::Bootstrap {
        service: workload.service.clone(),
        version: workload.version.clone(),
        instance: workload.name.clone(),
        listen: LOCAL,
        protocol: workload.protocol,
        control: ControlEndpoint {
            listen: LOCAL,
            token: control_token.0.clone(),
        },
        proxy,
        addresses: BTreeMap::new(),
        calls: workload.calls.clone(),
        call_order: workload.call_order,
        behaviour: workload.behaviour.clone(),
        seed,
        first_calls: workload.first_calls.clone(),
    }
}

pub(super) const fn free_port(machine: IpAddr) -> SocketAddr {
    SocketAddr::new(machine, 0)
}

fn admin_endpoint(token: &Token) -> AdminEndpoint {
    AdminEndpoint {
        listen: LOCAL,
        token: token.clone(),
    }
}
