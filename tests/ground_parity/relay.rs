//! The wire relay between real sockets: everything is as it is without it, but for what this file says. And each end sees the relay's address
//! instead of the other end's, and a connection that is given up while it opens may have been opened beyond the relay.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hallway_host::Host;
use hallway_world::{Clock, Edge, LinkChange, Wire};
use tokio::io::AsyncWriteExt;

use super::{Ground, dial, listen, outcome, pair, pass, read, through_relays};

/// Who dials, and who listens.
pub(super) const CLIENT: &str = "client";
pub(super) const SERVER: &str = "server";

/// A relay to every address that is dialled.
#[derive(Clone)]
pub(super) struct Relays {
    wire: Arc<Wire>,
    by_target: Arc<Mutex<BTreeMap<SocketAddr, SocketAddr>>>,
}

impl Relays {
    pub(super) fn new(host: &Host) -> Self {
        Self {
            wire: Arc::new(Wire::new(host.clone(), Clock::start(host), "a marker")),
            by_target: Arc::default(),
        }
    }

    /// Where to dial instead of `target`.
    pub(super) async fn to(&self, target: SocketAddr) -> SocketAddr {
        let known = self.by_target.lock().expect("no panic").get(&target).copied();
        if let Some(relay) = known {
            return relay;
        }
        let edge = Edge {
            from: CLIENT.to_owned(),
            to: SERVER.to_owned(),
            target,
        };
        let relay = self.wire.relay(edge).await.expect("a free port");
        self.by_target.lock().expect("no panic").insert(target, relay);
        relay
    }

    pub(super) fn change(&self, from: &str, to: &str, change: LinkChange) {
        self.wire.change_link(from, to, change);
    }

    pub(super) fn reset(&self) {
        self.wire.reset_link(CLIENT, SERVER);
    }
}

/// The kernel completes a connection before the relay knows of it, so the refusal follows as a reset.
#[test]
fn a_refusal_follows_as_a_reset() {
    let seen = through_relays(async |ground: Ground| {
        let mut listener = listen(&ground).await;
        let address = listener.local_address().expect("an open port");
        let _first = dial(&ground, address).await.expect("somebody listens");
        listener.accept().await;
        drop(listener);
        let mut client = dial(&ground, address).await.expect("the relay listens");
        vec![format!("read: {}", read(&mut client).await)]
    });
    assert_eq!(seen, ["read: connection reset"]);
}

/// The relay has to try for itself that nobody reads any more, so the sender hears of it one write later.
#[test]
fn a_closed_end_answers_one_write_later() {
    let seen = through_relays(async |ground: Ground| {
        let (mut client, server) = pair(&ground).await;
        drop(server);
        pass(&ground).await;
        let mut seen = Vec::new();
        for data in [b"one", b"two", b"six"] {
            seen.push(format!("write: {}", outcome(client.write(data).await.map(drop))));
            pass(&ground).await;
        }
        seen
    });
    assert_eq!(seen, ["write: ok", "write: ok", "write: broken pipe"]);
}
