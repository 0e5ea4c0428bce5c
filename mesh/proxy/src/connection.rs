//! One connection to an endpoint: opened, used by one request at a time, retired before its certificates expire.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use hallway_identity::Refuser;
use hallway_model::SpiffeId;
use hallway_model::telemetry::{Connection as ConnectionRecord, Direction, ProxyRecord, Refusal};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::attempt::Upstream;
use crate::body::RequestBody;
use crate::cluster::{Endpoint, EndpointKey};
use crate::dial::{DialError, dial};
use crate::lifetime::{Lifetime, Side, reached};
use crate::pool::{Condition, Lease, Overflow, Pool, Pooled, Slot};
use crate::proxy::Proxy;
use crate::time::epoch_micros;
use crate::transport::Transport;

/// An open connection, as the pool keeps it.
pub(crate) struct Connection {
    id: u64,
    sender: http1::SendRequest<RequestBody>,
    peer: Option<SpiffeId>,
    retire_at: Option<Instant>,
    idle_since: Instant,
    requests: Arc<AtomicU64>,
    abort: CancellationToken,
}

/// A connection in use. Dropping it before [`Checkout::finish`] closes it at once, and so cancels what the upstream does.
pub(crate) struct Checkout {
    connection: Option<Connection>,
    reused: bool,
    pool: Arc<Pool<Connection>>,
    key: EndpointKey,
}

/// Why there is no connection to use.
pub(crate) enum CheckoutError {
    /// The cluster's limits are reached.
    Overflow(Overflow),
    /// None could be opened.
    Dial(DialError),
}

/// How long a connection is kept without a request. Inbound listeners wait longer than this for the next one.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

impl Checkout {
    /// A connection to the endpoint of `upstream`: an idle one, unless `fresh`, or a new one.
    pub(crate) async fn new(upstream: Upstream<'_>, fresh: bool) -> Result<Self, CheckoutError> {
        let Upstream {
            cluster, endpoint, ..
        } = upstream;
        let lease = cluster
            .pool
            .acquire(&endpoint.key, fresh)
            .await
            .map_err(CheckoutError::Overflow)?;
        let reused = matches!(lease, Lease::Idle(_));
        let connection = match lease {
            Lease::Idle(connection) => connection,
            Lease::Slot(slot) => Connection::open(upstream, slot)
                .await
                .map_err(CheckoutError::Dial)?,
        };
        Ok(Self {
            connection: Some(connection),
            reused,
            pool: Arc::clone(&cluster.pool),
            key: endpoint.key.clone(),
        })
    }

    /// Sends a request and waits for the head of the response.
    pub(crate) async fn send(
        &mut self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, TrySendError<Request<RequestBody>>> {
        let connection = self.connection_mut();
        connection.requests.fetch_add(1, Ordering::Relaxed);
        connection.sender.try_send_request(request).await
    }

    /// Whether the connection has served a request before.
    pub(crate) fn reused(&self) -> bool {
        self.reused
    }

    /// Whether this is the first request of the connection.
    pub(crate) fn is_first_request(&self) -> bool {
        let connection = self.connection.as_ref();
        connection.is_some_and(|connection| connection.requests.load(Ordering::Relaxed) == 1)
    }

    /// Who is there, as authenticated.
    pub(crate) fn peer(&self) -> Option<&SpiffeId> {
        self.connection
            .as_ref()
            .and_then(|connection| connection.peer.as_ref())
    }

    /// Gives the connection back: the response was read to its end.
    pub(crate) fn finish(mut self) {
        if let Some(mut connection) = self.connection.take() {
            connection.idle_since = Instant::now();
            self.pool.put(&self.key, connection);
        }
    }

    fn connection_mut(&mut self) -> &mut Connection {
        self.connection
            .as_mut()
            .expect("only `finish` and the drop take the connection")
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.abort.cancel();
        }
    }
}

impl Connection {
    async fn open(upstream: Upstream<'_>, slot: Slot<Self>) -> Result<Self, DialError> {
        let Upstream {
            proxy,
            direction,
            cluster,
            endpoint,
            ..
        } = upstream;
        let own_expiry = proxy.store.svid().map(|svid| svid.not_after());
        let transport = dial(&proxy.host, endpoint.key.address, endpoint.tls.as_ref())
            .await
            .inspect_err(|error| record_refusal(proxy, direction, endpoint, error))?;
        let peer = transport.peer();
        let expires = peer
            .as_ref()
            .map(|peer| peer.not_after)
            .into_iter()
            .chain(own_expiry)
            .min();
        let lifetime = peer.as_ref().and(expires).map(|expires| {
            let now = proxy.host.wall_clock();
            let draw = |random: &mut _| Lifetime::new(Side::Client, now, expires, random);
            proxy.randomness.lifetimes.with(draw)
        });
        let (sender, driver) = http1::Builder::new()
            .max_header_size(proxy.bootstrap.limits.header_bytes)
            .handshake(TokioIo::new(transport))
            .await
            .expect("nothing is exchanged before the first request");
        let connection = Self {
            id: proxy.next_connection_id(),
            sender,
            peer: peer.map(|peer| peer.identity),
            retire_at: lifetime.map(|lifetime| lifetime.retire_at),
            idle_since: Instant::now(),
            requests: Arc::default(),
            abort: CancellationToken::new(),
        };
        let life = Life {
            proxy: Arc::clone(proxy),
            pool: Arc::clone(&cluster.pool),
            key: endpoint.key.clone(),
            id: connection.id,
            direction,
            peer: connection.peer.clone(),
            opened: proxy.host.wall_clock(),
            lifetime,
            requests: Arc::clone(&connection.requests),
            abort: connection.abort.clone(),
            _slot: slot,
        };
        proxy.host.spawn(life.drive(driver));
        Ok(connection)
    }
}

impl Pooled for Connection {
    type Key = EndpointKey;

    fn id(&self) -> u64 {
        self.id
    }

    fn condition(&self) -> Condition {
        let now = Instant::now();
        let retired = self.retire_at.is_some_and(|moment| moment <= now);
        if self.sender.is_closed() || retired || self.idle_since + IDLE_TIMEOUT <= now {
            Condition::Spent
        } else if self.sender.is_ready() {
            Condition::Ready
        } else {
            Condition::Busy
        }
    }
}

/// What keeps a connection going in the background, and what is to be said of it when it ends.
struct Life {
    proxy: Arc<Proxy>,
    pool: Arc<Pool<Connection>>,
    key: EndpointKey,
    id: u64,
    direction: Direction,
    peer: Option<SpiffeId>,
    opened: SystemTime,
    lifetime: Option<Lifetime>,
    requests: Arc<AtomicU64>,
    abort: CancellationToken,
    _slot: Slot<Connection>,
}

impl Life {
    async fn drive(self, driver: http1::Connection<TokioIo<Transport>, RequestBody>) {
        self.proxy.metrics.upstream_opened(self.direction);
        let mut driver = std::pin::pin!(driver);
        let retire = reached(self.lifetime.map(|lifetime| lifetime.retire_at));
        let retire = async {
            retire.await;
            self.pool.evict(&self.key, self.id);
            std::future::pending::<()>().await;
        };
        tokio::select! {
            // Its errors reach the request that it carries.
            _ = driver.as_mut() => {}
            () = self.abort.cancelled() => {}
            () = reached(self.lifetime.map(|lifetime| lifetime.close_at)) => {}
            () = retire => {}
        }
        self.pool.evict(&self.key, self.id);
        self.record();
    }

    /// Leaves a record, but not of connections to this proxy's own application: they are not between sidecars.
    fn record(&self) {
        self.proxy.metrics.upstream_closed(self.direction);
        if self.direction == Direction::Inbound {
            return;
        }
        self.proxy.record(ProxyRecord::Connection(ConnectionRecord {
            proxy: self.proxy.workload().to_owned(),
            direction: self.direction,
            peer_address: self.key.address,
            peer: self.peer.clone(),
            opened_us: epoch_micros(self.opened),
            closed_us: epoch_micros(self.proxy.host.wall_clock()),
            certificates_expire_us: self.lifetime.map(|lifetime| epoch_micros(lifetime.expires)),
            requests: self.requests.load(Ordering::Relaxed),
        }));
    }
}

/// Leaves a record when it was this side that refused; when it was the peer, its own record is the witness.
fn record_refusal(proxy: &Proxy, direction: Direction, endpoint: &Endpoint, error: &DialError) {
    if let DialError::Handshake(failure) = error
        && failure.refuser == Refuser::Us
    {
        proxy.refused(Refusal {
            proxy: proxy.workload().to_owned(),
            direction,
            at_us: epoch_micros(proxy.host.wall_clock()),
            peer_address: endpoint.key.address,
            reason: failure.reason,
            detail: failure.detail.clone(),
        });
    }
}
