//! Faults of the wire: in virtual time where time matters, on real sockets where the kernel does.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use hallway_host::{Host, Listener, Stream};
use hallway_simulator::{Options, Simulation};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};

use super::{MARKER, edge};
use crate::clock::Clock;
use crate::faults::LinkChange::{Bandwidth, Cut, Delay, Heal};
use crate::wire::Wire;

const UP: (&str, &str) = ("orders-1", "payments-1");
const DOWN: (&str, &str) = ("payments-1", "orders-1");

const AN_HOUR: Duration = Duration::from_secs(3600);

/// Long enough for anything that is not held back, and short enough for a test.
const A_MOMENT: Duration = Duration::from_millis(300);

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// More than the loopback device of a simulated machine and the granularity of timers add.
const MARGIN: Duration = Duration::from_millis(5);

/// One edge.
struct Fixture {
    host: Host,
    wire: Wire,
    target: Listener,
    relay: SocketAddr,
}

impl Fixture {
    async fn new(host: Host) -> Self {
        let wire = Wire::new(host.clone(), Clock::start(&host), MARKER);
        let target = host.listen(([127, 0, 0, 1], 0).into()).await.unwrap();
        let relay = wire.relay(edge(&target)).await.unwrap();
        Self {
            host,
            wire,
            target,
            relay,
        }
    }

    /// Both ends of a new connection.
    async fn pair(&mut self) -> (Stream, Stream) {
        let downstream = self.host.connect(self.relay).await.unwrap();
        let (upstream, _) = self.target.accept().await;
        (downstream, upstream)
    }

    fn change(&self, (from, to): (&str, &str), change: crate::faults::LinkChange) {
        self.wire.change_link(from, to, change);
    }
}

/// In virtual time, where an hour is nothing and a timeout tells exactly.
fn simulated<F: Future>(test: impl FnOnce(Host) -> F) -> F::Output {
    let simulation = Simulation::new(Options::default());
    let host = simulation.machine("one").process("all").host();
    simulation.run(test(host))
}

/// How long it takes until `length` bytes have been read.
async fn arrival(stream: &mut Stream, length: usize) -> Duration {
    let start = Instant::now();
    stream.read_exact(&mut vec![0; length]).await.unwrap();
    start.elapsed()
}

fn assert_takes(elapsed: Duration, expected: Duration) {
    assert!(
        expected <= elapsed + MARGIN && elapsed <= expected + expected / 20 + MARGIN,
        "{elapsed:?} instead of {expected:?}"
    );
}

/// Whether nothing at all can be read, for an hour.
async fn hears_nothing(stream: &mut Stream) -> bool {
    timeout(AN_HOUR, stream.read(&mut [0])).await.is_err()
}

#[test]
fn a_delay_is_of_one_direction_and_keeps_the_pace() {
    simulated(|host| async {
        let mut fixture = Fixture::new(host).await;
        let (mut downstream, mut upstream) = fixture.pair().await;
        fixture.change(UP, Delay(Duration::from_secs(1)));
        let write = async {
            for _ in 0..10 {
                downstream.write_all(b"x").await.unwrap();
                sleep(Duration::from_millis(100)).await;
            }
        };
        let read = async {
            assert_takes(arrival(&mut upstream, 1).await, Duration::from_secs(1));
            assert_takes(arrival(&mut upstream, 9).await, Duration::from_millis(900));
        };
        tokio::join!(write, read);
        upstream.write_all(b"x").await.unwrap();
        assert_takes(arrival(&mut downstream, 1).await, Duration::ZERO);
    });
}

#[test]
fn a_delay_is_one_of_opening_too() {
    simulated(|host| async {
        let mut fixture = Fixture::new(host).await;
        fixture.change(UP, Delay(Duration::from_secs(2)));
        fixture.change(DOWN, Delay(Duration::from_secs(3)));
        let start = Instant::now();
        let (mut downstream, mut upstream) = fixture.pair().await;
        assert_takes(start.elapsed(), Duration::from_secs(2));
        downstream.write_all(b"x").await.unwrap();
        arrival(&mut upstream, 1).await;
        // There, back and there again: nobody writes before the connection is established.
        assert_takes(start.elapsed(), Duration::from_secs(7));
    });
}

#[test]
fn what_is_on_its_way_for_long_is_bounded() {
    simulated(|host| async {
        let mut fixture = Fixture::new(host).await;
        let (mut downstream, _upstream) = fixture.pair().await;
        fixture.change(UP, Delay(AN_HOUR));
        let mut sent = 0;
        let chunk = [0; 4096];
        while let Ok(written) = timeout(A_MOMENT, downstream.write(&chunk)).await {
            sent += written.unwrap();
            assert!(sent < 16 << 20, "the relay swallows everything");
        }
    });
}

#[test]
fn a_bandwidth_is_shared_by_all_connections() {
    simulated(|host| async {
        let mut fixture = Fixture::new(host).await;
        let (mut one, mut one_end) = fixture.pair().await;
        let (mut other, mut other_end) = fixture.pair().await;
        fixture.change(UP, Bandwidth(64_000));
        one.write_all(&[0; 64_000]).await.unwrap();
        assert_takes(arrival(&mut one_end, 64_000).await, Duration::from_secs(1));

        one.write_all(&[0; 64_000]).await.unwrap();
        other.write_all(&[0; 64_000]).await.unwrap();
        let (first, second) = tokio::join!(arrival(&mut one_end, 64_000), arrival(&mut other_end, 64_000));
        assert_takes(first.max(second), Duration::from_secs(2));
        assert!(first.min(second) > Duration::from_millis(1900), "they take turns");

        one_end.write_all(&[0; 64_000]).await.unwrap();
        assert_takes(arrival(&mut one, 64_000).await, Duration::ZERO);
    });
}

#[test]
fn healing_frees_what_waits_for_bandwidth() {
    simulated(|host| async {
        let mut fixture = Fixture::new(host).await;
        let (mut downstream, mut upstream) = fixture.pair().await;
        fixture.change(UP, Bandwidth(1));
        downstream.write_all(&[0; 10_000]).await.unwrap();
        let early = timeout(Duration::from_secs(60), upstream.read(&mut [0])).await;
        assert!(early.is_err(), "the first packet takes longer");
        fixture.change(UP, Heal);
        assert_takes(arrival(&mut upstream, 1).await, Duration::ZERO);
    });
}

#[test]
fn a_cut_holds_back_until_it_heals() {
    simulated(|host| async {
        let mut fixture = Fixture::new(host).await;
        let (mut downstream, mut upstream) = fixture.pair().await;
        for direction in [UP, DOWN] {
            fixture.change(direction, Cut);
        }
        downstream.write_all(b"up").await.unwrap();
        upstream.write_all(b"down").await.unwrap();
        assert!(hears_nothing(&mut upstream).await && hears_nothing(&mut downstream).await);

        fixture.change(UP, Heal);
        assert_takes(arrival(&mut upstream, 2).await, Duration::ZERO);
        assert!(
            hears_nothing(&mut downstream).await,
            "the other direction is still cut"
        );
        fixture.change(DOWN, Heal);
        assert_takes(arrival(&mut downstream, 4).await, Duration::ZERO);
    });
}

#[test]
fn an_end_and_a_reset_are_held_back_too() {
    simulated(|host| async {
        let mut fixture = Fixture::new(host).await;
        let (mut downstream, mut upstream) = fixture.pair().await;
        let (mut doomed, doomed_end) = fixture.pair().await;
        fixture.change(DOWN, Cut);
        upstream.shutdown().await.unwrap();
        doomed_end.reset_on_close().unwrap();
        drop(doomed_end);
        assert!(hears_nothing(&mut downstream).await && hears_nothing(&mut doomed).await);

        fixture.change(DOWN, Heal);
        assert_eq!(downstream.read(&mut [0]).await.unwrap(), 0);
        let error = doomed.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_reset_breaks_what_is_open_and_nothing_else() {
    simulated(|host| async {
        let mut fixture = Fixture::new(host).await;
        let (mut downstream, mut upstream) = fixture.pair().await;
        fixture.wire.reset_link("orders-1", "carts-1");
        downstream.write_all(b"x").await.unwrap();
        arrival(&mut upstream, 1).await;

        // Whoever opened it: the order of the names makes no difference.
        fixture.wire.reset_link(DOWN.0, DOWN.1);
        for end in [&mut downstream, &mut upstream] {
            let error = end.read(&mut [0]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
        let (mut downstream, mut upstream) = fixture.pair().await;
        downstream.write_all(b"x").await.unwrap();
        arrival(&mut upstream, 1).await;
    });
}

#[tokio::test]
async fn a_connection_across_a_cut_is_not_established_until_it_heals() {
    for direction in [UP, DOWN] {
        let mut fixture = Fixture::new(Host::real_unseeded()).await;
        fixture.pair().await;
        fixture.change(direction, Cut);
        let got_in = blocked(&fixture).await;
        let given_up = timeout(A_MOMENT, fixture.host.connect(fixture.relay)).await;
        assert!(given_up.is_err(), "it hangs");

        fixture.change(direction, Heal);
        let connected = timeout(PATIENCE, fixture.host.connect(fixture.relay)).await;
        let downstream = connected.expect("it is healed").unwrap();
        let address = downstream.local_address().unwrap();
        let poll = async {
            while !carried(&fixture).contains(&address) {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, poll).await.expect("it is carried");
        assert_eq!(
            carried(&fixture).len(),
            got_in + 2,
            "who gave up has left nothing behind"
        );
    }
}

/// Waits until connections no longer come about, and returns how many still did: the door learns of a cut in its own time.
async fn blocked(fixture: &Fixture) -> usize {
    let mut got_in = 0;
    let poll = async {
        while timeout(A_MOMENT, fixture.host.connect(fixture.relay))
            .await
            .is_ok()
        {
            got_in += 1;
        }
    };
    timeout(PATIENCE, poll)
        .await
        .expect("connections no longer come about");
    got_in
}

/// Where the connections came from that the wire has carried.
fn carried(fixture: &Fixture) -> Vec<SocketAddr> {
    let log = fixture.wire.edges.lock();
    log.iter().map(|seen| seen.downstream_address).collect()
}

#[tokio::test]
async fn who_is_down_refuses_until_it_is_back() {
    let mut fixture = Fixture::new(Host::real_unseeded()).await;
    let (mut downstream, mut upstream) = fixture.pair().await;
    fixture.wire.refuse("payments-1", true);
    let is_refused = async || {
        let connected = fixture.host.connect(fixture.relay).await;
        // Who comes while the door is being shut is reset.
        connected.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    };
    let poll = async { while !is_refused().await {} };
    timeout(PATIENCE, poll).await.expect("it refuses");
    downstream.write_all(b"x").await.unwrap();
    upstream
        .read_exact(&mut [0])
        .await
        .expect("it is the opening that is refused");

    fixture.wire.refuse("payments-1", false);
    let poll = async { while fixture.host.connect(fixture.relay).await.is_err() {} };
    timeout(PATIENCE, poll).await.expect("it is back");
}
