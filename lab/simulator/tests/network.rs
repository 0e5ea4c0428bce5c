//! What the network does to segments.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hallway_host::{Host, Listener, Stream};
use hallway_simulator::{Link, Machine, Network, Options, SegmentKind, Simulation};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

const STEADY: Link = Link {
    latency: Duration::from_millis(10),
    jitter: Duration::ZERO,
    bandwidth: None,
    loss: 0.0,
};
const MEGABYTE: usize = 1_000_000;

/// Two machines with a link of ten milliseconds each way.
struct Lab {
    simulation: Simulation,
    network: Network,
    one: Machine,
    two: Machine,
    client: Host,
    server: Host,
}

impl Lab {
    fn new() -> Self {
        Self::with(Options {
            link: STEADY,
            ..Options::default()
        })
    }

    fn with(options: Options) -> Self {
        let simulation = Simulation::new(options);
        let (one, two) = (simulation.machine("one"), simulation.machine("two"));
        Self {
            network: simulation.network(),
            client: one.process("client").host(),
            server: two.process("server").host(),
            simulation,
            one,
            two,
        }
    }

    fn address(&self) -> SocketAddr {
        (self.two.address(), 80).into()
    }

    async fn listen(&self) -> Listener {
        self.server.listen(self.address()).await.expect("a free port")
    }

    async fn pair(&self) -> (Stream, Stream) {
        let mut listener = self.listen().await;
        let client = self
            .client
            .connect(self.address())
            .await
            .expect("somebody listens");
        (client, listener.accept().await.0)
    }

    fn set_both(&self, link: Link) {
        self.network.set_link(&self.one, &self.two, link);
        self.network.set_link(&self.two, &self.one, link);
    }
}

async fn took<T>(work: impl Future<Output = T>) -> (Duration, T) {
    let start = Instant::now();
    let result = work.await;
    (start.elapsed(), result)
}

async fn transfer(client: &mut Stream, server: &mut Stream, length: usize) -> Duration {
    let sent = vec![7; length];
    let mut received = vec![0; length];
    let transfer = async { tokio::join!(client.write_all(&sent), server.read_exact(&mut received)) };
    let (time, (written, read)) = took(transfer).await;
    written.expect("an open connection");
    read.expect("enough bytes");
    time
}

#[test]
fn a_connection_takes_a_round_trip_and_a_message_half_of_one() {
    let lab = Lab::new();
    lab.simulation.run(async {
        let mut listener = lab.listen().await;
        let (time, client) = took(lab.client.connect(lab.address())).await;
        assert_eq!(time, Duration::from_millis(20));
        let (time, (mut server, _)) = took(listener.accept()).await;
        assert_eq!(time, Duration::from_millis(10), "the last part of the handshake");
        let mut client = client.expect("somebody listens");
        assert_eq!(
            transfer(&mut client, &mut server, 1).await,
            Duration::from_millis(10)
        );
    });
}

#[test]
fn a_refusal_takes_a_round_trip() {
    let lab = Lab::new();
    lab.simulation.run(async {
        let (time, refused) = took(lab.client.connect(lab.address())).await;
        assert_eq!(
            refused.err().map(|error| error.kind()),
            Some(ErrorKind::ConnectionRefused)
        );
        assert_eq!(time, Duration::from_millis(20));
    });
}

#[test]
fn an_address_without_a_machine_is_unreachable() {
    let lab = Lab::new();
    lab.simulation.run(async {
        let nowhere = SocketAddr::from(([10, 9, 9, 9], 80));
        let error = lab.client.connect(nowhere).await.err().expect("nobody is there");
        assert_eq!(error.kind(), ErrorKind::HostUnreachable);
    });
}

#[test]
fn latencies_below_a_millisecond_are_exact_and_do_not_delay_timers() {
    let lab = Lab::new();
    lab.set_both(Link {
        latency: Duration::from_nanos(123_456),
        ..STEADY
    });
    lab.simulation.run(async {
        let (mut client, mut server) = lab.pair().await;
        for _ in 0..100 {
            assert_eq!(
                transfer(&mut client, &mut server, 1).await,
                Duration::from_nanos(123_456)
            );
        }
        let start = lab.simulation.elapsed();
        tokio::time::sleep(Duration::from_millis(5)).await;
        let slept = lab.simulation.elapsed() - start;
        assert!((5_000_000..6_000_000).contains(&slept.as_nanos()), "{slept:?}");
        assert_eq!(lab.simulation.elapsed().subsec_nanos() % 1_000_000, 0);
    });
}

#[test]
fn jitter_spreads_arrivals_but_keeps_their_order() {
    let lab = Lab::new();
    lab.set_both(Link {
        jitter: Duration::from_millis(10),
        ..STEADY
    });
    lab.simulation.run(async {
        let (mut client, mut server) = lab.pair().await;
        let mut times = Vec::new();
        for _ in 0..50 {
            times.push(transfer(&mut client, &mut server, 1).await);
        }
        let (least, most) = (times.iter().min(), times.iter().max());
        assert!(
            least.is_some_and(|least| (10..12).contains(&least.as_millis())),
            "{least:?}"
        );
        assert!(
            most.is_some_and(|most| (18..=20).contains(&most.as_millis())),
            "{most:?}"
        );

        for number in 0..100 {
            client.write_u8(number).await.expect("an open connection");
        }
        for number in 0..100 {
            assert_eq!(server.read_u8().await.expect("enough bytes"), number);
        }
    });
}

#[test]
fn bandwidth_is_shared_by_all_connections_of_a_direction() {
    let lab = Lab::new();
    lab.set_both(Link {
        bandwidth: NonZeroU64::new(MEGABYTE as u64),
        ..STEADY
    });
    lab.simulation.run(async {
        let (mut client, mut server) = lab.pair().await;
        let alone = transfer(&mut client, &mut server, 100_000).await;
        assert_eq!(
            alone,
            Duration::from_millis(110),
            "100 kB at 1 MB/s, and the latency"
        );

        let (mut other_client, mut other_server) = lab.pair().await;
        let both = async {
            tokio::join!(
                transfer(&mut client, &mut server, 100_000),
                transfer(&mut other_client, &mut other_server, 100_000),
            )
        };
        let (time, _) = took(both).await;
        assert_eq!(time, Duration::from_millis(210));

        let both_ways = async {
            tokio::join!(
                transfer(&mut client, &mut server, 100_000),
                transfer(&mut other_server, &mut other_client, 100_000),
            )
        };
        let (time, _) = took(both_ways).await;
        assert_eq!(time, Duration::from_millis(110), "directions are independent");
    });
}

#[test]
fn loss_delays_by_doubling_timeouts_and_loses_nothing() {
    let lab = Lab::new();
    lab.simulation.run(async {
        let (mut client, mut server) = lab.pair().await;
        lab.set_both(Link { loss: 0.5, ..STEADY });
        let mut losses = [0_usize; 4];
        for _ in 0..400 {
            let delay = transfer(&mut client, &mut server, 1).await - STEADY.latency;
            let times = [0, 200, 600, 1400]
                .iter()
                .position(|delay_ms| delay.as_millis() == *delay_ms);
            match times {
                Some(times) => losses[times] += 1,
                None => assert!(delay.as_millis() >= 3000, "{delay:?}"),
            }
        }
        // One half, one quarter, one eighth …
        assert!((160..240).contains(&losses[0]), "{losses:?}");
        assert!((70..130).contains(&losses[1]), "{losses:?}");
        assert!((25..75).contains(&losses[2]), "{losses:?}");
        assert!((8..45).contains(&losses[3]), "{losses:?}");
    });
}

#[test]
fn large_segments_are_lost_more_often_than_small_ones() {
    let lab = Lab::new();
    lab.simulation.run(async {
        let (mut client, mut server) = lab.pair().await;
        lab.set_both(Link { loss: 0.02, ..STEADY });
        let mut late = [0, 0];
        for _ in 0..300 {
            for (late, length) in late.iter_mut().zip([1, 40 * 1460]) {
                *late += usize::from(transfer(&mut client, &mut server, length).await > STEADY.latency);
            }
        }
        assert!(late[0] < 20, "2% of 300: {late:?}");
        assert!((130..200).contains(&late[1]), "1 - 0.98⁴⁰ = 55% of 300: {late:?}");
    });
}

#[test]
fn a_cut_holds_back_one_direction_until_it_is_healed() {
    let lab = Lab::new();
    lab.simulation.run(async {
        let (mut client, mut server) = lab.pair().await;
        client
            .write_all(b"in flight, ")
            .await
            .expect("an open connection");
        lab.network.cut(&lab.one, &lab.two);
        client.write_all(b"held, ").await.expect("the kernel buffers");
        server.write_all(b"other way").await.expect("an open connection");

        let mut buffer = [0; 9];
        client
            .read_exact(&mut buffer)
            .await
            .expect("this direction is whole");
        assert_eq!(&buffer, b"other way");
        let nothing = timeout(Duration::from_secs(60), server.read_u8()).await;
        assert!(nothing.is_err(), "nothing passes");

        lab.network.heal(&lab.one, &lab.two);
        client.write_all(b"free").await.expect("an open connection");
        let mut buffer = [0; 21];
        let (time, read) = took(server.read_exact(&mut buffer)).await;
        read.expect("everything arrives");
        assert_eq!(&buffer, b"in flight, held, free");
        assert_eq!(time, Duration::from_millis(10));
    });
}

#[test]
fn a_connect_through_a_cut_hangs_until_it_is_healed() {
    for (from, to) in [("one", "two"), ("two", "one")] {
        let lab = Lab::new();
        let (from, to) = (lab.simulation.machine(from), lab.simulation.machine(to));
        lab.simulation.run(async {
            let _listener = lab.listen().await;
            lab.network.cut(&from, &to);
            let heal = async {
                tokio::time::sleep(Duration::from_secs(100)).await;
                lab.network.heal(&from, &to);
            };
            let (connect, ()) = tokio::join!(took(lab.client.connect(lab.address())), heal);
            connect.1.expect("it comes through at last");
            assert!(connect.0 >= Duration::from_secs(100) && connect.0 <= Duration::from_millis(100_020));
        });
    }
}

#[test]
fn a_connect_through_a_cut_times_out_after_127_seconds_and_leaves_nothing() {
    let lab = Lab::new();
    lab.simulation.run(async {
        let mut listener = lab.listen().await;
        lab.network.cut(&lab.one, &lab.two);
        let (time, connect) = took(lab.client.connect(lab.address())).await;
        assert_eq!(connect.err().map(|error| error.kind()), Some(ErrorKind::TimedOut));
        assert_eq!(time, Duration::from_secs(127));
        lab.network.heal(&lab.one, &lab.two);
        assert!(
            timeout(Duration::from_secs(300), listener.accept())
                .await
                .is_err()
        );
    });
}

#[test]
fn a_sender_gives_up_on_a_cut_that_lasts_too_long() {
    let lab = Lab::new();
    lab.simulation.run(async {
        let (mut client, _server) = lab.pair().await;
        lab.network.cut(&lab.one, &lab.two);
        client
            .write_all(b"into the void")
            .await
            .expect("the kernel buffers");
        let (time, read) = took(client.read_u8()).await;
        assert_eq!(read.map_err(|error| error.kind()), Err(ErrorKind::TimedOut));
        assert_eq!(time, Duration::from_millis(924_610));
    });
}

#[test]
fn a_reader_does_not_give_up_because_its_acknowledgement_is_held() {
    let lab = Lab::new();
    lab.simulation.run(async {
        let (mut client, mut server) = lab.pair().await;
        lab.network.cut(&lab.two, &lab.one);
        transfer(&mut client, &mut server, 200_000).await;
        assert!(
            timeout(Duration::from_secs(3600), server.read_u8())
                .await
                .is_err()
        );
        lab.network.heal(&lab.two, &lab.one);
        transfer(&mut client, &mut server, 1_000_000).await;
    });
}

#[test]
fn a_full_backlog_makes_clients_repeat_their_request() {
    let lab = Lab::with(Options {
        backlog: 2,
        link: STEADY,
        ..Options::default()
    });
    lab.simulation.run(async {
        let mut listener = lab.listen().await;
        let _first = lab.client.connect(lab.address()).await.expect("room for two");
        let _second = lab.client.connect(lab.address()).await.expect("room for two");
        let make_room = async {
            tokio::time::sleep(Duration::from_millis(2500)).await;
            listener.accept().await
        };
        let (third, _) = tokio::join!(took(lab.client.connect(lab.address())), make_room);
        third.1.expect("room at last");
        assert_eq!(
            third.0,
            Duration::from_millis(3020),
            "asked after 0, 1 and 3 seconds"
        );
    });
}

#[test]
fn a_reset_from_the_middle_reaches_both_ends() {
    let lab = Lab::new();
    lab.simulation.run(async {
        let (mut client, mut server) = lab.pair().await;
        lab.network.reset(&lab.two, &lab.one);
        for stream in [&mut client, &mut server] {
            let error = stream.read_u8().await.expect_err("the connection is broken");
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
    });
}

#[test]
fn the_wire_shows_every_segment() {
    let lab = Lab::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    lab.network.on_segment(move |segment| {
        let bytes = String::from_utf8_lossy(segment.bytes).into_owned();
        let line = (
            segment.at.as_millis(),
            segment.from_machine.to_owned(),
            segment.kind,
            bytes,
        );
        log.lock().expect("not poisoned").push(line);
    });
    lab.simulation.run(async {
        let (mut client, mut server) = lab.pair().await;
        client.write_all(b"secret").await.expect("an open connection");
        server.read_exact(&mut [0; 6]).await.expect("enough bytes");
        drop(client);
        assert_eq!(server.read(&mut [0]).await.expect("an orderly close"), 0);
        drop(server);
    });
    let seen = std::mem::take(&mut *seen.lock().expect("not poisoned"));
    let expected = [
        (0, "one", SegmentKind::Syn, ""),
        (10, "two", SegmentKind::SynAck, ""),
        (20, "one", SegmentKind::Ack, ""),
        (30, "one", SegmentKind::Data, "secret"),
        (40, "one", SegmentKind::Fin, ""),
        (50, "two", SegmentKind::Fin, ""),
    ];
    assert_eq!(
        seen,
        expected.map(|(at, from, kind, bytes)| (at, from.to_owned(), kind, bytes.to_owned()))
    );
}

#[test]
fn loopback_belongs_to_the_machine() {
    let lab = Lab::new();
    lab.simulation.run(async {
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        let _listener = lab.server.listen(address).await.expect("a free port");
        let neighbour = lab.two.process("neighbour").host();
        neighbour.connect(address).await.expect("the same machine");
        let error = lab.client.connect(address).await.err().expect("another machine");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}
