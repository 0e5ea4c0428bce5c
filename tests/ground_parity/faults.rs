//! Links that fail: the simulated network and the relays of the wire do the same.

use std::pin::pin;
use std::time::Duration;

use hallway_host::Stream;
use hallway_simulator::{Machine, Simulation};
use hallway_world::LinkChange;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use super::relay::{CLIENT, SERVER};
use super::{
    Between, Ground, Observations, dial, listen, on_two_machines, outcome, pair, pattern, read,
    through_relays,
};

/// The simulated network between two machines.
#[derive(Clone)]
pub(super) struct Network {
    network: hallway_simulator::Network,
    client: Machine,
    server: Machine,
}

/// Which way bytes flow.
#[derive(Clone, Copy)]
enum Direction {
    ToServer,
    ToClient,
}

use Direction::{ToClient, ToServer};

/// How long nothing must come, to say that nothing comes.
const A_WHILE: Duration = Duration::from_millis(300);

impl Network {
    pub(super) fn new(simulation: &Simulation, client: Machine, server: Machine) -> Self {
        Self {
            network: simulation.network(),
            client,
            server,
        }
    }

    fn ends(&self, direction: Direction) -> (&Machine, &Machine) {
        match direction {
            ToServer => (&self.client, &self.server),
            ToClient => (&self.server, &self.client),
        }
    }

    fn change(&self, direction: Direction, change: LinkChange) {
        let (from, to) = self.ends(direction);
        let mut link = self.network.link(from, to);
        match change {
            LinkChange::Cut => return self.network.cut(from, to),
            LinkChange::Heal => return self.network.heal(from, to),
            LinkChange::Delay(by) => link.latency = by,
            LinkChange::Bandwidth(limit) => link.bandwidth = limit.try_into().ok(),
            LinkChange::Loss(_) => unreachable!("no relay can lose packets"),
        }
        self.network.set_link(from, to, link);
    }
}

impl Ground {
    fn change(&self, direction: Direction, change: LinkChange) {
        match (&self.between, direction) {
            (Between::Relays(relays), ToServer) => relays.change(CLIENT, SERVER, change),
            (Between::Relays(relays), ToClient) => relays.change(SERVER, CLIENT, change),
            (Between::Network(network), _) => network.change(direction, change),
            (Between::Loopback, _) => unreachable!("there is nothing to change"),
        }
    }

    fn reset(&self) {
        match &self.between {
            Between::Relays(relays) => relays.reset(),
            Between::Network(network) => network.network.reset(&network.client, &network.server),
            Between::Loopback => unreachable!("there is nothing to reset"),
        }
    }
}

/// Makes one test of each fault, with what is to be seen on both grounds.
macro_rules! faults {
    ($($name:ident => [$($expected:expr),* $(,)?];)*) => {$(
        #[test]
        fn $name() {
            let expected: Observations = vec![$($expected.to_string()),*];
            assert_eq!(on_two_machines(fault::$name), expected, "in the simulator");
            assert_eq!(through_relays(fault::$name), expected, "through a relay");
        }
    )*};
}

faults! {
    a_connect_across_a_cut_hangs => ["connect: hangs", "after it is healed: ok"];
    a_connect_hangs_whichever_direction_is_cut => ["connect: hangs", "after it is healed: ok"];
    a_cut_holds_back_both_ways => ["server: nothing", "client: nothing", "server, healed: up", "client, healed: down"];
    a_cut_of_one_way_lets_the_other_pass => ["server: nothing", "client: down", "server, healed: up"];
    a_cut_holds_back_an_end => ["read: nothing", "read, healed: last words", "read: end"];
    a_cut_holds_back_a_reset => ["read: nothing", "read, healed: connection reset"];
    a_reset_breaks_both_ends => ["client: connection reset", "server: connection reset", "new connection: hello"];
    a_delay_is_of_one_direction => ["to the server, late: true", "to the client, late: false"];
    a_bandwidth_limits_one_direction => ["to the server, slow: true", "to the client, slow: false", "with much bandwidth, slow: false"];
}

/// What the programs do, and what the network does to them.
mod fault {
    use super::*;

    pub(super) async fn a_connect_across_a_cut_hangs(ground: Ground) -> Observations {
        connect_across(&ground, &[ToServer, ToClient]).await
    }

    pub(super) async fn a_connect_hangs_whichever_direction_is_cut(ground: Ground) -> Observations {
        let to_server = connect_across(&ground, &[ToServer]).await;
        assert_eq!(connect_across(&ground, &[ToClient]).await, to_server);
        to_server
    }

    async fn connect_across(ground: &Ground, directions: &[Direction]) -> Observations {
        let mut listener = listen(ground).await;
        let address = listener.local_address().expect("an open port");
        let _before = dial(ground, address).await.expect("somebody listens");
        listener.accept().await;
        for direction in directions {
            ground.change(*direction, LinkChange::Cut);
        }
        // A relay takes a moment to hear of it.
        while timeout(A_WHILE, dial(ground, address)).await.is_ok() {}
        let mut connecting = pin!(dial(ground, address));
        let hangs = timeout(A_WHILE, &mut connecting).await.is_err();
        for direction in directions {
            ground.change(*direction, LinkChange::Heal);
        }
        vec![
            format!("connect: {}", if hangs { "hangs" } else { "comes about" }),
            format!("after it is healed: {}", outcome(connecting.await.map(drop))),
        ]
    }

    pub(super) async fn a_cut_holds_back_both_ways(ground: Ground) -> Observations {
        let (mut client, mut server) = pair(&ground).await;
        ground.change(ToServer, LinkChange::Cut);
        ground.change(ToClient, LinkChange::Cut);
        client.write_all(b"up").await.expect("an open connection");
        server.write_all(b"down").await.expect("an open connection");
        let mut seen = vec![
            format!("server: {}", within_a_while(&mut server).await),
            format!("client: {}", within_a_while(&mut client).await),
        ];
        ground.change(ToServer, LinkChange::Heal);
        ground.change(ToClient, LinkChange::Heal);
        seen.push(format!("server, healed: {}", read(&mut server).await));
        seen.push(format!("client, healed: {}", read(&mut client).await));
        seen
    }

    pub(super) async fn a_cut_of_one_way_lets_the_other_pass(ground: Ground) -> Observations {
        let (mut client, mut server) = pair(&ground).await;
        ground.change(ToServer, LinkChange::Cut);
        client.write_all(b"up").await.expect("an open connection");
        server.write_all(b"down").await.expect("an open connection");
        let mut seen = vec![
            format!("server: {}", within_a_while(&mut server).await),
            format!("client: {}", read(&mut client).await),
        ];
        ground.change(ToServer, LinkChange::Heal);
        seen.push(format!("server, healed: {}", read(&mut server).await));
        seen
    }

    pub(super) async fn a_cut_holds_back_an_end(ground: Ground) -> Observations {
        let (mut client, mut server) = pair(&ground).await;
        ground.change(ToClient, LinkChange::Cut);
        server.write_all(b"last words").await.expect("an open connection");
        drop(server);
        let mut seen = vec![format!("read: {}", within_a_while(&mut client).await)];
        ground.change(ToClient, LinkChange::Heal);
        seen.push(format!("read, healed: {}", read(&mut client).await));
        seen.push(format!("read: {}", read(&mut client).await));
        seen
    }

    pub(super) async fn a_cut_holds_back_a_reset(ground: Ground) -> Observations {
        let (mut client, server) = pair(&ground).await;
        ground.change(ToClient, LinkChange::Cut);
        server.reset_on_close().expect("an open connection");
        drop(server);
        let mut seen = vec![format!("read: {}", within_a_while(&mut client).await)];
        ground.change(ToClient, LinkChange::Heal);
        seen.push(format!("read, healed: {}", read(&mut client).await));
        seen
    }

    pub(super) async fn a_reset_breaks_both_ends(ground: Ground) -> Observations {
        let (mut client, mut server) = pair(&ground).await;
        ground.reset();
        let mut seen = vec![
            format!("client: {}", read(&mut client).await),
            format!("server: {}", read(&mut server).await),
        ];
        let (mut client, mut server) = pair(&ground).await;
        client.write_all(b"hello").await.expect("an open connection");
        seen.push(format!("new connection: {}", read(&mut server).await));
        seen
    }

    pub(super) async fn a_delay_is_of_one_direction(ground: Ground) -> Observations {
        let (mut client, mut server) = pair(&ground).await;
        ground.change(ToServer, LinkChange::Delay(A_WHILE));
        let to_server = passage(&mut client, &mut server, 1).await;
        let to_client = passage(&mut server, &mut client, 1).await;
        vec![
            format!("to the server, late: {}", to_server >= A_WHILE),
            format!("to the client, late: {}", to_client >= A_WHILE),
        ]
    }

    pub(super) async fn a_bandwidth_limits_one_direction(ground: Ground) -> Observations {
        const LENGTH: usize = 30_000;
        let (mut client, mut server) = pair(&ground).await;
        ground.change(ToServer, LinkChange::Bandwidth(100_000));
        let to_server = passage(&mut client, &mut server, LENGTH).await;
        let to_client = passage(&mut server, &mut client, LENGTH).await;
        let mut seen = vec![
            format!("to the server, slow: {}", to_server >= A_WHILE * 9 / 10),
            format!("to the client, slow: {}", to_client >= A_WHILE * 9 / 10),
        ];
        ground.change(ToServer, LinkChange::Bandwidth(1_000_000_000));
        let ample = passage(&mut client, &mut server, LENGTH).await;
        seen.push(format!(
            "with much bandwidth, slow: {}",
            ample >= A_WHILE * 9 / 10
        ));
        seen
    }
}

/// What one read sees, if it sees anything before long.
async fn within_a_while(stream: &mut Stream) -> String {
    timeout(A_WHILE, read(stream))
        .await
        .unwrap_or_else(|_| "nothing".to_owned())
}

/// How long so many bytes take from one end to the other.
async fn passage(from: &mut Stream, to: &mut Stream, length: usize) -> Duration {
    let start = Instant::now();
    let sent = pattern(length);
    let mut received = vec![0; length];
    let (written, read) = tokio::join!(from.write_all(&sent), to.read_exact(&mut received));
    written.expect("an open connection");
    read.expect("an open connection");
    start.elapsed()
}
