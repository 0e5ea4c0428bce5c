use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hallway_host::Host;
use hallway_identity::{Authority, PeerCertificate};
use hallway_model::TrustDomain;
use hallway_model::bootstrap::Admission;
use hallway_model::discovery::{Acknowledgement, Update};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{ANSWER_TIMEOUT, DiscoveryStream, GATHERING, StreamEnd};
use crate::api::{RegisterWorkload, WorkloadEndpoint};
use crate::plane::ControlPlane;

const AN_HOUR: Duration = Duration::from_secs(3600);

/// A control plane that knows `orders-1`, and the certificate of its proxy.
fn plane() -> (Arc<ControlPlane>, PeerCertificate) {
    plane_of(1)
}

/// A control plane that knows `orders-1` and so on, and the certificate of all of their proxies.
fn plane_of(workloads: u16) -> (Arc<ControlPlane>, PeerCertificate) {
    let host = Host::real_unseeded();
    let authority = Authority::new(&host, TrustDomain::new("hallway.test").expect("a trust domain"));
    let bundle = authority.bundle();
    let now = host.wall_clock();
    let plane = ControlPlane::new(host, authority, bundle, AN_HOUR, Admission::Enforce);
    let register = |number| {
        let request = RegisterWorkload {
            name: format!("orders-{number}"),
            namespace: "shop".to_owned(),
            service: "orders".to_owned(),
            service_account: "orders".to_owned(),
            gateway: None,
        };
        plane.register(request).expect("it is registered").identity
    };
    let identity = (1..=workloads).map(register).last().expect("a workload");
    let peer = PeerCertificate {
        identity,
        not_before: now,
        not_after: now + AN_HOUR,
        serial: "01".to_owned(),
    };
    (Arc::new(plane), peer)
}

/// The open stream of `orders-1`: its lines, and how it is cut.
fn open(plane: &Arc<ControlPlane>, peer: &PeerCertificate) -> (mpsc::Receiver<Bytes>, CancellationToken) {
    open_of("orders-1", plane, peer)
}

fn open_of(
    proxy: &str,
    plane: &Arc<ControlPlane>,
    peer: &PeerCertificate,
) -> (mpsc::Receiver<Bytes>, CancellationToken) {
    let stream = DiscoveryStream::open(plane, proxy, peer.clone()).expect("a stream");
    let (lines, received) = mpsc::channel(1);
    let cut = CancellationToken::new();
    let end = StreamEnd {
        at: Instant::now() + AN_HOUR,
        cut: cut.clone(),
    };
    plane.host.spawn(stream.feed(lines, end));
    (received, cut)
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_never_answers_is_cut_off() {
    let (plane, peer) = plane();
    let start = Instant::now();
    let (mut lines, cut) = open(&plane, &peer);
    lines.recv().await.expect("a first update");
    cut.cancelled().await;
    assert_eq!(start.elapsed(), ANSWER_TIMEOUT);
    assert!(lines.recv().await.is_none());
    assert!(!plane.status().proxies["orders-1"].connected);
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_answers_may_be_silent_as_long_as_it_likes() {
    let (plane, peer) = plane();
    let (mut lines, cut) = open(&plane, &peer);
    let line = lines.recv().await.expect("a first update");
    let update: Update = serde_json::from_slice(&line).expect("an update");
    tokio::time::sleep(ANSWER_TIMEOUT - Duration::from_millis(1)).await;
    let answer = Acknowledgement {
        proxy: "orders-1".to_owned(),
        version: update.version,
        refused: None,
    };
    plane.acknowledge(&peer, answer).expect("it is awaited");
    tokio::time::sleep(10 * ANSWER_TIMEOUT).await;
    assert!(!cut.is_cancelled());
    assert!(plane.status().proxies["orders-1"].connected);
}

/// Reads an update and accepts it.
async fn accept(
    proxy: &str,
    plane: &ControlPlane,
    peer: &PeerCertificate,
    lines: &mut mpsc::Receiver<Bytes>,
) -> Update {
    let line = lines.recv().await.expect("an update");
    let update: Update = serde_json::from_slice(&line).expect("an update");
    let answer = Acknowledgement {
        proxy: proxy.to_owned(),
        version: update.version,
        refused: None,
    };
    plane.acknowledge(peer, answer).expect("it is awaited");
    update
}

#[tokio::test(start_paused = true)]
async fn a_change_is_told_at_once_and_those_after_it_are_gathered() {
    let (plane, peer) = plane_of(100);
    let mut streams = Vec::new();
    for number in 1..=100 {
        streams.push(open_of(&format!("orders-{number}"), &plane, &peer));
    }
    let (lines, _) = &mut streams[0];
    accept("orders-1", &plane, &peer, lines).await;
    tokio::time::sleep(Duration::from_millis(10)).await;

    let place = |port: u16| {
        let endpoint = WorkloadEndpoint {
            inbound: ([127, 0, 0, 1], port).into(),
            application: ([127, 0, 0, 1], port).into(),
            ready: true,
            sidecar: true,
            seen_from: Default::default(),
        };
        plane
            .set_endpoint("orders-1", endpoint)
            .expect("it is registered");
    };
    let start = Instant::now();
    place(1);
    let first = accept("orders-1", &plane, &peer, lines).await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    place(2);
    tokio::time::sleep(Duration::from_millis(5)).await;
    place(3);
    let second = accept("orders-1", &plane, &peer, lines).await;
    assert_eq!(start.elapsed(), 100 * GATHERING);
    assert_eq!(second.version, first.version + 2, "two changes in one update");
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_leaves_is_forgotten() {
    let (plane, peer) = plane();
    let (mut lines, cut) = open(&plane, &peer);
    lines.recv().await.expect("a first update");
    drop(lines);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(!plane.status().proxies["orders-1"].connected);
    assert!(!cut.is_cancelled());
}
