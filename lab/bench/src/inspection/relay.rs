//! What stands between the two sidecars of a pair that is inspected.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use hallway_host::task::TaskGuard;
use hallway_host::{Host, Listener, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, split};
use tokio::time::{Instant, sleep};
use tokio_rustls::TlsAcceptor;

use super::server_hello::{Agreement, parse};
use crate::child::LOOK_EVERY;
use crate::pairs::ANYWHERE;

/// The most of a server's first bytes that is read.
const FIRST_BYTES: usize = 4096;

/// A relay, and later an impostor. Dropping it closes its port and its connections.
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
    connections: Vec<TaskGuard>,
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
    pub(super) fn impersonate(&self, acceptor: TlsAcceptor) {
        let mut state = lock(&self.state);
        state.role = Role::Impostor(acceptor);
        state.connections.clear();
    }

    /// What the last server chose; nothing before there was any.
    pub(super) fn agreement(&self) -> Option<Result<Agreement, String>> {
        lock(&self.state).agreement.clone()
    }

    /// Whether somebody has met the impostor, and nobody has told it anything. It is waited for, since the other end may know it sooner.
    pub(super) async fn is_refused_as_impostor(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        loop {
            let (refused, believed) = {
                let state = lock(&self.state);
                (state.refused, state.believed)
            };
            if believed > 0 || refused > 0 || Instant::now() > deadline {
                return refused > 0 && believed == 0;
            }
            sleep(LOOK_EVERY).await;
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
        let connection = serve(host.clone(), downstream, state.clone());
        let task = host.spawn(connection).abort_on_drop();
        lock(&state).connections.push(task);
    }
}

async fn serve(host: Host, downstream: Stream, state: Arc<Mutex<State>>) {
    let role = lock(&state).role.clone();
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
