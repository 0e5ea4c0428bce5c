//! What stands between the two sidecars of a pair that is inspected.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use hallway_host::task::TaskGuard;
use hallway_host::{Host, Listener, Stream, Task};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, split};
use tokio_rustls::TlsAcceptor;

use super::server_hello::{Agreement, parse};
use crate::pairs::ANYWHERE;

/// The most of a server's first bytes that is read.
const FIRST_BYTES: usize = 4096;

/// A relay, and later an impostor. Dropping it closes its port; its connections end with those who use them.
#[derive(Debug)]
pub(crate) struct Relay {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    _accepting: TaskGuard,
}

#[derive(Default)]
struct State {
    role: Role,
    agreement: Option<Result<Agreement, String>>,
    /// What is under way.
    connections: Vec<Task>,
    refused: usize,
    believed: usize,
}

#[derive(Clone, Default)]
enum Role {
    #[default]
    Nobody,
    Relay(SocketAddr),
    Impostor(TlsAcceptor),
}

impl Relay {
    pub(super) async fn listen(host: &Host) -> io::Result<Self> {
        let listener = host.listen(ANYWHERE).await?;
        let address = listener.local_address()?;
        let state = Arc::new(Mutex::new(State::default()));
        let accepting = host.spawn(accept(host.clone(), listener, state.clone()));
        Ok(Self {
            address,
            state,
            _accepting: accepting.abort_on_drop(),
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Carries connections to `target` from now on.
    pub(crate) fn lead_to(&self, target: SocketAddr) {
        lock(&self.state).role = Role::Relay(target);
    }

    /// Breaks all connections, and answers new ones itself.
    pub(super) async fn impersonate(&self, acceptor: TlsAcceptor) {
        let connections = {
            let mut state = lock(&self.state);
            state.role = Role::Impostor(acceptor);
            std::mem::take(&mut state.connections)
        };
        for connection in connections {
            connection.abort();
            connection.join().await;
        }
    }

    /// What the last server chose; nothing before there was any.
    pub(super) fn agreement(&self) -> Option<Result<Agreement, String>> {
        lock(&self.state).agreement.clone()
    }

    /// Whether somebody has met the impostor: whether it was told anything. Nothing before somebody has.
    pub(super) fn was_believed(&self) -> Option<bool> {
        let state = lock(&self.state);
        match state.believed {
            0 => (state.refused > 0).then_some(false),
            _ => Some(true),
        }
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("State").finish_non_exhaustive()
    }
}

async fn accept(host: Host, mut listener: Listener, state: Arc<Mutex<State>>) {
    loop {
        let (downstream, _) = listener.accept().await;
        let mut locked = lock(&state);
        let connection = serve(host.clone(), downstream, locked.role.clone(), state.clone());
        locked.connections.push(host.spawn(connection));
    }
}

async fn serve(host: Host, downstream: Stream, role: Role, state: Arc<Mutex<State>>) {
    match role {
        Role::Nobody => {}
        // Both ends see that the connection breaks off.
        Role::Relay(target) => drop(carry(&host, downstream, target, &state).await),
        Role::Impostor(acceptor) => match is_believed(&acceptor, downstream).await {
            true => lock(&state).believed += 1,
            false => lock(&state).refused += 1,
        },
    }
}

/// Whether a client tells an impostor anything. Some look at the certificate only after the handshake.
async fn is_believed(acceptor: &TlsAcceptor, downstream: Stream) -> bool {
    let Ok(mut connection) = acceptor.accept(downstream).await else {
        return false;
    };
    let mut secret = [0; 1];
    connection.read(&mut secret).await.is_ok_and(|count| count > 0)
}

async fn carry(host: &Host, downstream: Stream, target: SocketAddr, state: &Mutex<State>) -> io::Result<()> {
    let (mut from_client, mut to_client) = split(downstream);
    let (mut from_server, mut to_server) = split(host.connect(target).await?);
    let there = async {
        copy(&mut from_client, &mut to_server).await?;
        to_server.shutdown().await
    };
    let back = async {
        let mut first = vec![0; FIRST_BYTES];
        let count = from_server.read(&mut first).await?;
        lock(state).agreement = Some(parse(&first[..count]));
        to_client.write_all(&first[..count]).await?;
        copy(&mut from_server, &mut to_client).await?;
        to_client.shutdown().await
    };
    tokio::try_join!(there, back).map(drop)
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("nobody panics while holding it")
}
