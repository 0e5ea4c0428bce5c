//! Connections to endpoints: opened, used by one request at a time or by many, retired before their certificates expire.

mod http1;
mod http2;
mod lanes;
mod life;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use hallway_host::Host;
use hallway_host::task::TaskGuard;
use hallway_identity::{HandshakeFailure, Refuser};
use hallway_model::Protocol;
use hallway_model::telemetry::{Direction, Refusal};
use http::Response;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::life::Life;
use crate::attempt::Upstream;
use crate::cluster::{Endpoint, EndpointKey};
use crate::dial::{DialError, dial};
use crate::incoming::Incoming;
use crate::lifetime::{Lifetime, Side};
use crate::outgoing::Outgoing;
use crate::peer::Peer;
use crate::pool::{Condition, Lease, NoLease, Pool, Pooled, Slot};
use crate::time::epoch_micros;
use crate::transport::Carrier;
use crate::worker::Worker;

/// An open connection: the pool's, or that of one of its users.
pub(crate) struct Connection {
    id: u64,
    sender: Sender,
    peer: Option<Arc<Peer>>,
    retire_at: Option<Instant>,
    idle_since: Instant,
    account: Arc<Account>,
    /// Whether this hold counts as a request that the connection carries.
    counted: bool,
    abort: CancellationToken,
}

/// The sending half, by what carries the requests.
enum Sender {
    Http1(http1::Sender),
    Http2(http2::Sender),
    Lanes(lanes::Sender),
}

/// What all who use a connection know of it together.
#[derive(Default)]
struct Account {
    requests: AtomicU64,
    /// Requests that it carries now.
    active: AtomicU32,
    /// Whether the peer has ever answered, and so has accepted this side.
    answered: AtomicBool,
}

/// A connection in use by one request. Dropping it before [`Checkout::finish`] cancels what the upstream does: where it shares the connection,
/// with a reset, over HTTP/1.1 by closing the connection.
pub(crate) struct Checkout {
    connection: Option<Connection>,
    reused: bool,
    since: Instant,
    pool: Arc<Pool<Connection>>,
    endpoint: Arc<Endpoint>,
    /// Sends the request body; stopped with the request.
    upload: Option<TaskGuard>,
}

/// Why there is no connection to use.
pub(crate) type CheckoutError = NoLease<Arc<DialError>>;

/// Why a request was not answered.
pub(crate) struct SendError<'a> {
    /// The request, when nothing of it was sent: it can be sent on another connection.
    pub(crate) unsent: Option<Box<Outgoing<'a>>>,
    /// Whether the upstream may have looked at it.
    pub(crate) may_be_executed: bool,
    /// Why the peer ended TLS, if it did.
    pub(crate) refusal: Option<HandshakeFailure>,
    /// In words.
    pub(crate) cause: String,
}

/// How long a connection is kept without a request. Inbound listeners wait longer than this for the next one.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

impl Checkout {
    /// A connection to the endpoint of `upstream`: an open one, unless `fresh`, or a new one.
    pub(crate) async fn new(upstream: Upstream<'_>, fresh: bool) -> Result<Self, CheckoutError> {
        let endpoint = upstream.endpoint;
        let pool = upstream.cluster.pool(upstream.worker.index);
        let lease = pool.acquire(&endpoint.key, fresh).await?;
        let reused = matches!(lease, Lease::Open(_));
        let connection = match lease {
            Lease::Open(connection) => connection,
            // Boxed: it is rare and large, and would make the future of every request large.
            Lease::Slot(slot) => Box::pin(Connection::open(upstream, pool, slot))
                .await
                .map_err(NoLease::Failed)?,
        };
        Ok(Self {
            connection: Some(connection),
            reused,
            since: Instant::now(),
            pool: Arc::clone(pool),
            endpoint: Arc::clone(endpoint),
            upload: None,
        })
    }

    /// Sends a request and waits for the head of the response.
    pub(crate) async fn send<'a>(
        &mut self,
        worker: &Worker,
        request: Outgoing<'a>,
    ) -> Result<Response<Incoming>, SendError<'a>> {
        let connection = self
            .connection
            .as_mut()
            .expect("only `finish` and the drop take the connection");
        let before = connection.account.requests.fetch_add(1, Ordering::Relaxed);
        let response = match &mut connection.sender {
            Sender::Http1(sender) => sender.send(request).await?,
            Sender::Http2(sender) => {
                let first = before == 0;
                sender
                    .send(&worker.proxy.host, request, first, &mut self.upload)
                    .await?
            }
            Sender::Lanes(sender) => sender.send(&worker.proxy.host, request, &mut self.upload).await?,
        };
        connection.account.answered.store(true, Ordering::Relaxed);
        Ok(response)
    }

    /// Whether the connection was open before.
    pub(crate) fn reused(&self) -> bool {
        self.reused
    }

    /// Whether the peer has answered on this connection, and so has accepted this side's certificate.
    pub(crate) fn is_accepted(&self) -> bool {
        let connection = self.connection.as_ref();
        connection.is_some_and(|connection| connection.account.answered.load(Ordering::Relaxed))
    }

    /// Who is there, as authenticated.
    pub(crate) fn peer(&self) -> Option<&Arc<Peer>> {
        self.connection
            .as_ref()
            .and_then(|connection| connection.peer.as_ref())
    }

    /// Gives the connection back: the response was read to its end. `sent` says whether the request was sent to its end too;
    /// nothing else can be sent over HTTP/1.1 before.
    pub(crate) fn finish(mut self, sent: bool) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        if let Sender::Http1(_) = connection.sender {
            if !sent {
                connection.abort.cancel();
                return;
            }
            connection.idle_since = Instant::now();
        }
        self.pool.put(&self.endpoint.key, connection);
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        let last_read = match &connection.sender {
            Sender::Http1(_) => {
                connection.abort.cancel();
                return;
            }
            Sender::Http2(sender) => sender.last_read(),
            Sender::Lanes(sender) => sender.last_read(),
        };
        // When nothing at all was heard meanwhile, the connection may be dead, which TCP would notice only after minutes.
        if last_read < self.since {
            self.pool.evict(&self.endpoint.key, connection.id);
        }
        self.pool.put(&self.endpoint.key, connection);
    }
}

impl Connection {
    async fn open(
        upstream: Upstream<'_>,
        pool: &Arc<Pool<Self>>,
        mut slot: Slot<Self>,
    ) -> Result<Self, Arc<DialError>> {
        let Upstream {
            worker,
            direction,
            endpoint,
            ..
        } = upstream;
        let proxy = &worker.proxy;
        let own_expiry = proxy.store.svid().map(|svid| svid.not_after());
        let transport = match dial(&proxy.host, endpoint.key.address, endpoint.tls.as_ref()).await {
            Ok(transport) => transport,
            Err(error) => {
                record_refusal(worker, direction, endpoint, &error);
                let error = Arc::new(error);
                slot.failed(&error);
                return Err(error);
            }
        };
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
            worker.randomness.lifetimes.with(draw)
        });
        let limit = proxy.bootstrap.limits.header_bytes;
        let account = Arc::new(Account::default());
        let (sender, driver) = match transport.carrier(endpoint.key.protocol()) {
            Carrier::Http1 => http1::open(transport, limit).await,
            Carrier::Http2 => http2::open(transport, limit).await,
            Carrier::Lanes => lanes::open(transport, limit),
        };
        let mut connection = Self {
            id: proxy.next_connection_id(),
            sender,
            peer: peer.map(|peer| Arc::new(Peer::new(peer.identity))),
            retire_at: lifetime.map(|lifetime| lifetime.retire_at),
            idle_since: Instant::now(),
            account,
            counted: false,
            abort: CancellationToken::new(),
        };
        connection.count();
        slot.opened(&connection);
        let life = Life {
            worker: Arc::clone(worker),
            pool: Arc::clone(pool),
            key: endpoint.key.clone(),
            id: connection.id,
            direction,
            peer: connection.peer.clone(),
            opened: proxy.host.wall_clock(),
            lifetime,
            account: Arc::clone(&connection.account),
            abort: connection.abort.clone(),
            _slot: slot,
        };
        proxy.host.spawn(life.drive(driver));
        Ok(connection)
    }
}

impl Pooled for Connection {
    type Key = EndpointKey;
    type Error = Arc<DialError>;

    fn may_be_shared(key: &EndpointKey) -> bool {
        key.protocol() == Protocol::Http2
    }

    fn id(&self) -> u64 {
        self.id
    }

    fn condition(&self) -> Condition {
        let now = Instant::now();
        let retired = self.retire_at.is_some_and(|moment| moment <= now);
        match &self.sender {
            _ if retired => Condition::Spent,
            Sender::Http1(_) if self.idle_since + IDLE_TIMEOUT <= now => Condition::Spent,
            Sender::Http1(sender) => sender.condition(),
            Sender::Http2(sender) if sender.is_closed() => Condition::Spent,
            Sender::Lanes(sender) if sender.is_closed() => Condition::Spent,
            Sender::Http2(sender) => self.condition_of_many(sender.most()),
            Sender::Lanes(_) => self.condition_of_many(hallway_lanes::LANES),
        }
    }

    fn share(&self) -> Option<Self> {
        let sender = match &self.sender {
            Sender::Http1(_) => return None,
            Sender::Http2(sender) => Sender::Http2(sender.clone()),
            Sender::Lanes(sender) => Sender::Lanes(sender.clone()),
        };
        Some(Self {
            id: self.id,
            sender,
            peer: self.peer.clone(),
            retire_at: self.retire_at,
            idle_since: self.idle_since,
            account: Arc::clone(&self.account),
            counted: false,
            abort: self.abort.clone(),
        })
    }

    fn count(&mut self) {
        if !self.counted {
            self.counted = true;
            self.account.active.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn is_idle(&self) -> bool {
        self.account.active.load(Ordering::Relaxed) == 0
    }
}

impl Connection {
    /// What a connection is good for that carries `most` requests at once.
    fn condition_of_many(&self, most: usize) -> Condition {
        match (self.account.active.load(Ordering::Relaxed) as usize) < most {
            true => Condition::Ready,
            false => Condition::Busy,
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.counted {
            self.account.active.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Sends a body: at once if the peer can take it whole, otherwise in a task, since the peer may answer before it was sent to
/// its end.
async fn upload(host: &Host, sending: impl Future<Output = ()> + Send + 'static) -> Option<TaskGuard> {
    let mut sending = Box::pin(sending);
    let is_sent = poll_fn(|context| Poll::Ready(sending.as_mut().poll(context).is_ready())).await;
    (!is_sent).then(|| host.spawn(sending).abort_on_drop())
}

/// Leaves a record when it was this side that refused; when it was the peer, its own record is the witness.
fn record_refusal(worker: &Worker, direction: Direction, endpoint: &Endpoint, error: &DialError) {
    if let DialError::Handshake(failure) = error
        && failure.refuser == Refuser::Us
    {
        let proxy = &worker.proxy;
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
