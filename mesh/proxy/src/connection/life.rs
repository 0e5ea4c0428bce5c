//! What keeps a connection going in the background, and what is to be said of it when it ends.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::SystemTime;

use hallway_model::telemetry::{Connection as ConnectionRecord, Direction, ProxyRecord};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Account, Connection, http1, http2, lanes};
use crate::cluster::EndpointKey;
use crate::events::Events;
use crate::lifetime::{Lifetime, reached};
use crate::peer::Peer;
use crate::pool::{Pool, Slot};
use crate::time::epoch_micros;
use crate::worker::Worker;

/// What does the work of a connection, by what carries the requests.
pub(super) enum Driver {
    Http1(Box<http1::Driver>),
    Http2(Box<http2::Driver>),
    Lanes(Box<lanes::Driver>),
}

pub(super) struct Life {
    pub(super) worker: Arc<Worker>,
    pub(super) pool: Arc<Pool<Connection>>,
    pub(super) key: EndpointKey,
    pub(super) id: u64,
    pub(super) direction: Direction,
    pub(super) peer: Option<Arc<Peer>>,
    pub(super) opened: SystemTime,
    pub(super) lifetime: Option<Lifetime>,
    pub(super) account: Arc<Account>,
    pub(super) abort: CancellationToken,
    pub(super) _slot: Slot<Connection>,
}

/// What happens to a connection from outside.
enum Event {
    Retire,
    Close,
}

impl Driver {
    /// Ends with the connection. Its errors reach the requests that it carries.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Http1(driver) => Pin::new(driver).poll(context).map(drop),
            Self::Http2(driver) => driver.poll(context),
            Self::Lanes(driver) => Pin::new(driver).poll(context).map(drop),
        }
    }
}

impl Life {
    pub(super) async fn drive(self, mut driver: Driver) {
        self.worker.proxy.metrics.upstream_opened(self.direction);
        let life = |moment: fn(Lifetime) -> Instant| reached(self.lifetime.map(moment));
        let mut events = Events::none()
            .and(self.abort.cancelled(), Event::Close)
            .and(life(|lifetime| lifetime.close_at), Event::Close)
            .and(life(|lifetime| lifetime.retire_at), Event::Retire);
        loop {
            tokio::select! {
                biased;
                () = poll_fn(|context| driver.poll(context)) => break,
                event = events.next() => match event {
                    Event::Close => break,
                    // Without the pool's hold on it, it ends with the last request that it carries.
                    Event::Retire => self.pool.evict(&self.key, self.id),
                },
            }
        }
        drop(events);
        self.pool.evict(&self.key, self.id);
        self.record();
    }

    /// Leaves a record, but not of connections to this proxy's own application: they are not between sidecars.
    fn record(&self) {
        let proxy = &self.worker.proxy;
        proxy.metrics.upstream_closed(self.direction);
        if self.direction == Direction::Inbound {
            return;
        }
        self.worker.record(&ProxyRecord::Connection(ConnectionRecord {
            proxy: proxy.workload().to_owned(),
            direction: self.direction,
            peer_address: self.key.address,
            peer: self.peer.as_ref().map(|peer| peer.identity.clone()),
            opened_us: epoch_micros(self.opened),
            closed_us: epoch_micros(proxy.host.wall_clock()),
            certificates_expire_us: self.lifetime.map(|lifetime| epoch_micros(lifetime.expires)),
            requests: self.account.requests.load(Ordering::Relaxed),
        }));
    }
}
