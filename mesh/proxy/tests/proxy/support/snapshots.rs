//! Snapshots for the tests.

use std::net::SocketAddr;
use std::time::Duration;

use hallway_model::route::{HeaderChanges, PathMatch, Retry, Rewrite, Target, Timeouts};
use hallway_model::{
    Backend, Cluster, ClusterName, Endpoint, Inbound, LoadBalancing, MtlsMode, Protocol, RouteMatch,
    RouteTable, Rule, Security, Snapshot, SpiffeId,
};

pub(crate) fn identity(service_account: &str) -> SpiffeId {
    format!("spiffe://hallway.test/ns/shop/sa/{service_account}")
        .parse()
        .expect("a workload identity")
}

/// Everything that goes to `path` goes to `cluster`.
pub(crate) fn rule(name: &str, path: &str, cluster: &str) -> Rule {
    Rule {
        name: name.to_owned(),
        origin: None,
        matches: vec![RouteMatch {
            path: PathMatch::Prefix(path.to_owned()),
            headers: Vec::new(),
            query: Vec::new(),
            method: None,
        }],
        request_headers: HeaderChanges::default(),
        response_headers: HeaderChanges::default(),
        redirect: None,
        rewrite: Rewrite::default(),
        backends: vec![Backend {
            target: Target::Cluster(ClusterName(cluster.to_owned())),
            weight: 1,
        }],
        timeouts: Timeouts::default(),
        retry: None,
    }
}

pub(crate) fn retry(attempts: u32) -> Retry {
    Retry {
        codes: vec![503],
        attempts,
        backoff: Duration::from_millis(5),
    }
}

pub(crate) fn endpoint(workload: &str, address: SocketAddr, security: Security) -> Endpoint {
    Endpoint {
        workload: workload.to_owned(),
        address,
        security,
    }
}

/// What serves inbound requests for an application at `application`.
pub(crate) fn inbound(mtls: MtlsMode, application: SocketAddr) -> Snapshot {
    Snapshot {
        inbound: Some(Inbound {
            mtls,
            origin: None,
            application,
            protocol: Protocol::Http1,
            authentication: Vec::new(),
            authorization: Vec::new(),
        }),
        ..Snapshot::default()
    }
}

/// The service `name`, with `rules` and the endpoints of its cluster, which has the same name.
pub(crate) fn outbound(name: &str, rules: Vec<Rule>, endpoints: Vec<Endpoint>) -> Snapshot {
    let mut snapshot = Snapshot::default();
    add_cluster(&mut snapshot, name, endpoints);
    snapshot.routes.insert(
        name.to_owned(),
        RouteTable {
            name: name.to_owned(),
            authorities: vec![name.to_owned(), format!("{name}:80")],
            rules,
        },
    );
    snapshot
}

pub(crate) fn add_cluster(snapshot: &mut Snapshot, name: &str, endpoints: Vec<Endpoint>) {
    let name = ClusterName(name.to_owned());
    snapshot.clusters.insert(
        name.clone(),
        Cluster {
            load_balancing: LoadBalancing::RoundRobin,
            limits: hallway_model::cluster::ClusterLimits::default(),
            protocol: Protocol::Http1,
            retry_constraint: None,
        },
    );
    snapshot.endpoints.insert(name, endpoints);
}
