//! A delta leads from any snapshot to any other, through JSON as well.

use std::collections::BTreeMap;

use hallway_model::cluster::ClusterLimits;
use hallway_model::discovery::Update;
use hallway_model::{
    ClientLimits, Cluster, ClusterName, Endpoint, Gateway, Inbound, LoadBalancing, MtlsMode, Protocol,
    Security, Snapshot,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

fn cluster_name() -> impl Strategy<Value = ClusterName> {
    "[a-c]".prop_map(ClusterName)
}

fn snapshot() -> impl Strategy<Value = Snapshot> {
    let inbound = prop_oneof![Just(MtlsMode::Strict), Just(MtlsMode::Disable)].prop_map(|mtls| Inbound {
        mtls,
        origin: None,
        application: ([127, 0, 0, 1], 80).into(),
        protocol: Protocol::Http1,
        authentication: Vec::new(),
        authorization: Vec::new(),
    });
    let cluster = (1..3_u32).prop_map(|connections| Cluster {
        load_balancing: LoadBalancing::RoundRobin,
        limits: ClusterLimits {
            connections,
            pending_requests: 1,
            ..ClusterLimits::default()
        },
        retry_constraint: None,
        protocol: Protocol::Http1,
    });
    let endpoint = (1..4_u16).prop_map(|port| Endpoint {
        workload: format!("w-{port}"),
        address: ([127, 0, 0, 1], port).into(),
        security: Security::Plaintext,
    });
    let gateway = "[a-c]".prop_map(|name| Gateway {
        name,
        listeners: Vec::new(),
        authentication: Vec::new(),
        authorization: Vec::new(),
        limits: ClientLimits::default(),
    });
    (
        option::of(inbound),
        option::of(gateway),
        btree_map(cluster_name(), cluster, 0..3),
        btree_map(cluster_name(), vec(endpoint, 0..3), 0..3),
    )
        .prop_map(|(inbound, gateway, clusters, endpoints)| Snapshot {
            inbound,
            gateway,
            routes: BTreeMap::new(),
            clusters,
            endpoints,
        })
}

proptest! {
    #[test]
    fn a_delta_leads_from_any_snapshot_to_any_other(old in snapshot(), new in snapshot()) {
        let update = Update { version: 2, base: Some(1), delta: old.delta_to(&new) };
        let line = serde_json::to_string(&update).expect("plain data");
        let received: Update = serde_json::from_str(&line).expect("what was written can be read");
        prop_assert_eq!(old.with(received.delta), new);
    }

    #[test]
    fn equal_snapshots_have_an_empty_delta(snapshot in snapshot()) {
        prop_assert_eq!(snapshot.delta_to(&snapshot), hallway_model::snapshot::Delta::default());
    }
}
