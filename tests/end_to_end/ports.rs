//! A port that somebody else has.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use hallway_config::Admission;
use hallway_model::bootstrap::{
    AdminEndpoint, ControlBootstrap, ControlPlaneAddress, GatewayPort, Listeners, ProxyBootstrap,
    ProxyLimits, Token,
};
use hallway_model::telemetry::ControlRecord;
use hallway_model::{SpiffeId, TrustDomain};
use hallway_service::contract;
use serde::Serialize;

use crate::program::{Program, hallway, settled};

const FREE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

#[tokio::test]
async fn a_control_plane_says_which_port_it_cannot_have() {
    let (_held, taken) = held();
    let discovery = ControlBootstrap {
        discovery: taken,
        ..control_plane()
    };
    let admin = ControlBootstrap {
        admin: admin_at(taken),
        ..control_plane()
    };
    let said = [
        complaint("control-plane", &discovery).await,
        complaint("control-plane", &admin).await,
    ]
    .concat();
    settled().bind(|| {
        insta::assert_snapshot!(said, @"
        error: cannot listen on [address] for discovery: Address already in use (os error 98); choose another address, or port 0 for a free one
        error: cannot listen on [address] for its admin endpoint: Address already in use (os error 98); choose another address, or port 0 for a free one
        ");
    });
}

#[tokio::test]
async fn a_proxy_says_which_port_it_cannot_have() {
    let (_held, taken) = held();
    let mut control = role("control-plane", &control_plane()).start().await;
    let free = proxy(&control.next_line().await);
    let listening = |outbound, inbound| ProxyBootstrap {
        listeners: Listeners::Sidecar { outbound, inbound },
        ..free.clone()
    };
    let (outbound, inbound) = (listening(taken, FREE), listening(FREE, taken));
    let port = GatewayPort {
        port: 443,
        address: taken,
    };
    let gateway = ProxyBootstrap {
        listeners: Listeners::Gateway(vec![port]),
        ..free.clone()
    };
    let admin = ProxyBootstrap {
        admin: admin_at(taken),
        ..free
    };
    let mut said = String::new();
    for bootstrap in [outbound, inbound, gateway, admin] {
        said += &complaint("proxy", &bootstrap).await;
    }
    control.ended().await.quietly(0);
    settled().bind(|| {
        insta::assert_snapshot!(said, @"
        error: the outbound listener cannot be opened at [address]: Address already in use (os error 98); choose another address, or port 0 for a free one
        error: the inbound listener cannot be opened at [address]: Address already in use (os error 98); choose another address, or port 0 for a free one
        error: the gateway listener cannot be opened at [address]: Address already in use (os error 98); choose another address, or port 0 for a free one
        error: the admin listener cannot be opened at [address]: Address already in use (os error 98); choose another address, or port 0 for a free one
        ");
    });
}

#[tokio::test]
async fn a_service_says_which_port_it_cannot_have() {
    let (_held, taken) = held();
    let bootstrap = contract::Bootstrap {
        service: "payments".to_owned(),
        version: "v1".to_owned(),
        instance: "payments-1".to_owned(),
        listen: taken,
        protocol: contract::Protocol::Http1,
        control: contract::ControlEndpoint {
            listen: FREE,
            token: "a token of the test".to_owned(),
        },
        proxy: None,
        addresses: std::collections::BTreeMap::new(),
        calls: Vec::new(),
        call_order: contract::CallOrder::Sequence,
        behaviour: contract::Behaviour::default(),
        seed: 1,
        first_calls: Vec::new(),
    };
    let said = complaint("service", &bootstrap).await;
    settled().bind(|| {
        insta::assert_snapshot!(said, @"error: cannot serve the application at [address]: Address already in use (os error 98); is the port in use?");
    });
}

#[tokio::test]
async fn a_bootstrap_that_makes_no_sense_is_refused() {
    let mut said = String::new();
    for input in ["", "{}\n", "GET / HTTP/1.1\n"] {
        said += &hallway(["proxy"])
            .input(input.to_owned())
            .run()
            .await
            .complaint(2);
    }
    insta::assert_snapshot!(said, @"
    error: the bootstrap on standard input is unusable: EOF while parsing a value at line 1 column 0
    error: the bootstrap on standard input is unusable: missing field `workload` at line 1 column 2
    error: the bootstrap on standard input is unusable: expected value at line 1 column 1
    ");
}

/// A port of this test's, for as long as the listener lives.
fn held() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(FREE).expect("some port is free");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

/// What a role says that cannot do what `bootstrap` asks for.
async fn complaint(name: &str, bootstrap: &impl Serialize) -> String {
    let ended = role(name, bootstrap).run().await;
    assert_eq!(ended.stdout, "", "a role that cannot listen leaves no record");
    ended.complaint(3)
}

fn role(name: &str, bootstrap: &impl Serialize) -> Program {
    let bootstrap = serde_json::to_string(bootstrap).expect("a bootstrap is plain data");
    hallway([name]).input(bootstrap + "\n")
}

fn control_plane() -> ControlBootstrap {
    ControlBootstrap {
        trust_domain: TrustDomain::new("hallway.test").expect("it is a trust domain"),
        discovery: FREE,
        admin: admin_at(FREE),
        rules: None,
        secrets: Vec::new(),
        admission: Admission::Enforce,
        authority: None,
        svid_lifetime: Duration::from_secs(3600),
        federated_bundles: Vec::new(),
        seed: 1,
    }
}

/// A proxy of the control plane that left `record`.
fn proxy(record: &str) -> ProxyBootstrap {
    let record = serde_json::from_str(record).expect("it is a record");
    let ControlRecord::Listening {
        discovery,
        identity,
        bundle,
        ..
    } = record
    else {
        panic!("the first record says where it listens: {record:?}");
    };
    ProxyBootstrap {
        workload: "orders-1".to_owned(),
        identity: "spiffe://hallway.test/ns/shop/sa/orders"
            .parse::<SpiffeId>()
            .expect("it is an identity"),
        listeners: Listeners::Sidecar {
            outbound: FREE,
            inbound: FREE,
        },
        admin: admin_at(FREE),
        control_plane: ControlPlaneAddress {
            address: discovery,
            identity,
            bundle,
        },
        join_token: Token("a token that nobody minted".to_owned()),
        access_log: true,
        access_log_headers: Vec::new(),
        workers: 1,
        limits: ProxyLimits::default(),
        drain: Duration::ZERO,
        seed: 1,
    }
}

fn admin_at(listen: SocketAddr) -> AdminEndpoint {
    AdminEndpoint {
        listen,
        token: Token("a token of the test".to_owned()),
    }
}
