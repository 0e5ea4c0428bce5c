use std::time::Duration;

use hallway_evidence::{Closed, WireConnection};
use hallway_host::{Host, Listener, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Edge, Wire};
use crate::clock::Clock;

const MARKER: &str = "5eed5eed5eed5eed";

struct Fixture {
    host: Host,
    wire: Wire,
    target: Listener,
    downstream: Stream,
    upstream: Stream,
}

impl Fixture {
    /// A connection over one edge, with both of its ends.
    async fn connected() -> Self {
        let host = Host::real_unseeded();
        let wire = Wire::new(host.clone(), Clock::start(&host), MARKER);
        let mut target = host.listen(([127, 0, 0, 1], 0).into()).await.unwrap();
        let relay = wire.relay(edge(&target)).await.unwrap();
        let downstream = host.connect(relay).await.unwrap();
        let (upstream, _) = target.accept().await;
        Self {
            host,
            wire,
            target,
            downstream,
            upstream,
        }
    }

    /// What the wire saw of the connection, once that has ended.
    async fn seen(self) -> WireConnection {
        drop((self.downstream, self.upstream, self.target, self.host));
        ended(&self.wire).await
    }
}

fn edge(target: &Listener) -> Edge {
    Edge {
        from: "orders-1".to_owned(),
        to: "payments-1".to_owned(),
        target: target.local_address().unwrap(),
    }
}

/// The only connection of `wire`, once it has ended.
async fn ended(wire: &Wire) -> WireConnection {
    let poll = async {
        loop {
            if let [only] = &wire.edges.lock()[..]
                && only.closed.is_some()
            {
                return only.clone();
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), poll)
        .await
        .expect("the connection ends")
}

#[tokio::test]
async fn each_direction_ends_by_itself() {
    let mut both = Fixture::connected().await;
    let downstream = both.downstream.local_address().unwrap();
    let upstream = both.upstream.peer_address().unwrap();
    both.downstream.write_all(b"question").await.unwrap();
    both.downstream.shutdown().await.unwrap();
    let mut text = String::new();
    both.upstream.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "question");
    both.upstream.write_all(b"a longer answer").await.unwrap();
    both.upstream.shutdown().await.unwrap();
    text.clear();
    both.downstream.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "a longer answer");

    let seen = both.seen().await;
    assert_eq!(seen.closed, Some(Closed::Orderly));
    assert_eq!((seen.bytes_up, seen.bytes_down), (8, 15));
    assert_eq!((seen.from.as_str(), seen.to.as_str()), ("orders-1", "payments-1"));
    assert_eq!(seen.downstream_address, downstream);
    assert_eq!(seen.upstream_address, Some(upstream));
    assert!(seen.opened_us <= seen.closed_us.unwrap());
    assert!(!seen.tls);
}

#[tokio::test]
async fn a_marker_is_seen_across_segments_and_in_either_direction() {
    let mut both = Fixture::connected().await;
    let (head, tail) = MARKER.split_at(7);
    both.upstream.write_all(head.as_bytes()).await.unwrap();
    let mut read = [0; 7];
    both.downstream.read_exact(&mut read).await.unwrap();
    assert!(!both.wire.edges.lock()[0].marker_seen);
    both.upstream.write_all(tail.as_bytes()).await.unwrap();
    assert!(both.seen().await.marker_seen);
}

#[tokio::test]
async fn tls_records_are_counted_both_ways() {
    let mut both = Fixture::connected().await;
    both.downstream.write_all(&[22, 3, 1, 0, 2, 1, 1]).await.unwrap();
    both.downstream.write_all(&[23, 3, 3, 0, 1, 9]).await.unwrap();
    both.downstream.shutdown().await.unwrap();
    both.upstream
        .write_all(&[23, 3, 3, 0, 1, 9, 23, 3, 3, 0, 0])
        .await
        .unwrap();
    both.upstream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    both.downstream.read_to_end(&mut answer).await.unwrap();
    both.upstream.read_to_end(&mut answer).await.unwrap();
    let seen = both.seen().await;
    assert!(seen.tls);
    assert_eq!(seen.application_records, 3);
}

#[tokio::test]
async fn a_reset_stays_a_reset() {
    let mut both = Fixture::connected().await;
    both.upstream.reset_on_close().unwrap();
    both.upstream = both
        .host
        .connect(both.target.local_address().unwrap())
        .await
        .unwrap();
    let error = both.downstream.read(&mut [0]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(both.seen().await.closed, Some(Closed::Reset));
}

#[tokio::test]
async fn what_was_sent_before_a_reset_still_arrives() {
    let mut both = Fixture::connected().await;
    both.upstream.write_all(b"alert").await.unwrap();
    both.upstream.reset_on_close().unwrap();
    both.upstream = both
        .host
        .connect(both.target.local_address().unwrap())
        .await
        .unwrap();
    let mut alert = [0; 5];
    both.downstream.read_exact(&mut alert).await.unwrap();
    assert_eq!(&alert, b"alert");
    assert_eq!(both.seen().await.closed, Some(Closed::Reset));
}

#[tokio::test]
async fn a_target_that_refuses_is_mirrored_by_a_reset() {
    let host = Host::real_unseeded();
    let wire = Wire::new(host.clone(), Clock::start(&host), MARKER);
    let target = host.listen(([127, 0, 0, 1], 0).into()).await.unwrap();
    let edge = edge(&target);
    drop(target);
    let relay = wire.relay(edge).await.unwrap();
    // The reset may arrive before the connection is reported to the caller, or after.
    if let Ok(mut downstream) = host.connect(relay).await {
        let error = downstream.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    let seen = ended(&wire).await;
    assert_eq!(
        (seen.closed, seen.upstream_address),
        (Some(Closed::Refused), None)
    );
}

#[tokio::test]
async fn a_receiver_that_does_not_read_holds_the_sender_back() {
    let mut both = Fixture::connected().await;
    let chunk = vec![b'x'; 1 << 20];
    let mut sent = 0;
    while let Ok(written) =
        tokio::time::timeout(Duration::from_millis(200), both.downstream.write(&chunk)).await
    {
        sent += written.unwrap();
        assert!(sent < 256 << 20, "the relay swallows everything");
    }
}

#[tokio::test]
async fn cutting_the_wire_ends_open_connections() {
    let mut both = Fixture::connected().await;
    let seen = both.wire.cut().await;
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].closed, seen[0].closed_us), (None, None));
    assert_eq!(both.upstream.read(&mut [0]).await.unwrap(), 0);
}

mod faults;
