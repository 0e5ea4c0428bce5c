//! Where the connections of an edge come in. It is open, shut or blocked, as the machine behind the edge would be.
//!
//! The kernel completes a connection before a program accepts it. So to refuse, nobody may listen; and to leave a caller without
//! an answer, as a cut does, the queue of completed connections must be full: Linux then drops what asks for one, and the caller asks again
//! after a second, two, four and so on, as it would across a real cut. Where a kernel is more generous, a caller is connected and hears nothing.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hallway_host::{Host, Listener, Stream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::link::{Condition, Link, changed};

/// How many completed connections the kernel keeps for an open door.
const BACKLOG: i32 = 1024;

/// A connection to a machine's own loopback address is completed at once, or not at all.
const AT_ONCE: Duration = Duration::from_millis(100);

/// How long to wait for a port that somebody else has taken meanwhile, before trying again.
const PAUSE: Duration = Duration::from_millis(10);

/// Where the connections of an edge come in.
pub(super) struct Door {
    host: Host,
    address: SocketAddr,
    listener: Option<Listener>,
    up: watch::Receiver<Condition>,
    down: watch::Receiver<Condition>,
    /// Where the connections come from with which the door was blocked.
    plugs: BTreeSet<SocketAddr>,
}

enum State {
    Open,
    /// Nobody listens.
    Shut,
    /// Nobody answers.
    Blocked,
}

impl Door {
    /// A door to a machine, with the directions to it and back.
    ///
    /// # Errors
    /// When no port can be had.
    pub(super) async fn new(host: Host, up: &Arc<Link>, down: &Arc<Link>) -> io::Result<Self> {
        let listener = host.listen((Ipv4Addr::LOCALHOST, 0).into()).await?;
        Ok(Self {
            host,
            address: listener.local_address()?,
            listener: Some(listener),
            up: up.watch(),
            down: down.watch(),
            plugs: BTreeSet::new(),
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next connection that gets in.
    pub(super) async fn accept(&mut self) -> (Stream, SocketAddr) {
        loop {
            match self.state() {
                State::Open => {
                    if let Some(accepted) = self.accept_until_changed().await {
                        return accepted;
                    }
                }
                State::Shut => {
                    self.listener = None;
                    self.changed().await;
                }
                State::Blocked => self.block().await,
            }
        }
    }

    fn state(&mut self) -> State {
        let up = self.up.borrow_and_update();
        let down = self.down.borrow_and_update();
        match up.cut || down.cut {
            true => State::Blocked,
            false if up.refuses => State::Shut,
            false => State::Open,
        }
    }

    async fn changed(&mut self) {
        tokio::select! {
            () = changed(&mut self.up) => {}
            () = changed(&mut self.down) => {}
        }
    }

    async fn accept_until_changed(&mut self) -> Option<(Stream, SocketAddr)> {
        let listener = listening(&mut self.listener, &self.host, self.address).await;
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => accepted,
            () = changed(&mut self.up) => return None,
            () = changed(&mut self.down) => return None,
        };
        (!self.plugs.remove(&peer)).then_some((stream, peer))
    }

    async fn block(&mut self) {
        let listener = listening(&mut self.listener, &self.host, self.address).await;
        set_backlog(listener, 0);
        let plug = timeout(AT_ONCE, self.host.connect(self.address)).await;
        // When even this one gets no answer, others have filled the queue.
        let plug = plug.ok().and_then(Result::ok);
        self.plugs
            .extend(plug.as_ref().and_then(|plug| plug.local_address().ok()));
        self.changed().await;
        if let Some(listener) = &self.listener {
            set_backlog(listener, BACKLOG);
        }
    }
}

/// The listener, opened again if it was shut.
async fn listening<'a>(
    listener: &'a mut Option<Listener>,
    host: &Host,
    address: SocketAddr,
) -> &'a mut Listener {
    let opened = match listener.take() {
        Some(open) => open,
        None => loop {
            match host.listen(address).await {
                Ok(open) => break open,
                Err(_) => sleep(PAUSE).await,
            }
        },
    };
    listener.insert(opened)
}

/// Says how many connections may wait to be accepted. A virtual listener has no such limit: its callers wait there instead.
fn set_backlog(listener: &Listener, backlog: i32) {
    if let Listener::Tcp(socket) = listener {
        // It cannot fail for a socket that listens; if it did, callers would wait for their answer and not for their connection.
        let _ = rustix::net::listen(socket, backlog);
    }
}
