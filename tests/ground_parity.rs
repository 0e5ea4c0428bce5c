//! Sockets behave the same on both grounds: each behaviour is observed on real sockets and in the simulator, and expected to be the same.
//!
//! - [`behaviour`]: what sockets do
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

#[path = "ground_parity/behaviour.rs"]
mod behaviour;
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
