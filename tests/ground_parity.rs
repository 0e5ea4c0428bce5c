//! Sockets behave the same on both grounds: each behaviour is observed on real sockets and in the simulator, and expected to be the same.
//!
//! - [`relay`]: the wire relay between real sockets, which should change nothing; what it changes is listed there
//! - [`faults`]: links that fail, where the relay stands for the network

use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hallway_host::{Host, Listener, Stream};
use hallway_simulator::{Options, Simulation};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[path = "ground_parity/faults.rs"]
mod faults;
#[path = "ground_parity/relay.rs"]
mod relay;

use faults::Network;
use relay::Relays;

/// Two programs, and where one of them may listen.
#[derive(Clone)]
struct Ground {
    client: Host,
    server: Host,
    address: SocketAddr,
    between: Between,
}

/// What is between the two programs.
#[derive(Clone)]
enum Between {
    /// Nothing that a test could change.
    Loopback,
    /// The relays of the wire.
    Relays(Relays),
    /// The simulated network.
    Network(Network),
}

/// What was seen, line by line.
type Observations = Vec<String>;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(10);
const LARGE: usize = 16 * 1024 * 1024;

fn on_real_sockets<F: Future<Output = Observations>>(behaviour: impl Fn(Ground) -> F) -> Observations {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let ground = Ground {
            client: Host::real_unseeded(),
            server: Host::real_unseeded(),
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            between: Between::Loopback,
        };
        tokio::time::timeout(PATIENCE, behaviour(ground))
            .await
            .expect("it hangs on real sockets")
    })
}

fn through_relays<F: Future<Output = Observations>>(behaviour: impl Fn(Ground) -> F) -> Observations {
    on_real_sockets(|direct| {
        behaviour(Ground {
            between: Between::Relays(Relays::new(&direct.client)),
            ..direct
        })
    })
}

fn on_one_machine<F: Future<Output = Observations>>(behaviour: impl Fn(Ground) -> F) -> Observations {
    let simulation = Simulation::new(Options::default());
    let machine = simulation.machine("one");
    let ground = Ground {
        client: machine.process("client").host(),
        server: machine.process("server").host(),
        address: (Ipv4Addr::LOCALHOST, 0).into(),
        between: Between::Loopback,
    };
    simulate(&simulation, behaviour(ground))
}

fn on_two_machines<F: Future<Output = Observations>>(behaviour: impl Fn(Ground) -> F) -> Observations {
    let simulation = Simulation::new(Options::default());
    let (client, server) = (simulation.machine("one"), simulation.machine("two"));
    let ground = Ground {
        client: client.process("client").host(),
        server: server.process("server").host(),
        address: (server.address(), 0).into(),
        between: Between::Network(Network::new(&simulation, client, server)),
    };
    simulate(&simulation, behaviour(ground))
}

fn simulate(simulation: &Simulation, behaviour: impl Future<Output = Observations>) -> Observations {
    simulation.run(async {
        tokio::time::timeout(PATIENCE, behaviour)
            .await
            .expect("it hangs in the simulator")
    })
}

/// Expects the same of all grounds, without a relay.
fn expect_directly<F: Future<Output = Observations>>(behaviour: impl Fn(Ground) -> F, expected: &[String]) {
    assert_eq!(on_real_sockets(&behaviour), expected, "on real sockets");
    assert_eq!(
        on_one_machine(&behaviour),
        expected,
        "in the simulator, on one machine"
    );
    assert_eq!(
        on_two_machines(&behaviour),
        expected,
        "in the simulator, on two machines"
    );
}

/// Makes one test of each behaviour, with what is to be seen on every ground, and through a relay.
macro_rules! behaviours {
    ($($name:ident => [$($expected:expr),* $(,)?];)*) => {$(
        #[test]
        fn $name() {
            let expected: Observations = vec![$($expected.to_string()),*];
            expect_directly(behaviour::$name, &expected);
            assert_eq!(through_relays(behaviour::$name), expected, "through a relay");
        }
    )*};
}

/// The same, of what a relay changes: see [`relay`].
macro_rules! behaviours_without_relay {
    ($($name:ident => [$($expected:expr),* $(,)?];)*) => {$(
        #[test]
        fn $name() {
            let expected: Observations = vec![$($expected.to_string()),*];
            expect_directly(behaviour::$name, &expected);
        }
    )*};
}

behaviours! {
    bytes_arrive_in_order_both_ways => ["client read: there", "server read: hither"];
    a_dropped_listener_resets_those_it_has_not_accepted => ["read: connection reset"];
    a_dropped_listener_keeps_those_it_has_accepted => ["read: still here"];
    an_address_is_taken_once => ["second: address in use", "after the first is gone: ok"];
    an_address_is_free_while_its_connections_live => ["listen: ok", "old connection read: hello"];
    port_0_takes_different_ports => ["not 0: true", "different: true"];
    a_foreign_address_is_not_available => ["listen: address not available"];
    a_connection_is_established_before_it_is_accepted => ["read: early"];
    half_close => ["server read: request", "server read: end", "client read: answer", "client read: end"];
    writing_after_shutdown => ["shutdown: ok", "write: broken pipe", "shutdown again: ok"];
    a_close_ends_the_stream => ["read: last words", "read: end", "read: end"];
    a_close_with_unread_data_resets => ["read: connection reset", "write: broken pipe", "read: end"];
    a_reset_is_told_once_to_the_first_who_asks => ["write: connection reset", "read: end", "write: broken pipe", "shutdown: ok"];
    what_arrived_before_a_reset_can_be_read => ["read: last words", "read: connection reset", "read: end"];
    reset_on_close => ["read: connection reset"];
    keep_alive_close_race => ["write: ok", "read: end"];
    a_writer_waits_for_its_reader => ["stopped before the end: true", "all arrived: true"];
    large_writes_arrive_whole => ["same bytes: true", "end: true"];
    both_write_much_at_once => ["client got all: true", "server got all: true"];
    a_cancelled_read_loses_nothing => ["first read waits: true", "read: late"];
    a_cancelled_accept_loses_nothing => ["first accept waits: true", "read: hello"];
    an_empty_write_and_an_empty_read => ["write: 0", "read waits: true", "read with data: 0", "read: data"];
    vectored_writes => ["vectored: true", "read: onetwothree"];
    many_connections_to_one_listener => ["all served: true"];
    a_reader_is_woken_by_a_reset => ["read: connection reset"];
    a_blocked_writer_is_woken_by_a_reset => ["write: connection reset"];
}

behaviours_without_relay! {
    addresses_of_both_ends_agree => [
        "server's peer is the client: true",
        "client's peer is the listener: true",
        "server's local address is the listener's: true",
        "client has a port: true",
    ];
    nobody_listens => ["connect: connection refused"];
    a_dropped_listener_refuses => ["connect: connection refused"];
    data_to_a_closed_end_is_answered_with_a_reset => ["first write: ok", "later write: broken pipe", "read: end"];
    a_cancelled_connect_leaves_nothing => ["next accepted is the next one: true"];
}

/// What the programs do.
mod behaviour {
    use super::*;

    pub(super) async fn bytes_arrive_in_order_both_ways(ground: Ground) -> Observations {
        let (mut client, mut server) = pair(&ground).await;
        for letter in ["hit", "h", "er"] {
            client
                .write_all(letter.as_bytes())
                .await
                .expect("an open connection");
        }
        server.write_all(b"there").await.expect("an open connection");
        let read = exactly(&mut client, 5).await;
        vec![
            format!("client read: {read}"),
            format!("server read: {}", exactly(&mut server, 6).await),
        ]
    }

    pub(super) async fn addresses_of_both_ends_agree(ground: Ground) -> Observations {
        let mut listener = listen(&ground).await;
        let address = listener.local_address().expect("an open port");
        let client = dial(&ground, address).await.expect("somebody listens");
        let (server, peer) = listener.accept().await;
        let local = client.local_address().expect("an open connection");
        vec![
            format!(
                "server's peer is the client: {}",
                peer == local && server.peer_address().is_ok_and(|peer| peer == local)
            ),
            format!(
                "client's peer is the listener: {}",
                client.peer_address().is_ok_and(|peer| peer == address)
            ),
            format!(
                "server's local address is the listener's: {}",
                server.local_address().is_ok_and(|local| local == address)
            ),
            format!("client has a port: {}", local.port() != 0),
        ]
    }

    pub(super) async fn nobody_listens(ground: Ground) -> Observations {
        let unused = address_of(listen(&ground).await);
        vec![format!(
            "connect: {}",
            outcome(dial(&ground, unused).await.map(drop))
        )]
    }

    pub(super) async fn a_dropped_listener_refuses(ground: Ground) -> Observations {
        let mut listener = listen(&ground).await;
        let address = listener.local_address().expect("an open port");
        let _client = dial(&ground, address).await.expect("somebody listens");
        let _server = listener.accept().await;
        drop(listener);
        vec![format!(
            "connect: {}",
            outcome(dial(&ground, address).await.map(drop))
        )]
    }

    pub(super) async fn a_dropped_listener_resets_those_it_has_not_accepted(ground: Ground) -> Observations {
        let listener = listen(&ground).await;
        let address = listener.local_address().expect("an open port");
        let mut client = dial(&ground, address).await.expect("somebody listens");
        pass(&ground).await;
        drop(listener);
        vec![format!("read: {}", read(&mut client).await)]
    }

    pub(super) async fn a_dropped_listener_keeps_those_it_has_accepted(ground: Ground) -> Observations {
        let (mut client, mut server) = pair(&ground).await;
        server.write_all(b"still here").await.expect("an open connection");
        vec![format!("read: {}", read(&mut client).await)]
    }

    pub(super) async fn an_address_is_taken_once(ground: Ground) -> Observations {
        let listener = listen(&ground).await;
        let address = listener.local_address().expect("an open port");
        let second = outcome(ground.server.listen(address).await.map(drop));
        drop(listener);
        let third = outcome(ground.server.listen(address).await.map(drop));
        vec![
            format!("second: {second}"),
            format!("after the first is gone: {third}"),
        ]
    }

    pub(super) async fn an_address_is_free_while_its_connections_live(ground: Ground) -> Observations {
        let mut listener = listen(&ground).await;
        let address = listener.local_address().expect("an open port");
        let mut client = dial(&ground, address).await.expect("somebody listens");
        let (mut server, _) = listener.accept().await;
        drop(listener);
        let again = ground.server.listen(address).await;
        server.write_all(b"hello").await.expect("an open connection");
        vec![
            format!("listen: {}", outcome(again.map(drop))),
            format!("old connection read: {}", read(&mut client).await),
        ]
    }

    pub(super) async fn port_0_takes_different_ports(ground: Ground) -> Observations {
        let (one, other) = (listen(&ground).await, listen(&ground).await);
        let (one, other) = (address_of(one), address_of(other));
        vec![
            format!("not 0: {}", one.port() != 0 && other.port() != 0),
            format!("different: {}", one != other),
        ]
    }

    pub(super) async fn a_foreign_address_is_not_available(ground: Ground) -> Observations {
        let documentation = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 0));
        let listened = ground.server.listen(documentation).await;
        vec![format!("listen: {}", outcome(listened.map(drop)))]
    }

    pub(super) async fn a_connection_is_established_before_it_is_accepted(ground: Ground) -> Observations {
        let mut listener = listen(&ground).await;
        let address = listener.local_address().expect("an open port");
        let mut client = dial(&ground, address).await.expect("the kernel accepts");
        client.write_all(b"early").await.expect("the kernel buffers");
        pass(&ground).await;
        let (mut server, _) = listener.accept().await;
        vec![format!("read: {}", read(&mut server).await)]
    }

    pub(super) async fn half_close(ground: Ground) -> Observations {
        let (mut client, mut server) = pair(&ground).await;
        client.write_all(b"request").await.expect("an open connection");
        client.shutdown().await.expect("an open connection");
        let mut seen = vec![
            format!("server read: {}", read(&mut server).await),
            format!("server read: {}", read(&mut server).await),
        ];
        server
            .write_all(b"answer")
            .await
            .expect("half of the connection is open");
        seen.push(format!("client read: {}", read(&mut client).await));
        drop(server);
        seen.push(format!("client read: {}", read(&mut client).await));
        seen
    }

    pub(super) async fn writing_after_shutdown(ground: Ground) -> Observations {
        let (mut client, _server) = pair(&ground).await;
        vec![
            format!("shutdown: {}", outcome(client.shutdown().await)),
            format!("write: {}", outcome(client.write(b"more").await.map(drop))),
            format!("shutdown again: {}", outcome(client.shutdown().await)),
        ]
    }

    pub(super) async fn a_close_ends_the_stream(ground: Ground) -> Observations {
        let (mut client, mut server) = pair(&ground).await;
        server.write_all(b"last words").await.expect("an open connection");
        drop(server);
        let mut seen = Vec::new();
        for _ in 0..3 {
            seen.push(format!("read: {}", read(&mut client).await));
        }
        seen
    }

    pub(super) async fn a_close_with_unread_data_resets(ground: Ground) -> Observations {
        let (mut client, server) = pair(&ground).await;
        client.write_all(b"never read").await.expect("an open connection");
        pass(&ground).await;
        drop(server);
        vec![
            format!("read: {}", read(&mut client).await),
            format!("write: {}", outcome(client.write(b"more").await.map(drop))),
            format!("read: {}", read(&mut client).await),
        ]
    }

    pub(super) async fn a_reset_is_told_once_to_the_first_who_asks(ground: Ground) -> Observations {
        let (mut client, server) = pair(&ground).await;
        server.reset_on_close().expect("an open connection");
        drop(server);
        pass(&ground).await;
        vec![
            format!("write: {}", outcome(client.write(b"more").await.map(drop))),
            format!("read: {}", read(&mut client).await),
            format!("write: {}", outcome(client.write(b"more").await.map(drop))),
            format!("shutdown: {}", outcome(client.shutdown().await)),
        ]
    }

    pub(super) async fn what_arrived_before_a_reset_can_be_read(ground: Ground) -> Observations {
        let (mut client, mut server) = pair(&ground).await;
        server.write_all(b"last words").await.expect("an open connection");
        client.write_all(b"never read").await.expect("an open connection");
        pass(&ground).await;
        drop(server);
        pass(&ground).await;
        let mut seen = Vec::new();
        for _ in 0..3 {
            seen.push(format!("read: {}", read(&mut client).await));
        }
        seen
    }

    pub(super) async fn reset_on_close(ground: Ground) -> Observations {
        let (mut client, server) = pair(&ground).await;
        server.reset_on_close().expect("an open connection");
        drop(server);
        vec![format!("read: {}", read(&mut client).await)]
    }

    pub(super) async fn data_to_a_closed_end_is_answered_with_a_reset(ground: Ground) -> Observations {
        let (mut client, server) = pair(&ground).await;
        drop(server);
        pass(&ground).await;
        let first = outcome(client.write(b"one").await.map(drop));
        pass(&ground).await;
        let later = outcome(client.write(b"two").await.map(drop));
        vec![
            format!("first write: {first}"),
            format!("later write: {later}"),
            format!("read: {}", read(&mut client).await),
        ]
    }

    pub(super) async fn keep_alive_close_race(ground: Ground) -> Observations {
        let (mut client, mut server) = pair(&ground).await;
        client
            .write_all(b"first request")
            .await
            .expect("an open connection");
        exactly(&mut server, 13).await;
        server
            .write_all(b"first answer")
            .await
            .expect("an open connection");
        exactly(&mut client, 12).await;
        drop(server);
        pass(&ground).await;
        let written = outcome(client.write_all(b"second request").await);
        vec![
            format!("write: {written}"),
            format!("read: {}", read(&mut client).await),
        ]
    }

    pub(super) async fn a_writer_waits_for_its_reader(ground: Ground) -> Observations {
        let (mut client, mut server) = pair(&ground).await;
        let mut written = 0;
        let chunk = vec![7; 64 * 1024];
        while written < LARGE * 4 {
            match tokio::time::timeout(Duration::from_millis(200), client.write(&chunk)).await {
                Ok(length) => written += length.expect("an open connection"),
                Err(_) => break,
            }
        }
        let stopped = written < LARGE * 4;
        drop(client);
        let mut all = Vec::new();
        server.read_to_end(&mut all).await.expect("an orderly close");
        vec![
            format!("stopped before the end: {stopped}"),
            format!("all arrived: {}", all.len() == written),
        ]
    }

    pub(super) async fn large_writes_arrive_whole(ground: Ground) -> Observations {
        let (mut client, mut server) = pair(&ground).await;
        let sent = pattern(LARGE);
        let write = async {
            client.write_all(&sent).await.expect("an open connection");
            client.shutdown().await.expect("an open connection");
        };
        let mut received = Vec::new();
        let (end, ()) = tokio::join!(server.read_to_end(&mut received), write);
        vec![
            format!("same bytes: {}", received == sent),
            format!("end: {}", end.is_ok()),
        ]
    }

    pub(super) async fn both_write_much_at_once(ground: Ground) -> Observations {
        let (client, server) = pair(&ground).await;
        let sent = pattern(LARGE / 4);
        let exchange = async |stream: Stream| {
            let (mut reading, mut writing) = tokio::io::split(stream);
            let mut received = vec![0; sent.len()];
            let (read, written) = tokio::join!(reading.read_exact(&mut received), writing.write_all(&sent));
            read.is_ok() && written.is_ok() && received == sent
        };
        let (client, server) = tokio::join!(exchange(client), exchange(server));
        vec![
            format!("client got all: {client}"),
            format!("server got all: {server}"),
        ]
    }

    pub(super) async fn a_cancelled_read_loses_nothing(ground: Ground) -> Observations {
        let (mut client, mut server) = pair(&ground).await;
        let waits = is_pending(read(&mut client));
        server.write_all(b"late").await.expect("an open connection");
        pass(&ground).await;
        vec![
            format!("first read waits: {waits}"),
            format!("read: {}", read(&mut client).await),
        ]
    }

    pub(super) async fn a_cancelled_connect_leaves_nothing(ground: Ground) -> Observations {
        let mut listener = listen(&ground).await;
        let address = listener.local_address().expect("an open port");
        // On a loopback device the first may be established at once; then it shows up, already closed.
        let cancelled = is_pending(dial(&ground, address));
        pass(&ground).await;
        let next = dial(&ground, address).await.expect("somebody listens");
        let expected = next.local_address().expect("an open connection");
        loop {
            let (mut server, peer) = listener.accept().await;
            if peer == expected {
                return vec![format!("next accepted is the next one: {cancelled}")];
            }
            assert_ne!(read(&mut server).await, "data", "nobody wrote to it");
        }
    }

    pub(super) async fn a_cancelled_accept_loses_nothing(ground: Ground) -> Observations {
        let mut listener = listen(&ground).await;
        let address = listener.local_address().expect("an open port");
        let waits = is_pending(listener.accept());
        let mut client = dial(&ground, address).await.expect("somebody listens");
        client.write_all(b"hello").await.expect("an open connection");
        let (mut server, _) = listener.accept().await;
        vec![
            format!("first accept waits: {waits}"),
            format!("read: {}", read(&mut server).await),
        ]
    }

    pub(super) async fn an_empty_write_and_an_empty_read(ground: Ground) -> Observations {
        let (mut client, mut server) = pair(&ground).await;
        let written = client.write(&[]).await.expect("an open connection");
        let waits = is_pending(client.read(&mut []));
        server.write_all(b"data").await.expect("an open connection");
        pass(&ground).await;
        vec![
            format!("write: {written}"),
            format!("read waits: {waits}"),
            format!(
                "read with data: {}",
                client.read(&mut []).await.expect("an open connection")
            ),
            format!("read: {}", read(&mut client).await),
        ]
    }

    pub(super) async fn vectored_writes(ground: Ground) -> Observations {
        use tokio::io::AsyncWrite;
        let (mut client, mut server) = pair(&ground).await;
        let vectored = client.is_write_vectored();
        let slices = [b"one".as_slice(), b"two", b"three"].map(io::IoSlice::new);
        let written = client.write_vectored(&slices).await.expect("an open connection");
        let read = exactly(&mut server, written).await;
        vec![format!("vectored: {vectored}"), format!("read: {read}")]
    }

    pub(super) async fn many_connections_to_one_listener(ground: Ground) -> Observations {
        let mut listener = listen(&ground).await;
        let address = listener.local_address().expect("an open port");
        ground.server.spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await;
                let number = stream.read_u8().await.expect("the client's number");
                stream.write_u8(number).await.expect("an open connection");
            }
        });
        let mut served = true;
        for number in 0..100 {
            let mut stream = dial(&ground, address).await.expect("somebody listens");
            stream.write_u8(number).await.expect("an open connection");
            served &= stream.read_u8().await.is_ok_and(|echo| echo == number);
        }
        vec![format!("all served: {served}")]
    }

    pub(super) async fn a_reader_is_woken_by_a_reset(ground: Ground) -> Observations {
        let (mut client, server) = pair(&ground).await;
        let reset = async {
            pass(&ground).await;
            server.reset_on_close().expect("an open connection");
            drop(server);
        };
        let (read, ()) = tokio::join!(read(&mut client), reset);
        vec![format!("read: {read}")]
    }

    pub(super) async fn a_blocked_writer_is_woken_by_a_reset(ground: Ground) -> Observations {
        let (mut client, server) = pair(&ground).await;
        let chunk = vec![7; LARGE];
        let reset = async {
            pass(&ground).await;
            drop(server);
        };
        let (written, ()) = tokio::join!(client.write_all(&chunk), reset);
        vec![format!("write: {}", outcome(written))]
    }
}

async fn listen(ground: &Ground) -> Listener {
    ground.server.listen(ground.address).await.expect("a free port")
}

async fn dial(ground: &Ground, address: SocketAddr) -> io::Result<Stream> {
    let address = match &ground.between {
        Between::Relays(relays) => relays.to(address).await,
        Between::Loopback | Between::Network(_) => address,
    };
    ground.client.connect(address).await
}

/// The client's and the server's end of one connection.
async fn pair(ground: &Ground) -> (Stream, Stream) {
    let mut listener = listen(ground).await;
    let address = listener.local_address().expect("an open port");
    let client = dial(ground, address).await.expect("somebody listens");
    let (server, _) = listener.accept().await;
    (client, server)
}

fn address_of(listener: Listener) -> SocketAddr {
    listener.local_address().expect("an open port")
}

/// Waits until all that was sent before has arrived: a message there and one back, on connections of their own, take longer.
async fn pass(ground: &Ground) {
    let (mut client, mut server) = Box::pin(pair(ground)).await;
    client.write_all(b"?").await.expect("an open connection");
    exactly(&mut server, 1).await;
    server.write_all(b"!").await.expect("an open connection");
    exactly(&mut client, 1).await;
}

/// What one read sees.
async fn read(stream: &mut Stream) -> String {
    let mut buffer = [0; 64];
    match stream.read(&mut buffer).await {
        Ok(0) => "end".to_owned(),
        Ok(length) => String::from_utf8_lossy(&buffer[..length]).into_owned(),
        Err(error) => describe(&error),
    }
}

async fn exactly(stream: &mut Stream, length: usize) -> String {
    let mut buffer = vec![0; length];
    stream.read_exact(&mut buffer).await.expect("enough bytes");
    String::from_utf8(buffer).expect("text")
}

fn outcome(result: io::Result<()>) -> String {
    result.map_or_else(|error| describe(&error), |()| "ok".to_owned())
}

fn describe(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        ErrorKind::ConnectionReset => "connection reset".to_owned(),
        ErrorKind::BrokenPipe => "broken pipe".to_owned(),
        ErrorKind::AddrInUse => "address in use".to_owned(),
        ErrorKind::AddrNotAvailable => "address not available".to_owned(),
        other => format!("{other:?}"),
    }
}

/// Polls once, and drops the future.
fn is_pending<F: Future>(future: F) -> bool {
    let future = pin!(future);
    matches!(
        future.poll(&mut Context::from_waker(Waker::noop())),
        Poll::Pending
    )
}

/// Bytes that show when some are missing or out of place.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8).collect()
}
